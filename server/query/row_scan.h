// RowScan: runs a scan plan: raw rows, filtered, in any order or in the
// plan's. First finds which rows: it reads only what they are filtered and
// ordered by, with a limit keeps no more rows than can reach the result, stops
// early when it has enough, and with an order on __time skips what is past the
// last row kept. Then reads the outputs of the rows it kept.
#pragma once

#include <span>

#include "server/query/growing_array.h"
#include "server/query/result_rows.h"
#include "server/query/segment_work.h"

namespace freshet {

// Rows as they are found: where each lies, and what it is ordered by.
class FoundRows {
 public:
  struct Place {
    const PreparedSegment* segment;
    uint32_t block;
    uint16_t position;  // in the block
  };

  explicit FoundRows(const QueryPlan& plan);
  // Appends all lanes of `rows`, which are of `segment`.
  Status add(const QueryPlan& plan, const PreparedSegment& segment,
             BlockRows& rows);
  Status add(const FoundRows& other, std::span<const uint32_t> chosen,
             const QueryControl& control);
  size_t size() const { return places_.size(); }
  // In the order in which they were added: block by block, by position.
  const GrowingArray<Place>& places() const { return places_; }
  const std::vector<std::shared_ptr<Vector>>& order() const { return order_; }
  uint64_t memory_bytes() const;

 private:
  GrowingArray<Place> places_;
  std::vector<std::shared_ptr<Vector>> order_;  // as QueryPlan::order
  std::unique_ptr<Arena> arena_ = std::make_unique<Arena>();
};

class RowScan {
 public:
  RowScan(const QueryPlan& plan, QueryControl& control);
  ~RowScan();
  Status run(std::vector<BlockRange> ranges, ScanPool& pool, uint64_t rows);
  uint64_t rows_scanned() const { return rows_scanned_; }
  // Views into this.
  ResultRows finish() const;

 private:
  // Rows of one block that are next to each other in rows_.
  struct Stretch {
    size_t begin, end;
  };
  Status scan(const BlockRange& range);
  Status take(const FoundRows& rows, uint64_t scanned);
  // Whether no row of these times can be among the first wanted.
  bool too_far(Interval times) const;
  bool too_far(const Column& times, uint32_t block) const;
  void move_horizon(const FoundRows& rows);
  bool enough() const;
  // Drops rows that cannot reach the result.
  Status prune(FoundRows& rows) const;
  Status fetch(ScanPool& pool);
  Status fetch(std::span<const Stretch> stretches, Arena& arena);
  uint64_t memory_bytes() const;

  const QueryPlan& plan_;
  QueryControl& control_;
  const std::optional<uint64_t> wanted_;
  const bool by_time_;  // the first order is __time itself
  TaskStatus status_;
  std::atomic<uint64_t> taken_{0};
  // Time of the last row kept once `wanted_` rows are; by_time_ only.
  std::atomic<int64_t> horizon_;

  Mutex mutex_;
  FoundRows rows_;             // guarded by mutex_ while tasks find rows
  uint64_t rows_scanned_ = 0;  // the same
  MemoryCharge charge_;        // the same

  // Of rows_, and the strings they view; by fetch().
  std::vector<std::shared_ptr<Vector>> outputs_;
  std::vector<Arena> arenas_;
};

}  // namespace freshet
