// ScanPool: the threads that read segments for queries. Jobs of several
// queries take turns, task by task. Thread-safe; outlives its jobs.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "segments/mutex.h"

namespace freshet {

class ScanPool {
 public:
  explicit ScanPool(int threads);
  ~ScanPool();  // REQUIRES: no run() in progress
  ScanPool(const ScanPool&) = delete;
  ScanPool& operator=(const ScanPool&) = delete;

  // Calls task(0..tasks-1) on the pool, started in this order, and returns
  // when all are done. Not from within a task.
  void run(size_t tasks, const std::function<void(size_t)>& task);

 private:
  struct Job {
    const std::function<void(size_t)>* task;
    size_t tasks;
    size_t next = 0;  // first not started
    size_t done = 0;
  };
  void work();

  Mutex mutex_;
  CondVar wake_;      // work or stop
  CondVar finished_;  // some job's last task is done
  std::deque<Job*> jobs_ ABSL_GUARDED_BY(mutex_);  // with tasks to start
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace freshet
