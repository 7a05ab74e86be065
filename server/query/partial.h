// Partial: the groups and states of one block range of a segment. One task.
#pragma once

#include <optional>

#include "server/query/accumulator.h"
#include "server/query/segment_work.h"

namespace freshet {

// One accumulator an aggregate; for rows of `segment`, or null: for merging.
std::vector<std::unique_ptr<Accumulator>> make_accumulators(
    const QueryPlan& plan, const PreparedSegment* segment, uint64_t rows);

class Partial {
 public:
  // REQUIRES: the range's segment has a context.
  Partial(const QueryPlan& plan, const BlockRange& range,
          QueryControl& control);
  Status scan(const std::atomic<bool>& stop);

  const PreparedSegment& segment() const { return *range_.segment; }
  // Null without groups.
  const GroupKeys* keys() const { return keys_ ? &*keys_ : nullptr; }
  const std::vector<std::unique_ptr<Accumulator>>& accumulators() const {
    return accumulators_;
  }
  uint64_t rows_scanned() const { return rows_scanned_; }
  uint64_t rows_matched() const { return rows_matched_; }

 private:
  Status add_block(BlockRows& rows);
  Status count_rows(BlockRows& rows);
  // Of `block`; false if none is left. `positions` must stay.
  bool leave_new_rows(uint32_t block, BlockRows& rows,
                      std::vector<uint16_t>& positions) const;
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

}  // namespace freshet
