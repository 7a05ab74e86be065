// absl::Mutex as ThreadSanitizer can follow it. Debian's Abseil is not built
// with TSan, so its own lock gives false races; this wrapper tells TSan of the
// acquire and release. Wait in a loop on CondVar; Mutex::Await stays noisy.
#pragma once

#include <absl/base/thread_annotations.h>
#include <absl/synchronization/mutex.h>

#if defined(__SANITIZE_THREAD__)
#define FRESHET_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define FRESHET_TSAN 1
#endif
#endif

#ifdef FRESHET_TSAN
extern "C" void __tsan_acquire(void* address);
extern "C" void __tsan_release(void* address);
#endif

namespace freshet {

class ABSL_LOCKABLE Mutex {
 public:
  void lock() ABSL_EXCLUSIVE_LOCK_FUNCTION() {
    mutex_.Lock();
    acquired();
  }
  void unlock() ABSL_UNLOCK_FUNCTION() {
    releasing();
    mutex_.Unlock();
  }

 private:
  friend class CondVar;
  void acquired() {
#ifdef FRESHET_TSAN
    __tsan_acquire(&mutex_);
#endif
  }
  void releasing() {
#ifdef FRESHET_TSAN
    __tsan_release(&mutex_);
#endif
  }
  absl::Mutex mutex_;
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
  // Waits until signalled. REQUIRES: `mutex` held.
  void wait(Mutex& mutex) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    mutex.releasing();
    variable_.Wait(&mutex.mutex_);
    mutex.acquired();
  }
  // The same for at most `timeout`; true if it timed out.
  bool wait_for(Mutex& mutex, absl::Duration timeout)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    mutex.releasing();
    bool timed_out = variable_.WaitWithTimeout(&mutex.mutex_, timeout);
    mutex.acquired();
    return timed_out;
  }
  void signal() { variable_.Signal(); }
  void signal_all() { variable_.SignalAll(); }

 private:
  absl::CondVar variable_;
};

}  // namespace freshet
