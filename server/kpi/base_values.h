// Queries for the base values of a KpiPlan, at the levels an answer needs.
#pragma once

#include <map>
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

// What rows are grouped by for a name of `by`: the dimension's column, or a
// part of the time in `zone`.
ExpressionPtr group_expression(const std::string& by,
                               const absl::TimeZone& zone);

// Computes over the rows that match `filter`, which may be null.
class BaseQueries {
 public:
  // Parts of the time that rows() groups by are those of `zone`.
  BaseQueries(const KpiPlan& plan, AnswerData& data, ExpressionPtr filter,
              absl::TimeZone zone = absl::UTCTimeZone())
      : plan_(plan), data_(data), filter_(std::move(filter)), zone_(zone) {}

  // Which slots a query fills.
  enum class Which { kAll, kFlows, kLevels };

  // Over the whole range; levels as of `moment`.
  Result<BaseValues> total(Interval range, Timestamp moment,
                           Which which = Which::kAll);
  // By dimensions or parts_of_time(). Groups without rows are absent.
  Result<BaseTable> rows(Interval range, Timestamp moment,
                         const std::vector<std::string>& by);
  // One for each bucket; levels as of the end of the bucket, or `now` if that
  // is earlier.
  Result<std::vector<BaseValues>> series(Interval range, Timestamp now,
                                         const Buckets& buckets);

 private:
  Query query_of(const BasePart& part, Interval interval) const;
  Status fill_rows(const BasePart& part, Interval interval,
                   const std::vector<Query::Group>& groups, BaseTable& out);
  Status fill_levels(const BasePart& part, Interval range, Timestamp now,
                     const Buckets& buckets, std::vector<BaseValues>& out);

  const KpiPlan& plan_;
  AnswerData& data_;
  ExpressionPtr filter_;
  absl::TimeZone zone_;
};

}  // namespace freshet
