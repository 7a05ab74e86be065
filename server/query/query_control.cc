#include "server/query/query_control.h"

#include <fmt/format.h>

namespace freshet {
namespace {

Error limit(std::string message) {
  return Error{ErrorCode::kLimit, std::move(message)};
}

}  // namespace

double QueryControl::elapsed_ms() const {
  return std::chrono::duration<double, std::milli>(Clock::now() - start_)
      .count();
}

Status QueryControl::check() const {
  if (cancel_ && cancel_->load(std::memory_order_relaxed)) {
    return Error{ErrorCode::kCancelled, "the query was cancelled"};
  }
  if (limits_.timeout_ms > 0 &&
      elapsed_ms() >= static_cast<double>(limits_.timeout_ms)) {
    return Error{ErrorCode::kDeadline,
                 fmt::format("the query ran longer than its limit "
                             "timeout_ms; raise it or ask for less: {}",
                             limits_.timeout_ms)};
  }
  int64_t bytes = memory_.load(std::memory_order_relaxed);
  if (bytes > 0 && static_cast<uint64_t>(bytes) > limits_.max_memory_bytes) {
    return limit(fmt::format(
        "the query needs more memory than its limit max_memory_bytes; raise "
        "it, or group by fewer values: {}",
        limits_.max_memory_bytes));
  }
  return {};
}

Status QueryControl::check_groups(uint64_t groups) const {
  if (groups <= limits_.max_groups) return {};
  return limit(fmt::format(
      "the query makes more groups than its limit max_groups; raise it, or "
      "group by fewer values: {}",
      limits_.max_groups));
}

Status QueryControl::check_rows(uint64_t rows) const {
  if (rows <= limits_.max_result_rows) return {};
  return limit(fmt::format(
      "the result has more rows than its limit max_result_rows; raise it, or "
      "add a LIMIT: {}",
      limits_.max_result_rows));
}

}  // namespace freshet
