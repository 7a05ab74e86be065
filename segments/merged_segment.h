// MergedSegment: the visible rows of several segments, one after the other,
// as one segment to be written: the input of a merge, and of a seal of rows of
// which some are hidden.
//
// Nothing is copied but dictionaries' order and, where rows are hidden, four
// bytes for each visible row; blocks are put together as they are read.
#pragma once

#include <algorithm>
#include <memory>
#include <span>
#include <vector>

#include "segments/segment.h"

namespace freshet {

class MergedColumn;

// The visible rows of the inputs in their order.
class MergedRows {
 public:
  explicit MergedRows(std::vector<std::shared_ptr<const Segment>> inputs);

  const std::vector<std::shared_ptr<const Segment>>& inputs() const {
    return inputs_;
  }
  uint32_t num_rows() const { return starts_.back(); }

  // Calls visit(input, block, positions, at) for each run of rows of
  // [begin, end) that lie in one block of one input: `positions` in that
  // block, ascending; `at` of the run's first row, from 0 at begin.
  template <class Visit>
  void for_each_run(uint32_t begin, uint32_t end, Visit visit) const;

 private:
  friend class MergedColumn;
  std::vector<std::shared_ptr<const Segment>> inputs_;
  std::vector<uint32_t> starts_;                // and last the sum
  std::vector<std::vector<uint32_t>> visible_;  // by input; empty: all
};

template <class Visit>
void MergedRows::for_each_run(uint32_t begin, uint32_t end, Visit visit) const {
  auto after = std::upper_bound(starts_.begin(), starts_.end(), begin);
  auto input = static_cast<size_t>(after - starts_.begin()) - 1;
  uint16_t positions[kBlockRows];
  for (uint32_t row = begin; row < end;) {
    while (row >= starts_[input + 1]) ++input;
    const std::vector<uint32_t>& visible = visible_[input];
    bool all = inputs_[input]->hidden_rows() == nullptr;
    uint32_t first = row - starts_[input];
    uint32_t left = std::min(end, starts_[input + 1]) - row;
    uint32_t block = (all ? first : visible[first]) / kBlockRows;
    uint32_t count = 0;
    for (; count < left; ++count) {
      uint32_t from = all ? first + count : visible[first + count];
      if (from / kBlockRows != block) break;
      positions[count] = static_cast<uint16_t>(from % kBlockRows);
    }
    visit(input, block, std::span<const uint16_t>(positions, count),
          row - begin);
    row += count;
  }
}

class MergedSegment final : public Segment {
 public:
  // The schema is the last input's, and then what only others have. kInvalid
  // if a column has different types, or rows are rolled up in different ways.
  // Reads no values but times.
  static Result<std::shared_ptr<const MergedSegment>> create(
      std::vector<std::shared_ptr<const Segment>> inputs);
  ~MergedSegment() override;

  const std::string& id() const override { return id_; }
  const Schema& schema() const override { return schema_; }
  uint32_t num_rows() const override { return rows_.num_rows(); }
  // From the values: hidden rows no longer widen it.
  Interval time_range() const override { return time_range_; }
  bool sealed() const override { return false; }
  uint64_t content_hash() const override { return 0; }
  uint64_t size_bytes() const override;
  Result<const Rollup*> rollup() const override { return rollup_; }
  // Used by one thread.
  Result<const Column*> column(std::string_view name) const override;
  uint64_t mark() const override;
  Status status(uint64_t mark) const override;

 private:
  explicit MergedSegment(std::vector<std::shared_ptr<const Segment>> inputs);
  Status find_schema();
  Status find_rollup();
  Status find_time_range();

  const std::string id_ = "merged";
  const MergedRows rows_;
  Schema schema_;
  const Rollup* rollup_ = nullptr;  // the last input's
  Interval time_range_{Timestamp{0}, Timestamp{0}};
  // By position in the schema, made when first asked for.
  mutable std::vector<std::unique_ptr<MergedColumn>> columns_;
};

}  // namespace freshet
