// What a query reads: its segments, prepared, and the block ranges that are
// one task each.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "segments/timeline.h"
#include "server/query/cube_use.h"
#include "server/query/partial_cache.h"
#include "server/query/query_control.h"
#include "server/query/query_plan.h"
#include "server/query/scan_pool.h"
#include "server/query/segment_filter.h"

namespace freshet {

struct PreparedSegment {
  std::shared_ptr<const Segment> segment;
  // The segment itself, where a cube's table stands in for it; and what its
  // values have their ids by: equal keys, equal dictionaries. Empty: none.
  std::shared_ptr<const Segment> source;
  std::string source_key;
  uint64_t mark = 0;   // of the segment, for its status()
  uint32_t order = 0;  // later segments have a greater one
  // Where what is found in the blocks before `keep_end` may be kept; empty:
  // nowhere.
  std::string cache_key;
  uint32_t keep_end = 0;
  // Of RunningTotal: its name there, its rows as it was found, and how many of
  // them are in the total.
  std::string part_key;
  uint32_t num_rows = 0, merged_rows = 0;
  // What an earlier query found in the first blocks. With nothing left to scan
  // there is no context.
  KeptPartial kept;
  std::unique_ptr<SegmentContext> context;
  SegmentFilter filter;
  std::optional<CubeUse> cube;  // `segment` is then the table
  std::vector<std::string> why_not;

  bool done() const {
    if (merged_rows > 0) return merged_rows == num_rows;
    return kept.partial && blocks_left() == 0;
  }
  // The first that has rows to read.
  uint32_t first_block() const {
    return merged_rows > 0 ? merged_rows / kBlockRows : kept.blocks;
  }
  uint32_t blocks_left() const { return segment->num_blocks() - first_block(); }
  uint64_t rows_left() const {
    return done() ? 0 : segment->num_rows() - first_block() * kBlockRows;
  }
};

struct BlockRange {
  const PreparedSegment* segment;
  uint32_t begin, end;  // blocks; none: what was kept

  bool is_kept() const { return begin == end; }
};

// Segments whose time meets the plan's interval, prepared in parallel, without
// those that no row can pass. Sealed ones first. Fails with the error of a
// missing segment that the interval meets. `cache`, or null: where the plan
// may find and leave what segments come to. `met`, if any, is given all that
// meet the interval before they are prepared.
Result<std::vector<PreparedSegment>> prepare_segments(
    const QueryPlan& plan, const Timeline& timeline, QueryControl& control,
    ScanPool& pool, PartialCache* cache,
    const std::function<void(std::vector<PreparedSegment>&)>& met = nullptr);

// At most `threads` * a few ranges a segment needs, none shorter than is worth
// a task, and none on both sides of `keep_end`.
std::vector<BlockRange> split_blocks(
    const std::vector<PreparedSegment>& segments, int threads);

// Runs task(0..tasks-1): on the pool, or on this thread if `rows` are few.
void run_tasks(ScanPool& pool, size_t tasks, uint64_t rows,
               const std::function<void(size_t)>& task);

// Keeps the first error of tasks; thread-safe.
class TaskStatus {
 public:
  void fail(Error error);
  bool failed() const { return failed_.load(std::memory_order_relaxed); }
  Status status() const;

 private:
  std::atomic<bool> failed_{false};
  mutable Mutex mutex_;
  std::optional<Error> error_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace freshet
