#include "server/sql/running_queries.h"

#include <fmt/format.h>

#include "server/query/guarded_runner.h"

namespace freshet {

RunningQueries::Handle::Handle(RunningQueries& owner, std::string id,
                               std::function<bool()> gone)
    : owner_(owner),
      gone_(std::move(gone)),
      flag_(std::make_shared<std::atomic<bool>>(false)),
      made_(std::chrono::steady_clock::now()) {
  MutexLock lock(owner_.mutex_);
  place_ = owner_.handles_.emplace(std::move(id), this);
  // It may have left while its request waited for a thread.
  flag_->store(owner_.cancelled_ || (gone_ && gone_()));
  if (gone_ && !owner_.looking_) owner_.wake_.signal();
}

RunningQueries::Handle::~Handle() {
  MutexLock lock(owner_.mutex_);
  owner_.handles_.erase(place_);
}

Error RunningQueries::Handle::told(const Error& error) const {
  MutexLock lock(owner_.mutex_);
  if (error.code != ErrorCode::kCancelled || !owner_.cancelled_) return error;
  return stopping_error();
}

Error RunningQueries::Handle::told(const Error& error,
                                   const Limits& limits) const {
  using Milliseconds = std::chrono::milliseconds;
  const int64_t waited =
      std::chrono::duration_cast<Milliseconds>(made_ - limits.begun).count();
  const bool late = error.code == ErrorCode::kDeadline &&
                    limits.begun != decltype(made_){} &&
                    waited > limits.timeout_ms / 2;
  if (!late) return told(error);
  return Error{error.code,
               fmt::format("the query waited {} ms for its turn, as others "
                           "ran, and then had too little time; ask again when "
                           "they are done, set 'timeout' in its context, or "
                           "raise query_timeout or query_max_concurrent in "
                           "freshet.yaml: {} ms",
                           waited, limits.timeout_ms)};
}

RunningQueries::RunningQueries() : thread_([this] { look_after_clients(); }) {}

RunningQueries::~RunningQueries() {
  {
    MutexLock lock(mutex_);
    stop_ = true;
  }
  wake_.signal_all();
  thread_.join();
}

void RunningQueries::look_after_clients() {
  mutex_.lock();
  while (!stop_) {
    looking_ = !handles_.empty();
    if (!looking_) {
      wake_.wait(mutex_);
      continue;
    }
    wake_.wait_for(mutex_, kLook);
    for (auto& [id, handle] : handles_) {
      if (handle->gone_ && handle->gone_()) handle->flag_->store(true);
    }
  }
  mutex_.unlock();
}

bool RunningQueries::cancel(std::string_view id) {
  MutexLock lock(mutex_);
  auto [begin, end] = handles_.equal_range(id);
  for (auto at = begin; at != end; ++at) at->second->flag_->store(true);
  return begin != end;
}

void RunningQueries::cancel_all() {
  MutexLock lock(mutex_);
  cancelled_ = true;
  for (auto& [id, handle] : handles_) handle->flag_->store(true);
}

size_t RunningQueries::size() const {
  MutexLock lock(mutex_);
  return handles_.size();
}

}  // namespace freshet
