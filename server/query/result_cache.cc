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
// What was found in so many is looked up and put together in more time than
// the answer is found. Of live rows the answer is another each time.
constexpr size_t kManySegments = 8;
constexpr uint64_t kSmallAnswer = 16 << 10;

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
                 ResultKey& out) {
  std::string& key = out.text;
  const bool met = segment.num_rows() > 0 &&
                   segment.time_range().overlaps(plan.filter.interval);
  if (!met) return true;
  std::string part = partial_key("", plan, segment);
  if (part.empty() || (!segment.sealed() && segment.hidden_rows())) {
    return false;
  }
  key += part;
  if (segment.sealed()) {
    ++out.sealed;
  } else {
    out.live = true;
    key += fmt::format("{} rows", segment.num_rows());
  }
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

ResultKey result_key(const QueryPlan& plan, const Timeline& timeline) {
  const std::string question = question_key(plan);
  if (question.empty()) return {};
  ResultKey key;
  for (const auto& missing : timeline.missing) {
    if (missing.time_range.overlaps(plan.filter.interval)) return {};
  }
  for (const auto& segment : timeline.sealed) {
    if (!add_segment(plan, *segment, key)) return {};
  }
  for (const auto& live : timeline.live) {
    if (!add_segment(plan, *live->snapshot(), key)) return {};
  }
  key.text += question;
  return key.text.size() <= kMaxKey ? key : ResultKey();
}

std::shared_ptr<const QueryResult> ResultCache::find(const std::string& key) {
  MutexLock lock(mutex_);
  const auto* found = results_.find(key);
  return found ? *found : nullptr;
}

void ResultCache::put(const ResultKey& key, const QueryResult& result,
                      uint64_t state_bytes) {
  uint64_t most = 0;
  if (state_bytes >= kDearStates) {
    most = state_bytes / kStatesPerByte;
  } else if (!key.live && key.sealed >= kManySegments) {
    most = kSmallAnswer;
  }
  const uint64_t bytes = bytes_of(result, most);
  if (bytes > most) return;
  auto kept = std::make_shared<const QueryResult>(result);
  MutexLock lock(mutex_);
  results_.put(key.text, std::move(kept), bytes);
}

}  // namespace freshet
