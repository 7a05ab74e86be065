#include "server/kpi/base_values.h"

#include <algorithm>

#include "server/kpi/calendar.h"
#include "server/kpi/kpi.h"
#include "server/kpi/level_series.h"
#include "server/kpi/window_values.h"

namespace freshet {
namespace {

ExpressionPtr both(const ExpressionPtr& a, const ExpressionPtr& b) {
  if (!a) return b;
  if (!b) return a;
  return call("and", {a, b});
}

// The time of the event if it is empty.
ExpressionPtr time_of(const std::string& time_column) {
  return column(time_column.empty() ? std::string(kTimeColumn) : time_column);
}

ExpressionPtr bucket_expression(const Buckets& buckets,
                                const std::string& time_column) {
  auto floor =
      std::make_shared<Expression>(*call("time_floor", {time_of(time_column)}));
  floor->granularity = buckets.grain;
  floor->zone = buckets.zone;
  return floor;
}

// A filter that may name parts of the time, over the columns of the rows.
ExpressionPtr over_rows(const ExpressionPtr& filter, const absl::TimeZone& zone,
                        const std::string& time_column) {
  if (!filter) return filter;
  if (filter->kind == Expression::Kind::kColumn) {
    if (!is_part_of_time(filter->name)) return filter;
    return group_expression(filter->name, zone, time_column);
  }
  if (filter->arguments.empty()) return filter;
  auto out = std::make_shared<Expression>(*filter);
  for (ExpressionPtr& argument : out->arguments) {
    argument = over_rows(argument, zone, time_column);
  }
  return out;
}

// Whether `column` is in [start, end).
ExpressionPtr within(const std::string& time_column, Interval interval) {
  ExpressionPtr time = column(time_column);
  return call("and", {call(">=", {time, literal(Value(interval.start))}),
                      call("<", {time, literal(Value(interval.end))})});
}

std::vector<BaseValues>& series_of(SeriesTable& table, GroupKey key,
                                   size_t buckets, const KpiPlan& plan) {
  auto [entry, is_new] = table.try_emplace(std::move(key));
  if (is_new) entry->second.assign(buckets, plan.empty());
  return entry->second;
}

}  // namespace

ExpressionPtr group_expression(const std::string& by,
                               const absl::TimeZone& zone,
                               const std::string& time_column) {
  const char* function = by == "__hour"      ? "extract_hour"
                         : by == "__weekday" ? "extract_isodow"
                                             : nullptr;
  if (!function) return column(by);
  auto part =
      std::make_shared<Expression>(*call(function, {time_of(time_column)}));
  part->zone = zone;
  return part;
}

const std::vector<std::string>& parts_of_time() {
  static const std::vector<std::string> kParts = {"__hour", "__weekday"};
  return kParts;
}

bool is_part_of_time(const std::string& name) {
  const std::vector<std::string>& parts = parts_of_time();
  return std::find(parts.begin(), parts.end(), name) != parts.end();
}

bool names_part_of_time(const ExpressionPtr& filter) {
  std::vector<std::string> names;
  if (filter) collect_columns(*filter, names);
  return std::any_of(names.begin(), names.end(), is_part_of_time);
}

bool GroupKeyLess::operator()(const GroupKey& a, const GroupKey& b) const {
  for (size_t i = 0; i < a.size() && i < b.size(); ++i) {
    int order = Value::compare(a[i], b[i]);
    if (order != 0) return order < 0;
  }
  return a.size() < b.size();
}

double AnswerClock::days(Interval range) const {
  bool running = range.start < now && now < range.end;
  return length_in_days({range.start, running ? now : range.end}, zone);
}

std::vector<Query::Group> BaseQueries::groups_of(
    const std::vector<std::string>& by, const std::string& time_column) const {
  std::vector<Query::Group> groups;
  for (size_t i = 0; i < by.size(); ++i) {
    ExpressionPtr group;
    if (clock_.computed) {
      auto found = clock_.computed->find(by[i]);
      if (found != clock_.computed->end()) group = found->second;
    }
    if (!group) group = group_expression(by[i], clock_.zone, time_column);
    groups.push_back({"g" + std::to_string(i), std::move(group)});
  }
  return groups;
}

Query BaseQueries::query_of(const BasePart& part, Interval interval) const {
  Query query;
  query.dataset = part.dataset;
  query.interval = interval;
  query.filter =
      both(part.where, over_rows(filter_, clock_.zone, part.time_column));
  query.aggregates = part.aggregates;
  if (!part.time_column.empty()) {
    query.interval = Interval{};
    query.filter = both(query.filter, within(part.time_column, interval));
  }
  return query;
}

// Adds the result of one part, row by row, to the slots of its groups. The
// columns of a result are its groups, then its aggregates.
Status BaseQueries::fill_rows(const BasePart& part, Interval interval,
                              const std::vector<Query::Group>& groups,
                              BaseTable& out) {
  Query query = query_of(part, interval);
  query.groups = groups;
  TRY_ASSIGN(AnswerData::Rows found, data_.rows(std::move(query)));
  const bool own = found.own();
  for (std::vector<Value>& row : found.result->rows) {
    GroupKey key(row.begin(), row.begin() + static_cast<long>(groups.size()));
    auto entry = out.try_emplace(std::move(key), plan_.empty()).first;
    for (size_t i = 0; i < part.slots.size(); ++i) {
      Value& value = row[found.columns[i]];
      // An empty sum stays 0, as plan_.empty() has it.
      if (value.is_null()) continue;
      Value& slot = entry->second[part.slots[i]];
      if (own) {
        slot = std::move(value);
      } else {
        slot = value;
      }
    }
  }
  return {};
}

Interval BaseQueries::interval_of(const BasePart& part, Interval range,
                                  Timestamp moment) {
  return part.level ? Interval{kMinTimestamp, moment} : range;
}

std::vector<Query::Group> BaseQueries::series_groups(
    const BasePart& part, const Buckets& buckets,
    const std::vector<std::string>& by) const {
  std::vector<Query::Group> groups = groups_of(by, part.time_column);
  groups.push_back({"t", bucket_expression(buckets, part.time_column)});
  return groups;
}

void BaseQueries::foresee(Interval range, Timestamp moment,
                          const std::vector<std::string>& by) {
  for (const BasePart& part : plan_.parts()) {
    const Interval interval = interval_of(part, range, moment);
    if (interval.empty()) continue;
    Query query = query_of(part, interval);
    query.groups = groups_of(by, part.time_column);
    data_.foresee(std::move(query));
  }
}

void BaseQueries::foresee_series(Interval range, const Buckets& buckets) {
  if (range.empty()) return;
  for (const BasePart& part : plan_.parts()) {
    if (part.level) continue;
    Query query = query_of(part, range);
    query.groups = series_groups(part, buckets, {});
    data_.foresee(std::move(query));
  }
}

Result<BaseValues> BaseQueries::total(Interval range, Timestamp moment) {
  TRY_ASSIGN(BaseTable table, rows(range, moment, {}));
  return table.begin()->second;
}

Result<BaseTable> BaseQueries::rows(Interval range, Timestamp moment,
                                    const std::vector<std::string>& by) {
  BaseTable table;
  if (by.empty()) table.try_emplace(GroupKey(), plan_.empty());
  for (const BasePart& part : plan_.parts()) {
    const Interval interval = interval_of(part, range, moment);
    if (interval.empty()) continue;
    TRY(fill_rows(part, interval, groups_of(by, part.time_column), table));
  }
  for (const WindowPart& window : plan_.windows()) {
    TRY(WindowValues(window, *this).add_rows(range, moment, by, table));
  }
  return table;
}

Result<std::set<GroupKey, GroupKeyLess>> BaseQueries::groups(
    Interval range, const std::vector<std::string>& by) {
  std::set<GroupKey, GroupKeyLess> out;
  BaseTable table;
  for (const BasePart& part : plan_.parts()) {
    TRY(fill_rows(part, range, groups_of(by, part.time_column), table));
  }
  for (const auto& [key, values] : table) out.insert(key);
  if (!plan_.parts().empty()) return out;
  for (const WindowPart& window : plan_.windows()) {
    BaseQueries inner(*window.inner, data_, filter_, clock_);
    TRY_ASSIGN(auto more, inner.groups(range, by));
    out.insert(more.begin(), more.end());
  }
  return out;
}

Result<std::vector<BaseValues>> BaseQueries::series(Interval range,
                                                    Timestamp now,
                                                    const Buckets& buckets) {
  TRY_ASSIGN(SeriesTable table, series_by(range, now, buckets, {}));
  return std::move(table.begin()->second);
}

Result<SeriesTable> BaseQueries::series_by(Interval range, Timestamp now,
                                           const Buckets& buckets,
                                           const std::vector<std::string>& by) {
  SeriesTable out;
  if (by.empty()) series_of(out, {}, buckets.starts.size(), plan_);
  for (const BasePart& part : plan_.parts()) {
    if (part.level) {
      TRY(fill_levels(part, range, now, buckets, by, out));
    } else if (!range.empty()) {
      TRY(fill_flows(part, range, buckets, by, out));
    }
  }
  for (const WindowPart& window : plan_.windows()) {
    TRY(WindowValues(window, *this).add_series(range, now, buckets, by, out));
  }
  for (const WindowPart& window : plan_.windows()) {
    WindowValues(window, *this).fill_missing(range, now, buckets, out);
  }
  return out;
}

Status BaseQueries::fill_flows(const BasePart& part, Interval range,
                               const Buckets& buckets,
                               const std::vector<std::string>& by,
                               SeriesTable& out) {
  BaseTable table;
  TRY(fill_rows(part, range, series_groups(part, buckets, by), table));
  for (auto& [key, values] : table) {
    const Timestamp* t = key.back().as_timestamp();
    if (!t) continue;
    auto at =
        std::lower_bound(buckets.starts.begin(), buckets.starts.end(), *t);
    if (at == buckets.starts.end() || *at != *t) continue;
    std::vector<BaseValues>& series =
        series_of(out, GroupKey(key.begin(), key.end() - 1),
                  buckets.starts.size(), plan_);
    TRY(check_series_size(out.size(), buckets.starts.size()));
    BaseValues& bucket =
        series[static_cast<size_t>(at - buckets.starts.begin())];
    for (size_t slot : part.slots) bucket[slot] = values[slot];
  }
  return {};
}

// Two queries for all aggregates with the same keys: the newest value of each
// key before the range, and the newest in each bucket; the rest is carried
// forward.
Status BaseQueries::fill_levels(const BasePart& part, Interval range,
                                Timestamp now, const Buckets& buckets,
                                const std::vector<std::string>& by,
                                SeriesTable& out) {
  std::vector<bool> done(part.slots.size(), false);
  for (size_t i = 0; i < done.size(); ++i) {
    // Rows are counted over a range, not at its moments.
    done[i] =
        part.aggregates[i].function != Aggregate::Function::kLastPerKeySum;
  }
  for (size_t first = 0; first < part.slots.size(); ++first) {
    if (done[first]) continue;
    LevelSeries levels;
    levels.num_groups = by.size();
    Query query = query_of(part, {kMinTimestamp, range.start});
    query.aggregates.clear();
    query.groups = groups_of(by, part.time_column);
    const std::vector<ExpressionPtr>& keys = part.aggregates[first].keys;
    levels.num_keys = keys.size();
    for (size_t i = 0; i < keys.size(); ++i) {
      query.groups.push_back({"k" + std::to_string(i), keys[i]});
    }
    for (size_t i = first; i < part.slots.size(); ++i) {
      if (done[i] || !same_keys(part.aggregates[i].keys, keys)) continue;
      done[i] = true;
      levels.slots.push_back(part.slots[i]);
      query.aggregates.push_back(part.aggregates[i]);
      query.aggregates.back().function = Aggregate::Function::kLast;
      query.aggregates.back().keys.clear();
    }
    TRY_ASSIGN(levels.before, data_.run(query));
    query.interval = {range.start, std::min(range.end, now)};
    query.groups.push_back({"t", bucket_expression(buckets, "")});
    if (!query.interval.empty()) {
      TRY_ASSIGN(levels.changes, data_.run(query));
    }
    TRY(carry_forward(levels, buckets.starts, plan_.empty(), out));
  }
  return {};
}

Status check_series_size(size_t groups, size_t buckets) {
  if (groups * buckets <= kMaxSeriesValues) return {};
  return Error{ErrorCode::kLimit,
               "too many groups for so many buckets of time: more than " +
                   std::to_string(kMaxSeriesValues) +
                   " numbers; ask for a shorter range, a coarser grain, fewer "
                   "dimensions or a filter",
               0, 0};
}

Result<Buckets> cut_buckets(const Granularity& grain, Interval range,
                            const absl::TimeZone& zone,
                            const std::string& name) {
  Buckets buckets{grain, zone, {}, {}};
  Timestamp start = grain.floor(range.start, zone);
  while (start < range.end) {
    if (buckets.starts.size() == kMaxBuckets) {
      return Error{ErrorCode::kInvalid,
                   "the grain is too fine for the range: more than " +
                       std::to_string(kMaxBuckets) + " buckets of '" + name +
                       "'",
                   0, 0};
    }
    buckets.starts.push_back(start);
    start = grain.next(start, zone);
    buckets.ends.push_back(start);
  }
  return buckets;
}

}  // namespace freshet
