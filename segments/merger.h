// Merger: the thread that makes large segments of small ones and rewrites
// those with many hidden rows, for all datasets of a store.
//
// A set that cannot be merged is left alone for some minutes, the others go on;
// where the disk fails, the dataset rests. It runs at low priority, writes no
// faster than its rate, and has one merge in hand at a time: about 40 bytes of
// memory for each row of the target while rows are sorted, then 12 for each row
// of the column being written. Whatever it has not committed is forgotten by a
// restart.
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
  // Segments by id that are left alone, since a merge of them failed, until
  // then.
  using Apart = std::map<std::string, absl::Time, std::less<>>;
  struct Dataset {
    MergePolicy policy;
    MergeTotals totals;
    uint64_t seen_version = 0;  // of the timeline in which nothing was to do
    Apart apart;
    absl::Time rests_until = absl::InfinitePast();  // the disk was at fault
  };
  using Datasets = std::map<std::string, Dataset, std::less<>>;

  void run();
  bool has_news(const std::string& name, Dataset& dataset) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  uint32_t merge_dataset(const std::string& name, const Dataset& dataset);
  // An error that concerns the sets after it too; false if this one failed.
  Result<bool> merge_one(const std::string& dataset, const MergePolicy& policy,
                         const std::vector<std::string>& segments);
  Result<bool> failed(const std::string& dataset, const Error& error,
                      const std::vector<std::string>& segments);
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
