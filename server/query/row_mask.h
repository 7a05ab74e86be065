// RowMask: which rows of a block pass, one bit a row. Tests of whole blocks
// take their bits by the vector; a test of few rows goes through their
// positions instead (SegmentFilter decides).
//
// Stateless functions; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "segments/segment.h"

namespace freshet {

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
// Keeps the rows with member[id] = 1; every member is 0 or 1.
void keep_members(const uint32_t* ids, uint32_t rows, const uint8_t* member,
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

}  // namespace freshet
