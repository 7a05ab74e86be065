#include "server/kpi/kpi_answerer.h"

#include <absl/time/clock.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "segments/time.h"
#include "server/json/json_value.h"
#include "server/query/lookup_source.h"
#include "server/query/query_control.h"

namespace freshet {
namespace {

std::string did_you_mean(std::string_view name,
                         const std::vector<std::string>& known) {
  std::string near = nearest_name(name, known);
  return near.empty() ? "" : "; did you mean '" + near + "'?";
}

Error no_such_kpi(const Model& model, const std::string& name) {
  std::vector<std::string> known;
  for (const KpiModel& kpi : model.kpis) known.push_back(kpi.name);
  return Error{ErrorCode::kNotFound,
               "there is no KPI '" + name + "'" + did_you_mean(name, known), 0,
               0};
}

bool is_one_of(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Of all series of a batch: about 15 MB of JSON.
constexpr size_t kMaxBatchBuckets = 200'000;

size_t num_buckets(const KpiAnswer& answer) {
  size_t compared = answer.compare ? answer.compare->series.size() +
                                         answer.compare->ahead.size()
                                   : 0;
  return answer.series.size() + compared;
}

Error too_many_buckets() {
  return at_path(
      "grain",
      Error{ErrorCode::kLimit,
            "the series of a batch have more than " +
                std::to_string(kMaxBatchBuckets) +
                " buckets together; ask for a coarser grain or less at once"});
}

// Why nothing has arrived in any of the datasets: rows that are derived with a
// lookup wait until it was read.
std::string no_data_yet(const Model& model,
                        const std::vector<std::string>& datasets,
                        const LookupSource* lookups) {
  std::set<std::string> names;
  for (const std::string& name : datasets) {
    const DatasetModel* dataset = model.dataset(name);
    if (!dataset) continue;
    collect_lookups(dataset->filter, names);
    for (const ColumnModel& column : dataset->columns) {
      collect_lookups(column.derived, names);
    }
  }
  for (const std::string& name : names) {
    Status ready = lookups ? lookups->ready(name) : Status();
    if (!ready) return "no data yet, events wait: " + ready.error().message;
  }
  return "no data has arrived yet";
}

class KpisOfModel : public Kpis {
 public:
  KpisOfModel(Runner& runner,
              std::function<std::shared_ptr<const Model>()> model,
              Limits limits, RestatedOf restated)
      : runner_(runner),
        model_(std::move(model)),
        limits_(limits),
        restated_(std::move(restated)) {}

  Result<KpiAnswer> answer(const KpiRequest& request,
                           CancelFlag cancel) override {
    FrozenDatasets frozen(runner_, restated_);
    return KpiAnswerer(runner_, model_(), request, now(), begun(),
                       std::move(cancel), &frozen, &book_)
        .answer();
  }

  std::vector<Result<KpiAnswer>> answer_all(
      const std::vector<KpiRequest>& requests, CancelFlag cancel) override {
    std::shared_ptr<const Model> model = model_();
    FrozenDatasets frozen(runner_, restated_);
    Timestamp time = now();
    Limits limits = begun();
    SharedScans scans(*model);
    std::vector<size_t> first(requests.size());  // the request it repeats
    std::vector<std::unique_ptr<KpiAnswerer>> answerers(requests.size());
    for (size_t i = 0; i < requests.size(); ++i) {
      auto same =
          std::find(requests.begin(), requests.begin() + static_cast<long>(i),
                    requests[i]);
      first[i] = static_cast<size_t>(same - requests.begin());
      if (first[i] != i) continue;
      answerers[i] = std::make_unique<KpiAnswerer>(runner_, model, requests[i],
                                                   time, limits, cancel,
                                                   &frozen, &book_, &scans);
      if (requests.size() > 1) answerers[i]->foresee();
    }
    std::vector<Result<KpiAnswer>> answers;
    size_t buckets = 0;  // of the answers so far
    for (size_t i = 0; i < requests.size(); ++i) {
      Result<KpiAnswer> answer = first[i] != i ? answers[first[i]]
                                 : buckets > kMaxBatchBuckets
                                     ? too_many_buckets()
                                     : answerers[i]->answer();
      answerers[i].reset();
      if (answer) buckets += num_buckets(*answer);
      if (buckets > kMaxBatchBuckets) answer = too_many_buckets();
      answers.push_back(std::move(answer));
    }
    return answers;
  }

  Result<KpiDrivers> drivers(const DriversRequest& request,
                             CancelFlag cancel) override {
    FrozenDatasets frozen(runner_, restated_);
    return KpiAnswerer(runner_, model_(), request.kpi, now(), begun(),
                       std::move(cancel), &frozen, &book_)
        .drivers(request);
  }

  Result<KpiFreshness> freshness(const std::string& kpi) override {
    std::shared_ptr<const Model> model = model_();
    const KpiModel* found = model->kpi(kpi);
    if (!found) return no_such_kpi(*model, kpi);
    TRY_ASSIGN(KpiPlan plan, KpiPlan::create(*model, *found));
    KpiFreshness out{kMaxTimestamp, true};
    for (const std::string& name : plan.datasets()) {
      auto snapshot = runner_.catalog().snapshot(name);
      if (!snapshot) return dataset_not_ready(name);
      out.as_of = std::min(out.as_of, snapshot->as_of);
      out.caught_up &= snapshot->complete && snapshot->lag_ms == 0;
    }
    return out;
  }

 private:
  // The deadline counts from now.
  Limits begun() const {
    Limits limits = limits_;
    limits.begun = QueryControl::Clock::now();
    return limits;
  }

  Runner& runner_;
  std::function<std::shared_ptr<const Model>()> model_;
  const Limits limits_;
  const RestatedOf restated_;
  PastWeeksBook book_;
};

}  // namespace

std::unique_ptr<Kpis> Kpis::create(
    Runner& runner, std::function<std::shared_ptr<const Model>()> model,
    Limits limits, RestatedOf restated) {
  return std::make_unique<KpisOfModel>(runner, std::move(model), limits,
                                       std::move(restated));
}

Status KpiAnswerer::begin() {
  TRY(prepare());
  TRY_ASSIGN(plan_, KpiPlan::create(*model_, *kpi_, request_.count_rows));
  TRY_ASSIGN(data_,
             AnswerData::take(runner_, *frozen_, plan_->datasets(), limits_,
                              cancel_, request_.why_not, scans_));
  if (!plan_->has_levels()) return {};
  const std::string why = "kpi '" + kpi_->name +
                          "' is a level at a moment, or looks at other times: "
                          "it has no hour of the day and no day of the week; ";
  if (by_parts_of_time())
    return at_path("by", invalid(why + "ask for a grain"));
  if (names_part_of_time(filter_)) {
    return at_path("filter", invalid(why + "leave them out of the filter"));
  }
  return {};
}

void KpiAnswerer::foresee() {
  begun_ = begin();
  if (!*begun_) return;
  BaseQueries queries = this->queries();
  const std::vector<std::string>& by = request_.by;
  auto see = [&](Interval range, Timestamp moment, const Buckets* buckets,
                 bool rows_add_up) {
    if (buckets) queries.foresee_series(range, *buckets);
    if (!by.empty()) queries.foresee(range, moment, by);
    const bool known = (buckets && plan_->mergeable(true)) || rows_add_up;
    if (!known) queries.foresee(range, moment, {});
  };
  see(range_, moment(range_), grain_ ? &buckets_ : nullptr,
      !by.empty() && plan_->mergeable(false));
  if (!comparison_ || nothing_to_compare()) return;
  const Interval theirs = comparison_->range;
  Result<Buckets> cut_theirs = Buckets{};
  if (grain_) cut_theirs = cut(theirs);
  if (!cut_theirs) return;
  see(theirs, theirs.end, grain_ ? &*cut_theirs : nullptr, false);
}

Result<KpiAnswer> KpiAnswerer::answer() {
  absl::Time start = steady_now();
  if (!begun_) begun_ = begin();
  TRY(*begun_);
  TRY(choose_stores());
  if (grain_) TRY(answer_series());
  if (!request_.by.empty()) TRY(answer_rows());
  TRY(answer_value());
  if (comparison_) TRY(answer_comparison());
  TRY(answer_target());
  const Interval all = data_->time_range();
  const bool before = !plan_->has_other_time() && range_.start < all.start;
  if (!all.empty() && before) out_.begins = all.start;
  out_.provenance = data_->provenance();
  if (kpi_->target && !kpi_->target->lookup.empty()) {
    // Targets that were not read are missing, too.
    const LookupSnapshots lookups(runner_.catalog().lookups());
    (void)find_lookup(&lookups, kpi_->target->lookup);
    lookups.tell(out_.provenance);
  }
  out_.provenance.elapsed_ms = absl::ToDoubleMilliseconds(steady_now() - start);
  return std::move(out_);
}

bool KpiAnswerer::by_parts_of_time() const {
  return std::any_of(request_.by.begin(), request_.by.end(), is_part_of_time);
}

Status KpiAnswerer::check_dimensions() const {
  for (size_t i = 0; i < request_.by.size(); ++i) {
    const std::string& by = request_.by[i];
    const std::vector<std::string>& known = kpi_->dimensions;
    if (!is_part_of_time(by) && !is_one_of(known, by)) {
      return at_path("by", invalid("'" + by + "' isn't a dimension of kpi '" +
                                   kpi_->name + "'" + did_you_mean(by, known)));
    }
    if (std::find(request_.by.begin(),
                  request_.by.begin() + static_cast<long>(i),
                  by) != request_.by.begin() + static_cast<long>(i)) {
      return at_path("by", invalid("'by' names a dimension twice: " + by));
    }
  }
  return {};
}

Status KpiAnswerer::prepare() {
  kpi_ = model_->kpi(request_.kpi);
  if (!kpi_) return no_such_kpi(*model_, request_.kpi);
  TRY_ASSIGN(zone_, at_path("tz", load_time_zone(request_.tz)));
  TRY_ASSIGN(range_, resolve_range(request_.range, request_.from, request_.to,
                                   now_, zone_));
  TRY(check_dimensions());
  if (request_.order != "value" && request_.order != "asc" &&
      request_.order != "name") {
    return at_path("order", invalid("'order' is value, asc or name, not '" +
                                    request_.order + "'"));
  }
  if (request_.top && (*request_.top == 0 || *request_.top > kMaxTop)) {
    return at_path("top", invalid("'top' is a number from 1 to " +
                                  std::to_string(kMaxTop) + ", not " +
                                  std::to_string(*request_.top)));
  }
  TRY_ASSIGN(filter_,
             at_path("filter", parse_kpi_filter(request_.filter, *kpi_)));
  TRY_ASSIGN(comparison_, at_path("compare", plan_comparison(request_, range_,
                                                             now_, zone_)));
  if (!request_.grain.empty()) {
    TRY_ASSIGN(grain_, at_path("grain", parse_grain(request_.grain)));
    TRY_ASSIGN(buckets_, at_path("grain", cut(range_)));
  }
  out_.kpi = kpi_;
  out_.model = model_;
  out_.range = range_;
  out_.tz = request_.tz;
  out_.grain = request_.grain;
  out_.by = request_.by;
  return {};
}

Result<Buckets> KpiAnswerer::cut(Interval range) const {
  return cut_buckets(*grain_, range, zone_, request_.grain);
}

Status KpiAnswerer::answer_series() {
  TRY_ASSIGN(std::vector<BaseValues> values,
             queries().series(range_, now_, buckets_));
  bool sum_up = plan_->mergeable(true);
  if (sum_up) flows_ = plan_->empty();
  Timestamp as_of = data_->as_of();
  for (size_t i = 0; i < values.size(); ++i) {
    Timestamp start = buckets_.starts[i], end = buckets_.ends[i];
    KpiAnswer::Point point;
    point.t = start;
    point.partial = end > as_of || start < range_.start || end > range_.end;
    point.restated = !plan_->has_other_time() && data_->restated({start, end});
    Interval part{std::max(start, range_.start), std::min(end, range_.end)};
    // Events with a time beyond our clock are shown, as the total has them.
    bool future = start >= now_ && plan_->is_empty(values[i]);
    if (start >= now_ && plan_->has_levels()) future = true;
    if (future) {
      point.partial = true;
    } else {
      point.value = plan_->evaluate(values[i], days(part)).value;
    }
    if (sum_up) plan_->merge(*flows_, values[i]);
    out_.series.push_back(std::move(point));
  }
  return {};
}

void KpiAnswerer::explain_null(const FormulaValue& total,
                               const BaseValues& values) {
  bool nothing = plan_->is_empty(values);
  Interval all = data_->time_range();
  bool other_time = plan_->has_other_time();
  bool too_early = nothing && data_->too_early(range_, other_time);
  bool before_all = nothing && data_->before_all(range_, other_time);
  out_.value = too_early || before_all ? Value() : total.value;
  if (!out_.value.is_null()) return;
  if (!all.empty()) out_.newest = Timestamp{all.end.ms - 1};
  if (range_.start >= now_) {
    out_.reason = "the range has not begun";
  } else if (all.empty()) {
    out_.reason =
        no_data_yet(*model_, plan_->datasets(), runner_.catalog().lookups());
  } else if (too_early) {
    out_.reason = "no data has arrived for this range yet";
  } else if (before_all) {
    out_.reason = "no data in this range";
  } else if (stores_ && stores_->none) {
    out_.reason = "no store has data in both periods";
  } else if (nothing) {
    out_.reason = filter_ ? "no event of this range passes the filter"
                          : "no data in this range";
  } else if (total.divided_by_zero) {
    out_.reason = "division by zero";
  } else {
    out_.reason = "nothing to compute the value from in this range";
  }
}

Status KpiAnswerer::answer_value() {
  BaseValues values;
  if (flows_) {
    values = std::move(*flows_);
  } else {
    TRY_ASSIGN(values, queries().total(range_, moment(range_)));
  }
  out_.num_rows = plan_->num_rows(values);
  explain_null(plan_->evaluate(values, days(range_)), values);
  return {};
}

}  // namespace freshet
