// Queries for the base values of a KpiPlan, at the levels an answer needs.
#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "server/kpi/answer_data.h"
#include "server/kpi/kpi_plan.h"

namespace freshet {

// Values of grouping columns, in order.
using GroupKey = std::vector<Value>;
struct GroupKeyLess {
  bool operator()(const GroupKey& a, const GroupKey& b) const;
};
using BaseTable = std::map<GroupKey, BaseValues, GroupKeyLess>;

// Buckets of a series: [starts[i], ends[i]), ascending and adjacent.
struct Buckets {
  Granularity grain;
  absl::TimeZone zone;
  std::vector<Timestamp> starts;
  std::vector<Timestamp> ends;
};

// A series for each group, one entry a bucket.
using SeriesTable = std::map<GroupKey, std::vector<BaseValues>, GroupKeyLess>;

// The stores of same_stores(), the same for all numbers of an answer.
struct SameStores {
  bool none = false;
  ExpressionPtr filter;  // null: every store
};

// What rows are grouped by for a name of `by`: the dimension's column, or a
// part of the time in `zone`, which is that of the event or of `time_column`.
ExpressionPtr group_expression(const std::string& by,
                               const absl::TimeZone& zone,
                               const std::string& time_column = {});

// Whether it is one of parts_of_time().
bool is_part_of_time(const std::string& name);
// Whether a filter of parse_kpi_filter() names a part of the time.
bool names_part_of_time(const ExpressionPtr& filter);

// What rows are grouped by under names that are no dimension.
using ComputedGroups = std::map<std::string, ExpressionPtr>;

// What the windows of a formula need to know. The pointers may be null.
struct AnswerClock {
  Timestamp now;
  absl::TimeZone zone;
  const SameStores* stores = nullptr;
  const ComputedGroups* computed = nullptr;

  // When levels of the range are taken, and days() ends.
  Timestamp moment(Interval range) const { return std::min(range.end, now); }
  // Of a running range the elapsed part.
  double days(Interval range) const;
};

// Computes over the rows that match `filter`, which is of parse_kpi_filter() or
// null; the parts of the time in it are of the clock's zone, and of the time
// that each number goes by. The references must outlive it.
class BaseQueries {
 public:
  BaseQueries(const KpiPlan& plan, AnswerData& data, ExpressionPtr filter,
              AnswerClock clock)
      : plan_(plan), data_(data), filter_(std::move(filter)), clock_(clock) {}

  // Over the whole range; levels as of `moment`.
  Result<BaseValues> total(Interval range, Timestamp moment);
  // By dimensions, parts_of_time(), of the clock's zone, or its computed
  // groups. Groups without rows are absent, unless nothing is grouped by.
  Result<BaseTable> rows(Interval range, Timestamp moment,
                         const std::vector<std::string>& by);
  // The groups that have rows in the range, whatever windows reach over.
  Result<std::set<GroupKey, GroupKeyLess>> groups(
      Interval range, const std::vector<std::string>& by);
  // One for each bucket; levels as of the end of the bucket, or of the range,
  // or `now` if that is earlier.
  Result<std::vector<BaseValues>> series(Interval range, Timestamp now,
                                         const Buckets& buckets);
  // kLimit: check_series_size().
  Result<SeriesTable> series_by(Interval range, Timestamp now,
                                const Buckets& buckets,
                                const std::vector<std::string>& by);

  // Tell the batch what total() or rows(), and series() of this will ask for;
  // windows and levels in series are not told.
  void foresee(Interval range, Timestamp moment,
               const std::vector<std::string>& by);
  void foresee_series(Interval range, const Buckets& buckets);

  const KpiPlan& plan() const { return plan_; }
  AnswerData& data() { return data_; }
  const ExpressionPtr& filter() const { return filter_; }
  const AnswerClock& clock() const { return clock_; }

 private:
  Query query_of(const BasePart& part, Interval interval) const;
  // The time that a part is read over; empty: not at all.
  static Interval interval_of(const BasePart& part, Interval range,
                              Timestamp moment);
  std::vector<Query::Group> series_groups(
      const BasePart& part, const Buckets& buckets,
      const std::vector<std::string>& by) const;
  std::vector<Query::Group> groups_of(const std::vector<std::string>& by,
                                      const std::string& time_column) const;
  Status fill_rows(const BasePart& part, Interval interval,
                   const std::vector<Query::Group>& groups, BaseTable& out);
  Status fill_flows(const BasePart& part, Interval range,
                    const Buckets& buckets, const std::vector<std::string>& by,
                    SeriesTable& out);
  Status fill_levels(const BasePart& part, Interval range, Timestamp now,
                     const Buckets& buckets, const std::vector<std::string>& by,
                     SeriesTable& out);

  const KpiPlan& plan_;
  AnswerData& data_;
  ExpressionPtr filter_;
  AnswerClock clock_;
};

// The buckets of `grain` that hold `range`. kInvalid if there are more than
// kMaxBuckets; `name` is the grain as it was asked for.
Result<Buckets> cut_buckets(const Granularity& grain, Interval range,
                            const absl::TimeZone& zone,
                            const std::string& name);

// Buckets a series may have.
inline constexpr size_t kMaxBuckets = 10'000;

// Groups times buckets that series by groups may have: a few hundred MB.
inline constexpr size_t kMaxSeriesValues = 2'000'000;
// kLimit above that.
Status check_series_size(size_t groups, size_t buckets);

}  // namespace freshet
