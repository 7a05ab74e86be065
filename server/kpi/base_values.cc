#include "server/kpi/base_values.h"

#include <algorithm>

#include "server/kpi/kpi.h"
#include "server/kpi/level_series.h"

namespace freshet {
namespace {

ExpressionPtr both(const ExpressionPtr& a, const ExpressionPtr& b) {
  if (!a) return b;
  if (!b) return a;
  return call("and", {a, b});
}

ExpressionPtr bucket_expression(const Buckets& buckets) {
  auto floor = std::make_shared<Expression>(
      *call("time_floor", {column(std::string(kTimeColumn))}));
  floor->granularity = buckets.grain;
  floor->zone = buckets.zone;
  return floor;
}

}  // namespace

ExpressionPtr group_expression(const std::string& by,
                               const absl::TimeZone& zone) {
  const char* function = by == "__hour"      ? "extract_hour"
                         : by == "__weekday" ? "extract_isodow"
                                             : nullptr;
  if (!function) return column(by);
  auto part = std::make_shared<Expression>(
      *call(function, {column(std::string(kTimeColumn))}));
  part->zone = zone;
  return part;
}

const std::vector<std::string>& parts_of_time() {
  static const std::vector<std::string> kParts = {"__hour", "__weekday"};
  return kParts;
}

bool GroupKeyLess::operator()(const GroupKey& a, const GroupKey& b) const {
  for (size_t i = 0; i < a.size() && i < b.size(); ++i) {
    int order = Value::compare(a[i], b[i]);
    if (order != 0) return order < 0;
  }
  return a.size() < b.size();
}

Query BaseQueries::query_of(const BasePart& part, Interval interval) const {
  Query query;
  query.dataset = part.dataset;
  query.interval = interval;
  query.filter = both(part.where, filter_);
  query.aggregates = part.aggregates;
  return query;
}

// Adds the result of one part, row by row, to the slots of its groups. The
// columns of a result are its groups, then its aggregates.
Status BaseQueries::fill_rows(const BasePart& part, Interval interval,
                              const std::vector<Query::Group>& groups,
                              BaseTable& out) {
  Query query = query_of(part, interval);
  query.groups = groups;
  TRY_ASSIGN(QueryResult result, data_.run(query));
  for (std::vector<Value>& row : result.rows) {
    GroupKey key(row.begin(), row.begin() + static_cast<long>(groups.size()));
    auto entry = out.try_emplace(std::move(key), plan_.empty()).first;
    for (size_t i = 0; i < part.slots.size(); ++i) {
      Value& value = row[groups.size() + i];
      // An empty sum stays 0, as plan_.empty() has it.
      if (!value.is_null()) entry->second[part.slots[i]] = std::move(value);
    }
  }
  return {};
}

Result<BaseValues> BaseQueries::total(Interval range, Timestamp moment,
                                      Which which) {
  BaseTable table;
  for (const BasePart& part : plan_.parts()) {
    if (which == Which::kFlows && part.level) continue;
    if (which == Which::kLevels && !part.level) continue;
    Interval interval = part.level ? Interval{kMinTimestamp, moment} : range;
    TRY(fill_rows(part, interval, {}, table));
  }
  return table.empty() ? plan_.empty() : table.begin()->second;
}

Result<BaseTable> BaseQueries::rows(Interval range, Timestamp moment,
                                    const std::vector<std::string>& by) {
  std::vector<Query::Group> groups;
  for (size_t i = 0; i < by.size(); ++i) {
    groups.push_back({"g" + std::to_string(i), group_expression(by[i], zone_)});
  }
  BaseTable table;
  for (const BasePart& part : plan_.parts()) {
    Interval interval = part.level ? Interval{kMinTimestamp, moment} : range;
    TRY(fill_rows(part, interval, groups, table));
  }
  return table;
}

Result<std::vector<BaseValues>> BaseQueries::series(Interval range,
                                                    Timestamp now,
                                                    const Buckets& buckets) {
  std::vector<BaseValues> out(buckets.starts.size(), plan_.empty());
  for (const BasePart& part : plan_.parts()) {
    if (part.level) {
      TRY(fill_levels(part, range, now, buckets, out));
      continue;
    }
    BaseTable table;
    TRY(fill_rows(part, range, {{"t", bucket_expression(buckets)}}, table));
    for (auto& [key, values] : table) {
      const Timestamp* t = key[0].as_timestamp();
      if (!t) continue;
      auto at =
          std::lower_bound(buckets.starts.begin(), buckets.starts.end(), *t);
      if (at == buckets.starts.end() || *at != *t) continue;
      BaseValues& bucket =
          out[static_cast<size_t>(at - buckets.starts.begin())];
      for (size_t slot : part.slots) bucket[slot] = values[slot];
    }
  }
  return out;
}

// Two queries for all aggregates with the same keys: the newest value of each
// key before the range, and the newest in each bucket; the rest is carried
// forward.
Status BaseQueries::fill_levels(const BasePart& part, Interval range,
                                Timestamp now, const Buckets& buckets,
                                std::vector<BaseValues>& out) {
  std::vector<bool> done(part.slots.size(), false);
  for (size_t first = 0; first < part.slots.size(); ++first) {
    if (done[first]) continue;
    LevelSeries levels;
    Query query = query_of(part, {kMinTimestamp, range.start});
    query.aggregates.clear();
    const std::vector<ExpressionPtr>& keys = part.aggregates[first].keys;
    for (size_t i = 0; i < keys.size(); ++i) {
      query.groups.push_back({"k" + std::to_string(i), keys[i]});
    }
    for (size_t i = first; i < part.slots.size(); ++i) {
      if (!same_keys(part.aggregates[i].keys, keys)) continue;
      done[i] = true;
      levels.slots.push_back(part.slots[i]);
      query.aggregates.push_back(part.aggregates[i]);
      query.aggregates.back().function = Aggregate::Function::kLast;
      query.aggregates.back().keys.clear();
    }
    TRY_ASSIGN(levels.before, data_.run(query));
    query.interval = {range.start, std::min(range.end, now)};
    query.groups.push_back({"t", bucket_expression(buckets)});
    if (!query.interval.empty()) {
      TRY_ASSIGN(levels.changes, data_.run(query));
    }
    carry_forward(levels, keys.size(), buckets.starts, out);
  }
  return {};
}

}  // namespace freshet
