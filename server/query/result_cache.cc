#include "server/query/result_cache.h"

#include <fmt/format.h>

#include "server/query/partial_cache.h"
#include "server/query/sharing_runner.h"

namespace freshet {
namespace {

constexpr size_t kMaxKey = 32 << 10;
// Fewer bytes of states are merged in less time than a key takes.
constexpr uint64_t kDearStates = 256 << 10;
constexpr uint64_t kStatesPerByte = 4;

// Of all of it, or more than `most`.
uint64_t bytes_of(const QueryResult& result, uint64_t most) {
  uint64_t bytes = sizeof(QueryResult);
  for (const auto& row : result.rows) {
    if (bytes > most) break;
    bytes += sizeof(row) + row.capacity() * sizeof(Value);
    for (const Value& value : row) {
      if (const std::string* text = value.as_string()) bytes += text->size();
    }
  }
  return bytes;
}

// False where answers over the segment are not kept.
bool add_segment(const QueryPlan& plan, const Segment& segment,
                 std::string& key) {
  const bool met = segment.num_rows() > 0 &&
                   segment.time_range().overlaps(plan.filter.interval);
  if (!met) return true;
  std::string part = partial_key("", plan, segment);
  if (part.empty() || (!segment.sealed() && segment.hidden_rows())) {
    return false;
  }
  key += part;
  if (!segment.sealed()) key += fmt::format("{} rows", segment.num_rows());
  key += '\n';
  return key.size() <= kMaxKey;
}

}  // namespace

std::string question_key(const QueryPlan& plan) {
  const std::string shape = plan.query.why_not ? "" : partial_shape(plan);
  if (shape.empty()) return {};
  Query unbounded = plan.query;
  unbounded.interval = {};
  return shape + query_text(unbounded);
}

std::string result_key(const QueryPlan& plan, const Timeline& timeline) {
  const std::string question = question_key(plan);
  if (question.empty()) return {};
  std::string key;
  for (const auto& missing : timeline.missing) {
    if (missing.time_range.overlaps(plan.filter.interval)) return {};
  }
  for (const auto& segment : timeline.sealed) {
    if (!add_segment(plan, *segment, key)) return {};
  }
  for (const auto& live : timeline.live) {
    if (!add_segment(plan, *live->snapshot(), key)) return {};
  }
  key += question;
  return key.size() <= kMaxKey ? key : std::string();
}

std::shared_ptr<const QueryResult> ResultCache::find(const std::string& key) {
  MutexLock lock(mutex_);
  const auto* found = results_.find(key);
  return found ? *found : nullptr;
}

void ResultCache::put(const std::string& key, const QueryResult& result,
                      uint64_t state_bytes) {
  if (state_bytes < kDearStates) return;
  const uint64_t most = state_bytes / kStatesPerByte;
  const uint64_t bytes = bytes_of(result, most);
  if (bytes > most) return;
  auto kept = std::make_shared<const QueryResult>(result);
  MutexLock lock(mutex_);
  results_.put(key, std::move(kept), bytes);
}

}  // namespace freshet
