#include "server/query/query_control.h"

namespace freshet {

double QueryControl::elapsed_ms() const {
  return std::chrono::duration<double, std::milli>(Clock::now() - start_)
      .count();
}

Status QueryControl::check() const {
  looks_.fetch_add(1, std::memory_order_relaxed);
  if (cancel_ && cancel_->load(std::memory_order_relaxed)) {
    return Error{ErrorCode::kCancelled, "the query was cancelled"};
  }
  if (Clock::now() >= deadline_) {
    return deadline_error(limits_.timeout_ms);
  }
  int64_t bytes = memory_.load(std::memory_order_relaxed);
  if (bytes > 0 && static_cast<uint64_t>(bytes) > limits_.max_memory_bytes) {
    return limit_error(limits_, &Limits::max_memory_bytes,
                       "the query needs more bytes of memory",
                       "group by fewer values or return fewer rows");
  }
  int64_t together = server_ ? server_->load(std::memory_order_relaxed) : 0;
  if (bytes > 0 && together > 0 &&
      static_cast<uint64_t>(together) > limits_.max_server_memory_bytes) {
    return limit_error(limits_, &Limits::max_server_memory_bytes,
                       "the queries that run now need more bytes of memory",
                       "ask again when others are done");
  }
  return {};
}

Status QueryControl::check_groups(uint64_t groups) const {
  if (groups <= limits_.max_groups) return {};
  return limit_error(limits_, &Limits::max_groups,
                     "the query makes more groups", "group by fewer values");
}

Status QueryControl::check_rows(uint64_t rows) const {
  if (rows <= limits_.max_result_rows) return {};
  return limit_error(limits_, &Limits::max_result_rows,
                     "the result has more rows", "add a LIMIT");
}

Status QueryControl::check_result_bytes(uint64_t bytes) const {
  if (bytes <= limits_.max_result_bytes) return {};
  return limit_error(limits_, &Limits::max_result_bytes,
                     "the result has more bytes",
                     "ask for fewer rows or columns");
}

}  // namespace freshet
