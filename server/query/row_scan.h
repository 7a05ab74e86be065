// RowScan: runs a scan plan: raw rows, filtered, in any order or in the
// plan's. With a limit it keeps no more rows than can reach the result, stops
// early when it has enough, and with an order on __time skips segments that
// are past the last row kept.
#pragma once

#include "server/query/result_rows.h"
#include "server/query/segment_work.h"

namespace freshet {

// Rows as they are collected: owned columns and the arena of their strings.
class CollectedRows {
 public:
  explicit CollectedRows(const QueryPlan& plan);
  // Appends all lanes of `rows`.
  Status add(const QueryPlan& plan, BlockRows& rows);
  void add(const CollectedRows& other, const std::vector<uint32_t>& chosen);
  size_t size() const { return size_; }
  ResultRows view() const;
  uint64_t memory_bytes() const;
  // Of order column 0, which is of long kind.
  const Vector& order_column() const { return *order_[0]; }

 private:
  void append(Vector& to, const Vector& from, size_t lane);
  size_t size_ = 0;
  std::vector<std::shared_ptr<Vector>> outputs_, order_;
  std::unique_ptr<Arena> arena_ = std::make_unique<Arena>();
};

class RowScan {
 public:
  RowScan(const QueryPlan& plan, QueryControl& control);
  Status run(std::vector<BlockRange> ranges, ScanPool& pool, uint64_t rows);
  uint64_t rows_scanned() const { return rows_scanned_; }
  // Views into this.
  ResultRows finish() const { return rows_.view(); }

 private:
  Status scan(const BlockRange& range);
  Status take(const CollectedRows& rows, uint64_t scanned);
  // Whether no row of these times can be among the first wanted.
  bool too_far(Interval times) const;
  bool enough() const;
  // Drops rows that cannot reach the result.
  Status prune(CollectedRows& rows) const;

  const QueryPlan& plan_;
  QueryControl& control_;
  const std::optional<uint64_t> wanted_;
  const bool by_time_;  // the first order is __time itself
  TaskStatus status_;
  std::atomic<uint64_t> taken_{0};
  // Time of the last row kept once `wanted_` rows are; by_time_ only.
  std::atomic<int64_t> horizon_;

  Mutex mutex_;
  CollectedRows rows_;         // guarded by mutex_ while tasks run
  uint64_t rows_scanned_ = 0;  // the same
  MemoryCharge charge_;        // the same
};

}  // namespace freshet
