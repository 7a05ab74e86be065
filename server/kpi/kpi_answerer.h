// KpiAnswerer: computes one answer. Built for one request, used by one thread.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "server/kpi/base_values.h"
#include "server/kpi/comparison.h"
#include "server/kpi/drivers.h"
#include "server/kpi/kpi.h"
#include "server/kpi/past_weeks.h"

namespace freshet {

// Rows that `top` may ask for.
inline constexpr uint32_t kMaxTop = 10'000;

class KpiAnswerer {
 public:
  // `request`, `frozen`, `book` and `scans`, those of the batch, must outlive
  // it; the latter two may be null.
  KpiAnswerer(Runner& runner, std::shared_ptr<const Model> model,
              const KpiRequest& request, Timestamp now, const Limits& limits,
              CancelFlag cancel, FrozenDatasets* frozen, PastWeeksBook* book,
              SharedScans* scans = nullptr)
      : runner_(runner),
        model_(std::move(model)),
        request_(request),
        now_(now),
        limits_(limits),
        cancel_(std::move(cancel)),
        frozen_(frozen),
        book_(book),
        scans_(scans) {}

  // Tells `scans` what answer() will ask for, as far as it is known before.
  // What fails here fails there.
  void foresee();
  Result<KpiAnswer> answer();
  // `request.kpi` is the request it was built for.
  Result<KpiDrivers> drivers(const DriversRequest& request);

 private:
  // Checks the request, fills in what follows from it alone and takes the data.
  Status begin();
  Status prepare();
  Status check_dimensions() const;
  Result<Buckets> cut(Interval range) const;

  Status answer_series();
  Status answer_rows();
  Result<DimensionDrivers> drivers_by(const std::string& dimension,
                                      const DriversRequest& request,
                                      const KpiDrivers& change);
  Status answer_value();
  Status answer_comparison();
  // Whether the compared range is before the first event: there is nothing
  // there to compare with, not a zero.
  bool nothing_to_compare() const;
  Status compare_ahead();
  Result<std::vector<KpiAnswer::Point>> compare_series(
      Interval range, const Buckets& theirs, std::optional<BaseValues>* flows);
  Timestamp our_time(Timestamp from, Timestamp end) const;
  std::vector<Timestamp> our_times(const Buckets& theirs, Interval range) const;
  Status compare_rows(const std::vector<GroupKey>& keys);
  Status answer_target();
  Status answer_row_targets();
  Result<std::optional<Decimal>> chosen_target();
  Result<std::map<std::string, Decimal>> targets_by_value() const;
  Result<double> target_length() const;
  KpiAnswer::Target target_of(Decimal target, const KpiNumber& value) const;
  bool target_is_for_the_whole() const;
  Result<KpiAnswer::Pace> pace_of(Decimal target);
  Result<std::shared_ptr<const PastWeeks>> past_weeks();
  Result<KpiNumber> rest_value(
      const std::vector<std::pair<GroupKey, BaseValues>>& shown,
      const std::vector<const BaseValues*>& rest);

  // Finds the stores of same_stores().
  Status choose_stores();
  AnswerClock clock() const {
    return {now_, zone_, stores_ ? &*stores_ : nullptr};
  }
  BaseQueries queries() {
    return BaseQueries(*plan_, *data_, filter_, clock());
  }
  // Whether rows are asked for by hours or weekdays.
  bool by_parts_of_time() const;
  Timestamp moment(Interval range) const { return clock().moment(range); }
  double days(Interval range) const { return clock().days(range); }
  void explain_null(const FormulaValue& total, const BaseValues& values);

  Runner& runner_;
  std::shared_ptr<const Model> model_;
  const KpiRequest& request_;
  Timestamp now_;
  const Limits limits_;  // begun with the request
  CancelFlag cancel_;
  FrozenDatasets* frozen_;
  PastWeeksBook* book_;
  SharedScans* scans_;

  std::optional<Status> begun_;  // what begin() came to
  const KpiModel* kpi_ = nullptr;
  absl::TimeZone zone_;
  Interval range_;
  std::optional<Granularity> grain_;
  ExpressionPtr filter_;
  std::optional<Comparison> comparison_;
  std::optional<KpiPlan> plan_;
  std::optional<AnswerData> data_;
  std::optional<SameStores> stores_;
  Buckets buckets_;
  // Base values of the whole range, where series or rows gave them.
  std::optional<BaseValues> flows_;
  double weight_now_ = 0, weight_before_ = 0;  // the divisor of a ratio
  KpiAnswer out_;
};

}  // namespace freshet
