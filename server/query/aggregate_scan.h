// AggregateScan: runs an aggregate plan: one Partial per block range, merged
// by value in order of the ranges; those of a segment's blocks are merged apart
// first where the result is to be kept. One query; used by its caller's
// thread.
#pragma once

#include "server/query/merged_partial.h"
#include "server/query/partial_cache.h"
#include "server/query/value_sources.h"

namespace freshet {

class AggregateScan {
 public:
  // `cache`: where segments with a cache key leave what was found; or null.
  // `total`: of rows that are not in the ranges; or null. `sources`: all
  // segments of the query, those of the total, too; or null, where nothing that
  // is known of them from before may be used.
  AggregateScan(std::shared_ptr<const QueryPlan> plan, QueryControl& control,
                PartialCache* cache, std::unique_ptr<MergedPartial> total,
                ValueSources* sources);
  Status run(const std::vector<BlockRange>& ranges, ScanPool& pool,
             uint64_t rows);
  uint64_t rows_scanned() const { return rows_scanned_; }
  uint64_t rows_matched() const { return total_->rows_matched(); }
  uint64_t state_bytes() const { return total_->memory_bytes(); }
  // Rows before ordering; views into this and `arena`.
  Result<ResultRows> finish(Arena& arena);
  // Once the rows of finish() were used: all that was found.
  std::unique_ptr<MergedPartial> take_total();

 private:
  // What a range came to: there are no blocks to scan of what was kept.
  struct Found {
    bool ready = false;
    std::unique_ptr<Partial> partial;
  };
  void complete(size_t index, std::unique_ptr<Partial> partial);
  Status merge(size_t index, const Partial* partial);
  Status merge_kept(const BlockRange& range);
  Status merge_scanned(const BlockRange& range, const Partial& partial);
  void begin_apart();
  Status end_apart(const PreparedSegment& segment);

  const std::shared_ptr<const QueryPlan> plan_;
  QueryControl& control_;
  PartialCache* const cache_;
  ValueSources* const sources_;
  const std::vector<BlockRange>* ranges_ = nullptr;  // of run()
  TaskStatus status_;
  std::atomic<bool> stop_{false};

  Mutex mutex_;
  std::vector<Found> waiting_ ABSL_GUARDED_BY(mutex_);
  size_t next_ ABSL_GUARDED_BY(mutex_) = 0;  // first not merged
  bool merging_ ABSL_GUARDED_BY(mutex_) = false;

  // Of the one thread that has set merging_, then of finish().
  MemoryCharge charge_;
  std::unique_ptr<MergedPartial> total_;
  // Of the segment whose ranges are being merged, if it is to be kept, and how
  // many rows went into it.
  std::shared_ptr<MergedPartial> apart_;
  uint64_t apart_rows_ = 0;
  uint64_t rows_scanned_ = 0;
};

}  // namespace freshet
