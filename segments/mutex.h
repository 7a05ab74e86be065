// std::mutex and std::condition_variable for clang's thread-safety analysis.
// Not absl's: a wait of Debian's absl::CondVar ends by the wall clock, so that
// with a clock set back by an hour it would last that much longer.
#pragma once

#include <absl/base/thread_annotations.h>
#include <absl/time/time.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>

namespace freshet {

class ABSL_LOCKABLE Mutex {
 public:
  void lock() ABSL_EXCLUSIVE_LOCK_FUNCTION() { mutex_.lock(); }
  void unlock() ABSL_UNLOCK_FUNCTION() { mutex_.unlock(); }

 private:
  friend class CondVar;
  std::mutex mutex_;
};

class ABSL_SCOPED_LOCKABLE MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) ABSL_EXCLUSIVE_LOCK_FUNCTION(mutex)
      : mutex_(mutex) {
    mutex_.lock();
  }
  ~MutexLock() ABSL_UNLOCK_FUNCTION() { mutex_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

class CondVar {
 public:
  // Waits until signalled, or for no reason: call it in a loop. REQUIRES:
  // `mutex` held.
  void wait(Mutex& mutex) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    std::unique_lock lock(mutex.mutex_, std::adopt_lock);
    variable_.wait(lock);
    lock.release();
  }
  // The same for at most `timeout`; true if it timed out. Time passes as it
  // does, whatever the wall clock is set to.
  bool wait_for(Mutex& mutex, absl::Duration timeout)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    constexpr absl::Duration kLongest = absl::Hours(24 * 365);
    auto time = absl::ToChronoNanoseconds(
        std::clamp(timeout, absl::ZeroDuration(), kLongest));
    std::unique_lock lock(mutex.mutex_, std::adopt_lock);
    bool timed_out = variable_.wait_for(lock, time) == std::cv_status::timeout;
    lock.release();
    return timed_out;
  }
  void signal() { variable_.notify_one(); }
  void signal_all() { variable_.notify_all(); }

 private:
  std::condition_variable variable_;
};

}  // namespace freshet
