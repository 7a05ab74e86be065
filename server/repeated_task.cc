#include "server/repeated_task.h"

#include <absl/time/clock.h>

#include <utility>

#include "segments/time.h"

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
  absl::Time due = steady_now() + every_;
  while (true) {
    {
      MutexLock lock(mutex_);
      while (!ending_ && steady_now() < due) {
        changed_.wait_for(mutex_, due - steady_now());
      }
      if (ending_) return;
    }
    task_();
    due = steady_now() + every_;
  }
}

}  // namespace freshet
