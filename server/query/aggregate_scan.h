// AggregateScan: runs an aggregate plan: one Partial per block range, merged
// by value in order of the ranges; a segment's partials are merged apart
// first where the result is to be kept. One query; used by its caller's
// thread.
#pragma once

#include "server/query/merged_partial.h"
#include "server/query/partial_cache.h"

namespace freshet {

class AggregateScan {
 public:
  // `cache`: where segments with a cache key leave what was found; or null.
  AggregateScan(std::shared_ptr<const QueryPlan> plan, QueryControl& control,
                PartialCache* cache);
  Status run(const std::vector<BlockRange>& ranges, ScanPool& pool,
             uint64_t rows);
  uint64_t rows_scanned() const { return rows_scanned_; }
  uint64_t rows_matched() const { return total_.rows_matched(); }
  // Rows before ordering; views into this and `arena`.
  Result<ResultRows> finish(Arena& arena);

 private:
  // What a range came to: a segment's kept partial has no blocks to scan.
  struct Found {
    bool ready = false;
    std::unique_ptr<Partial> partial;
  };
  void complete(size_t index, std::unique_ptr<Partial> partial);
  Status merge(size_t index, const Partial* partial);
  Status merge_apart(size_t index, const Partial& partial);
  Status end_segment(const PreparedSegment& segment);

  const std::shared_ptr<const QueryPlan> plan_;
  QueryControl& control_;
  PartialCache* const cache_;
  const std::vector<BlockRange>* ranges_ = nullptr;  // of run()
  TaskStatus status_;
  std::atomic<bool> stop_{false};

  Mutex mutex_;
  std::vector<Found> waiting_ ABSL_GUARDED_BY(mutex_);
  size_t next_ ABSL_GUARDED_BY(mutex_) = 0;  // first not merged
  bool merging_ ABSL_GUARDED_BY(mutex_) = false;

  // Of the one thread that has set merging_, then of finish().
  MemoryCharge charge_;
  MergedPartial total_;
  // Of the segment whose ranges are being merged, if it is to be kept.
  std::shared_ptr<MergedPartial> apart_;
  uint64_t rows_scanned_ = 0;
};

}  // namespace freshet
