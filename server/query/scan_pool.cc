#include "server/query/scan_pool.h"

#include <algorithm>

namespace freshet {

ScanPool::ScanPool(int threads) {
  for (int i = 0; i < std::max(threads, 1); ++i) {
    threads_.emplace_back([this] { work(); });
  }
}

ScanPool::~ScanPool() {
  {
    MutexLock lock(mutex_);
    stop_ = true;
  }
  wake_.signal_all();
  for (std::thread& thread : threads_) thread.join();
}

void ScanPool::run(size_t tasks, const std::function<void(size_t)>& task) {
  if (tasks == 0) return;
  Job job{&task, tasks};
  MutexLock lock(mutex_);
  jobs_.push_back(&job);
  if (tasks == 1) {
    wake_.signal();
  } else {
    wake_.signal_all();
  }
  while (job.done < job.tasks) finished_.wait(mutex_);
}

void ScanPool::work() {
  mutex_.lock();
  while (true) {
    while (!stop_ && jobs_.empty()) wake_.wait(mutex_);
    if (stop_) break;
    Job* job = jobs_.front();
    jobs_.pop_front();
    size_t index = job->next++;
    if (job->next < job->tasks) jobs_.push_back(job);
    mutex_.unlock();
    (*job->task)(index);
    mutex_.lock();
    if (++job->done == job->tasks) finished_.signal_all();
  }
  mutex_.unlock();
}

}  // namespace freshet
