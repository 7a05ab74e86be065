// Merger: the thread that makes large segments of small ones and rewrites
// those with many hidden rows, for all datasets of a store.
//
// It runs at low priority, writes no faster than its rate, and has one merge
// in hand at a time: about 40 bytes of memory for each row of the target while
// rows are sorted, then 12 for each row of the column being written. Whatever
// it has not committed is forgotten by a restart.
//
// All methods are thread-safe. Owned by the application; the store outlives it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "segments/merge_plan.h"
#include "segments/mutex.h"
#include "segments/segment_store.h"

namespace freshet {

struct MergePolicy {
  MergeTarget target;
  SealOptions options;
  uint64_t bytes_per_second = uint64_t{32} << 20;  // written
};

struct MergeTotals {
  uint64_t merges = 0, failures = 0;
  uint64_t segments_read = 0, rows = 0, bytes_read = 0, bytes_written = 0;
  double seconds = 0;
};

class Merger {
 public:
  // Called after each merge, from the thread.
  using Report = std::function<void(const std::string& dataset,
                                    const Result<MergeStats>& result)>;

  Merger(SegmentStore& store, Report report);
  // Breaks off the merge that is running.
  ~Merger();

  // Datasets without a policy are left alone.
  void set_policy(const std::string& dataset, MergePolicy policy);
  void remove_policy(std::string_view dataset);
  MergeTotals totals(std::string_view dataset) const;

  // Starts the thread, which looks for work now and then. Once.
  void start();
  // One look at every dataset, on the caller's thread. The number of merges.
  uint32_t run_once();
  void stop();

 private:
  struct Dataset {
    MergePolicy policy;
    MergeTotals totals;
    uint64_t seen_version = 0;  // of the timeline in which nothing was to do
  };
  using Datasets = std::map<std::string, Dataset, std::less<>>;

  void run();
  uint32_t merge_dataset(const std::string& dataset, const MergePolicy& policy);
  bool merge_one(const std::string& dataset, const MergePolicy& policy,
                 std::vector<std::string> segments);
  Status pace(uint64_t bytes, uint64_t bytes_per_second);
  bool stopping() const;

  SegmentStore& store_;
  const Report report_;
  mutable Mutex mutex_;
  CondVar wake_;
  Datasets datasets_ ABSL_GUARDED_BY(mutex_);
  // When what was written is paid for by the rate.
  absl::Time next_write_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace freshet
