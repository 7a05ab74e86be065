#include "server/repeated_task.h"

#include <absl/time/clock.h>

#include <utility>

namespace freshet {

RepeatedTask::RepeatedTask(absl::Duration every, std::function<void()> task)
    : every_(every), task_(std::move(task)), thread_([this] { run(); }) {}

RepeatedTask::~RepeatedTask() {
  {
    MutexLock lock(mutex_);
    ending_ = true;
    changed_.signal_all();
  }
  thread_.join();
}

void RepeatedTask::run() {
  absl::Time due = absl::Now() + every_;
  while (true) {
    {
      MutexLock lock(mutex_);
      while (!ending_ && absl::Now() < due) {
        changed_.wait_for(mutex_, due - absl::Now());
      }
      if (ending_) return;
    }
    task_();
    due = absl::Now() + every_;
  }
}

}  // namespace freshet
