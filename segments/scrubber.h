// Scrubber: the thread that reads all segment files again, slowly, to find
// what went bad on the disk without a write: what is read often stays in the
// system's cache and hides it, what is read seldom would be found too late.
//
// What it finds is told, is in damaged() until the bytes are right again, and
// is verified again by the segment, so that the columns it concerns answer
// with their error. All methods are thread-safe. Owned by the application; the
// store outlives it.
#pragma once

#include <absl/time/time.h>

#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "segments/mutex.h"
#include "segments/segment_store.h"

namespace freshet {

struct ScrubSettings {
  uint64_t bytes_per_second = uint64_t{8} << 20;  // 0: nothing is read
  absl::Duration every = absl::Hours(24);         // from start to start
};

struct ScrubTotals {
  uint64_t files = 0, bytes = 0, passes = 0;  // since the start
};

class Scrubber {
 public:
  // Called once for each file found damaged, from the thread.
  using Report = std::function<void(const Error&)>;

  Scrubber(SegmentStore& store, ScrubSettings settings, Report report);
  ~Scrubber();

  // Starts the thread. Once.
  void start();
  // Reads every file, on the caller's thread.
  void run_once();
  void stop();

  // Of files that were bad when last read, a message each.
  std::vector<std::string> damaged() const;
  ScrubTotals totals() const;

 private:
  void run();
  void scrub_all(bool only_bad);
  void scrub(const SegmentRecord& record, const std::string& path);
  void note(const SegmentRecord& record, const Status& status);
  Status pace(uint64_t bytes);
  bool stopping() const;

  SegmentStore& store_;
  const ScrubSettings settings_;
  const Report report_;
  mutable Mutex mutex_;
  CondVar wake_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Time next_read_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  std::map<std::string, std::string> bad_ ABSL_GUARDED_BY(mutex_);  // by id
  ScrubTotals totals_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace freshet
