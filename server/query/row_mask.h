// RowMask: which rows of a block pass, one bit a row. Tests of whole blocks
// take their bits by the vector; a test of few rows goes through their
// positions instead (SegmentFilter decides).
//
// Stateless functions; any thread.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "segments/segment.h"

namespace freshet {

// A set of dictionary ids, one bit each.
class IdSet {
 public:
  IdSet() = default;
  // Of ids below `size`, empty.
  explicit IdSet(uint32_t size)
      : size_(size), words_(std::max<size_t>(kLeastWords, size / 32 + 1)) {}
  // How many ids could be in it; 0 if made without a size.
  uint32_t size() const { return size_; }
  void add(uint32_t id) { words_[id / 32] |= 1u << id % 32; }
  bool contains(uint32_t id) const { return words_[id / 32] >> id % 32 & 1; }
  uint32_t count() const;
  // At least kLeastWords.
  std::span<const uint32_t> words() const { return words_; }

  // Sets of up to 32 times as many ids are looked up in registers.
  static constexpr size_t kLeastWords = 16;

 private:
  uint32_t size_ = 0;
  std::vector<uint32_t> words_;
};

// Bit r of word r / 64: row r of the block. Bits past its rows are 0.
using RowMask = std::array<uint64_t, kBlockRows / 64>;

// All of the first `rows` rows.
void fill_mask(uint32_t rows, RowMask& mask);
uint32_t count_rows(const RowMask& mask);
// Keeps the rows with low <= value <= high.
void keep_range(const int64_t* values, uint32_t rows, int64_t low, int64_t high,
                RowMask& mask);
// Keeps the rows with low <= id <= high.
void keep_id_range(const uint32_t* ids, uint32_t rows, uint32_t low,
                   uint32_t high, RowMask& mask);
// Keeps the rows whose id is a member. REQUIRES: ids below members.size().
void keep_members(const uint32_t* ids, uint32_t rows, const IdSet& members,
                  RowMask& mask);
// Drops the rows whose bit is set in `words`.
void drop_rows(const uint64_t* words, RowMask& mask);
// The rows that are left, ascending.
void mask_positions(const RowMask& mask, std::vector<uint16_t>& out);

// The reference of the vectorised ones, for tests.
void keep_range_scalar(const int64_t* values, uint32_t rows, int64_t low,
                       int64_t high, RowMask& mask);
void keep_id_range_scalar(const uint32_t* ids, uint32_t rows, uint32_t low,
                          uint32_t high, RowMask& mask);
void keep_members_scalar(const uint32_t* ids, uint32_t rows,
                         const IdSet& members, RowMask& mask);

}  // namespace freshet
