#include "server/query/running_total.h"

#include <fmt/format.h>

#include <algorithm>

#include "server/query/result_cache.h"

namespace freshet {
namespace {

using F = Aggregate::Function;

bool any_order(F function, ExpressionType type) {
  if (function == F::kSum) return type.type != ValueType::kDouble;
  return function == F::kCount || function == F::kMin || function == F::kMax ||
         function == F::kCountDistinct;
}

// An end behind all rows is no bound: ranges that end now have it.
std::string key_of(const QueryPlan& plan,
                   const std::vector<PreparedSegment>& segments) {
  std::string question = question_key(plan);
  if (question.empty()) return question;
  const Interval interval = plan.filter.interval;
  bool open = std::all_of(segments.begin(), segments.end(),
                          [&](const PreparedSegment& s) {
                            return s.segment->time_range().end <= interval.end;
                          });
  std::string end = open ? "all" : fmt::format("{}", interval.end.ms);
  return fmt::format("from {} to {}\n", interval.start.ms, end) + question;
}

// Whether those rows of the segment are what they were.
bool holds_for(const RunningTotal::Part& part, const Segment& segment) {
  if (segment.sealed()) return true;  // the key has its content
  if (part.rows > segment.num_rows()) return false;
  const Bitmap* now = segment.hidden_rows();
  if (!now || !part.hidden) {
    const Bitmap* one = now ? now : part.hidden.get();
    return !one || one->count_in(0, part.rows) == 0;
  }
  return now->and_not(*part.hidden).count_in(0, part.rows) == 0 &&
         part.hidden->and_not(*now).count_in(0, part.rows) == 0;
}

// Whether each part of `running` is one of the segments, and holds.
bool fits(const RunningTotal& running,
          const std::vector<PreparedSegment>& segments) {
  size_t met = 0;
  for (const PreparedSegment& s : segments) {
    auto part = running.parts.find(s.part_key);
    if (part == running.parts.end()) continue;
    if (!holds_for(part->second, *s.segment)) return false;
    ++met;
  }
  return met == running.parts.size();
}

}  // namespace

bool keeps_running_total(const QueryPlan& plan) {
  const Query& query = plan.query;
  if (query.kind != Query::Kind::kAggregate || query.why_not ||
      !query.use_cache || !query.populate_cache) {
    return false;
  }
  bool distinct = false;
  for (size_t i = 0; i < plan.aggregates.size(); ++i) {
    const F function = plan.aggregates[i].function;
    if (!any_order(function, plan.aggregate_types[i])) return false;
    distinct = distinct || function == F::kCountDistinct;
  }
  return distinct;
}

RunningTotal RunningTotals::take(const QueryPlan& plan,
                                 std::vector<PreparedSegment>& segments) {
  RunningTotal out;
  const std::string key = key_of(plan, segments);
  if (key.empty()) return out;
  for (PreparedSegment& s : segments) {
    s.part_key = partial_key("", plan, *s.segment);
    if (s.part_key.empty()) return out;
    s.num_rows = s.segment->num_rows();
  }
  {
    MutexLock lock(mutex_);
    out.expected = asked_.find(key) != nullptr;
    asked_.put(key, true, 0);
    if (auto kept = entries_.take(key)) {
      if (fits(*kept, segments)) out = std::move(*kept);
    }
  }
  out.key = key;
  for (PreparedSegment& s : segments) {
    auto part = out.parts.find(s.part_key);
    if (part == out.parts.end()) continue;
    s.merged_rows = part->second.rows;
    // What is kept of the segment alone is in the total, too.
    s.kept = {};
    s.cache_key.clear();
    s.keep_end = 0;
  }
  return out;
}

void RunningTotals::put(const std::vector<PreparedSegment>& segments,
                        RunningTotal running) {
  if (running.key.empty() || !running.expected) return;
  uint64_t bytes = running.total->memory_bytes();
  for (const PreparedSegment& s : segments) {
    RunningTotal::Part& part = running.parts[s.part_key];
    part.rows = s.num_rows;
    const Bitmap* hidden =
        s.segment->sealed() ? nullptr : s.segment->hidden_rows();
    part.hidden =
        hidden ? std::make_shared<const Bitmap>(hidden->clone()) : nullptr;
    bytes += s.part_key.size() + sizeof(part);
    if (part.hidden) bytes += part.hidden->frozen_size();
  }
  std::string key = running.key;
  MutexLock lock(mutex_);
  entries_.put(std::move(key), std::move(running), bytes);
}

}  // namespace freshet
