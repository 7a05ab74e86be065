// QueryControl: what can stop a running query: deadline, cancel, memory (its
// own, and that of all queries of a server together).
// Shared by all tasks of one query; thread-safe.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <type_traits>

#include "server/query/runner.h"

namespace freshet {

// Bytes that the running queries of a server have taken.
using ServerMemory = std::atomic<int64_t>;

class QueryControl {
 public:
  using Clock = std::chrono::steady_clock;
  // `server`, or null, must outlive this.
  QueryControl(const Limits& limits, CancelFlag cancel,
               ServerMemory* server = nullptr)
      : limits_(limits),
        cancel_(std::move(cancel)),
        server_(server),
        start_(Clock::now()),
        deadline_(
            (limits.begun == Clock::time_point{} ? start_ : limits.begun) +
            std::chrono::milliseconds(limits.timeout_ms)) {}

  const Limits& limits() const { return limits_; }
  // kDeadline, kCancelled or kLimit (memory). Cheap: once per block and per
  // function evaluated on it.
  Status check() const;
  // Bytes taken (or, negative, given back) by a part of the query.
  void charge(int64_t bytes) {
    memory_.fetch_add(bytes, std::memory_order_relaxed);
    if (server_) server_->fetch_add(bytes, std::memory_order_relaxed);
  }
  Status check_groups(uint64_t groups) const;
  Status check_rows(uint64_t rows) const;
  // kLimit for an answer of so many bytes of text.
  Status check_result_bytes(uint64_t bytes) const;
  double elapsed_ms() const;
  // How often check() was asked.
  uint64_t looks() const { return looks_.load(std::memory_order_relaxed); }

 private:
  const Limits limits_;
  const CancelFlag cancel_;
  ServerMemory* const server_;
  const Clock::time_point start_, deadline_;
  std::atomic<int64_t> memory_{0};
  mutable std::atomic<uint64_t> looks_{0};
};

// work(begin, count) for runs of `size` that take a few milliseconds each, so
// that the query can be stopped in between; null: it cannot. A work that gives
// a Status ends it, too.
template <class Work>
Status in_runs(size_t size, const QueryControl* control, Work work) {
  constexpr size_t kRun = 32'768;
  for (size_t begin = 0; begin < size; begin += kRun) {
    if (control) TRY(control->check());
    const size_t count = std::min(kRun, size - begin);
    if constexpr (std::is_void_v<decltype(work(begin, count))>) {
      work(begin, count);
    } else {
      TRY(work(begin, count));
    }
  }
  return {};
}

// The memory of one structure that grows, charged to its query; given back at
// the end.
class MemoryCharge {
 public:
  explicit MemoryCharge(QueryControl& control) : control_(control) {}
  ~MemoryCharge() { control_.charge(-charged_); }
  MemoryCharge(const MemoryCharge&) = delete;
  MemoryCharge& operator=(const MemoryCharge&) = delete;
  void set(uint64_t bytes) {
    int64_t now = static_cast<int64_t>(bytes);
    if (now != charged_) control_.charge(now - charged_);
    charged_ = now;
  }

 private:
  QueryControl& control_;
  int64_t charged_ = 0;
};

}  // namespace freshet
