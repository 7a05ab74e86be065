// RunningTotal: all that a query has found so far, to which the next one of the
// same text adds the rows that came since. For exact counts of distinct values:
// many values are dear to put together from segments each time.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "segments/mutex.h"
#include "server/query/merged_partial.h"
#include "server/query/recently_used.h"
#include "server/query/segment_work.h"

namespace freshet {

struct RunningTotal {
  // What went in of a segment: its first rows, and which of them were hidden
  // (of a live one; null: none).
  struct Part {
    uint32_t rows = 0;
    std::shared_ptr<const Bitmap> hidden;
  };
  std::string key;                       // empty: it is not to be kept
  bool expected = false;                 // the same was asked before
  std::unique_ptr<MergedPartial> total;  // null: nothing yet
  std::map<std::string, Part> parts;     // by PreparedSegment::part_key
};

// Whether totals are kept of it: a count of distinct values, beside aggregates
// that do not depend on the order of rows.
bool keeps_running_total(const QueryPlan& plan);

// Thread-safe. A total is in one query's hands at a time: another one that
// runs meanwhile makes its own.
class RunningTotals {
 public:
  explicit RunningTotals(uint64_t max_bytes)
      : asked_(kAskedBytes), entries_(max_bytes, max_bytes) {}

  // That of the plan over `segments`, before they are prepared: sets their
  // `part_key`, and `merged_rows` if all that went into the total is there
  // still. Otherwise it is empty.
  RunningTotal take(const QueryPlan& plan,
                    std::vector<PreparedSegment>& segments);
  // With all rows of `segments` in it.
  void put(const std::vector<PreparedSegment>& segments, RunningTotal running);

 private:
  static constexpr uint64_t kAskedBytes = 256 << 10;

  Mutex mutex_;
  // What was asked lately: ranges that move are not asked twice, and would
  // only drive out others.
  RecentlyUsed<bool> asked_ ABSL_GUARDED_BY(mutex_);
  RecentlyUsed<RunningTotal> entries_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace freshet
