// The published timelines of all datasets: each change makes a new immutable
// Timeline and swaps it in under a lock; readers take the pointer.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "segments/mutex.h"
#include "segments/timeline.h"

namespace freshet {

class DatasetSegments {
 public:
  DatasetSegments() : empty_(std::make_shared<const Timeline>()) {}

  // Thread-safe. Empty for a dataset never changed.
  std::shared_ptr<const Timeline> timeline(std::string_view dataset) const {
    MutexLock lock(mutex_);
    auto found = timelines_.find(dataset);
    return found == timelines_.end() ? empty_ : found->second;
  }

  // Publishes a copy of the dataset's timeline after `edit`, in one step.
  void change(std::string_view dataset,
              const std::function<void(Timeline&)>& edit) {
    MutexLock lock(mutex_);
    auto found = timelines_.find(dataset);
    const Timeline& before =
        found == timelines_.end() ? *empty_ : *found->second;
    auto after = std::make_shared<Timeline>(before);
    ++after->version;
    edit(*after);
    timelines_.insert_or_assign(std::string(dataset), std::move(after));
  }

  std::vector<std::shared_ptr<const Timeline>> all() const {
    MutexLock lock(mutex_);
    std::vector<std::shared_ptr<const Timeline>> result;
    for (const auto& [dataset, timeline] : timelines_) {
      result.push_back(timeline);
    }
    return result;
  }

 private:
  const std::shared_ptr<const Timeline> empty_;
  mutable Mutex mutex_;
  std::map<std::string, std::shared_ptr<const Timeline>, std::less<>> timelines_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace freshet
