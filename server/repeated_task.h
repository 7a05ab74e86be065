// RepeatedTask: a function that is called again and again on a thread of its
// own, the first time after `every`, until the object is destroyed; that waits
// for a call under way.
#pragma once

#include <absl/time/time.h>

#include <functional>
#include <thread>

#include "segments/mutex.h"

namespace freshet {

class RepeatedTask {
 public:
  RepeatedTask(absl::Duration every, std::function<void()> task);
  ~RepeatedTask();
  RepeatedTask(const RepeatedTask&) = delete;
  RepeatedTask& operator=(const RepeatedTask&) = delete;

 private:
  void run();

  const absl::Duration every_;
  const std::function<void()> task_;
  Mutex mutex_;
  CondVar changed_;
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // last: it uses all of them
};

}  // namespace freshet
