#include "server/query/partial_cache.h"

#include <fmt/format.h>

#include "server/query/expression_type.h"
#include "server/query/query_plan.h"

namespace freshet {
namespace {

// A longer shape (an IN of thousands) is kept by no one.
constexpr size_t kMaxShape = 16 << 10;

// Columns may have had other types when the text was the same, and so may a
// constant that is null.
void add_types(std::string& out, const Expression& expression) {
  if (expression.kind != Expression::Kind::kCall) {
    out += ':';
    out += type_name(expression.type);
  }
  for (const auto& argument : expression.arguments) add_types(out, *argument);
}

void add(std::string& out, const ExpressionPtr& expression) {
  if (expression) {
    out += to_text(*expression);
    add_types(out, *expression);
  }
  out += '\n';
}

}  // namespace

std::string partial_shape(const QueryPlan& plan) {
  std::string out;
  if (plan.query.kind != Query::Kind::kAggregate) return out;
  out = plan.query.use_cubes ? "cubes\n" : "rows\n";
  for (const RangeTest& range : plan.filter.ranges) {
    if (range.column->name == kTimeColumn) continue;
    add(out, range.column);
    out += fmt::format("{},{}\n", range.low, range.high);
  }
  for (const auto& condition : plan.filter.rest) {
    add(out, condition);
    if (out.size() > kMaxShape) return {};
  }
  out += "groups\n";
  for (const auto& group : plan.groups) add(out, group);
  for (const Aggregate& aggregate : plan.aggregates) {
    out += fmt::format(
        "aggregate {} {} {}{} {}:{}\n", static_cast<int>(aggregate.function),
        aggregate.parameter, int{aggregate.sample}, int{aggregate.distinct},
        aggregate.separator.size(), aggregate.separator);
    add(out, aggregate.argument);
    add(out, aggregate.filter);
    for (const auto& key : aggregate.keys) add(out, key);
  }
  return out.size() > kMaxShape ? std::string() : out;
}

std::string segment_key(const Segment& segment) {
  if (segment.sealed() ? segment.content_hash() == 0 : segment.id().empty()) {
    return {};
  }
  return fmt::format("{} {:016x}", segment.id(),
                     segment.sealed() ? segment.content_hash() : 0);
}

std::string partial_key(const std::string& shape, const QueryPlan& plan,
                        const Segment& segment) {
  std::string key = segment_key(segment);
  if (key.empty()) return {};
  key += ' ';
  const Interval times = segment.time_range();
  for (const RangeTest& range : plan.filter.ranges) {
    if (range.column->name != kTimeColumn) continue;
    if (range.low > times.start.ms) key += fmt::format("from {} ", range.low);
    if (range.high < times.end.ms - 1) key += fmt::format("to {} ", range.high);
  }
  return key + shape;
}

bool KeptPartial::holds_for(const Segment& segment) const {
  if (segment.sealed()) return true;  // the key has its content
  if (blocks > segment.num_rows() / kBlockRows) return false;
  const Bitmap* now = segment.hidden_rows();
  const uint32_t rows = blocks * kBlockRows;
  if (!now || !hidden) {
    const Bitmap* one = now ? now : hidden.get();
    return !one || one->count_in(0, rows) == 0;
  }
  return now->and_not(*hidden).count_in(0, rows) == 0 &&
         hidden->and_not(*now).count_in(0, rows) == 0;
}

KeptPartial PartialCache::find(const std::string& key, const Segment& segment) {
  MutexLock lock(mutex_);
  const KeptPartial* kept = entries_.find(key);
  const bool holds = kept && kept->holds_for(segment);
  ++(holds ? hits_ : misses_);
  return holds ? *kept : KeptPartial();
}

void PartialCache::put(std::string key, KeptPartial kept, uint64_t bytes) {
  if (kept.hidden) bytes += kept.hidden->frozen_size();
  MutexLock lock(mutex_);
  entries_.put(std::move(key), std::move(kept), bytes);
}

PartialCache::Totals PartialCache::totals() const {
  MutexLock lock(mutex_);
  return {hits_, misses_, entries_.evicted(), entries_.size(),
          entries_.bytes()};
}

}  // namespace freshet
