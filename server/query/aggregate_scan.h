// AggregateScan: runs an aggregate plan: one Partial per block range, merged
// by value in order of the ranges. One query; used by its caller's thread.
#pragma once

#include "server/query/accumulator.h"
#include "server/query/merged_groups.h"
#include "server/query/result_rows.h"
#include "server/query/segment_work.h"

namespace freshet {

// The groups and states of one block range.
class Partial {
 public:
  Partial(const QueryPlan& plan, const BlockRange& range,
          QueryControl& control);
  Status scan(const std::atomic<bool>& stop);
  uint64_t rows_scanned() const { return rows_scanned_; }

 private:
  friend class AggregateScan;
  Status add_block(BlockRows& rows);
  Status count_rows(BlockRows& rows);
  Result<const std::vector<uint16_t>*> chosen(size_t filter, BlockRows& rows);

  const QueryPlan& plan_;
  const BlockRange range_;
  QueryControl& control_;
  MemoryCharge charge_;
  std::optional<GroupKeys> keys_;  // nothing without groups
  std::vector<std::unique_ptr<Accumulator>> accumulators_;
  uint64_t rows_scanned_ = 0, rows_matched_ = 0;
  std::vector<uint32_t> groups_;
  struct Chosen {
    bool valid = false;  // for the current block
    std::vector<uint16_t> lanes;
  };
  std::vector<Chosen> chosen_;  // by filter
};

class AggregateScan {
 public:
  AggregateScan(const QueryPlan& plan, QueryControl& control);
  Status run(const std::vector<BlockRange>& ranges, ScanPool& pool,
             uint64_t rows);
  uint64_t rows_scanned() const { return rows_scanned_; }
  uint64_t rows_matched() const { return rows_matched_; }
  // Rows before ordering; views into this and `arena`.
  Result<ResultRows> finish(Arena& arena);

 private:
  void complete(size_t index, std::unique_ptr<Partial> partial);
  Status merge(const Partial& partial);

  const QueryPlan& plan_;
  QueryControl& control_;
  TaskStatus status_;
  std::atomic<bool> stop_{false};

  Mutex mutex_;
  std::vector<std::unique_ptr<Partial>> waiting_ ABSL_GUARDED_BY(mutex_);
  size_t next_ ABSL_GUARDED_BY(mutex_) = 0;  // first not merged
  bool merging_ ABSL_GUARDED_BY(mutex_) = false;

  // Of the one thread that has set merging_, then of finish().
  MemoryCharge charge_;
  std::optional<MergedGroups> merged_;
  std::vector<std::unique_ptr<Accumulator>> accumulators_;
  uint64_t rows_scanned_ = 0, rows_matched_ = 0;
};

}  // namespace freshet
