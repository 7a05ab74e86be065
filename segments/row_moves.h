// RowMoves: where rows have come to when their segment was replaced, for who
// keeps places of rows (an index of keys).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "segments/bitmap.h"
#include "segments/segment.h"

namespace freshet {

inline constexpr uint32_t kNoRow = UINT32_MAX;

struct RowMoves {
  struct Move {
    std::string from, to;        // segment ids
    std::vector<uint32_t> rows;  // of `to`, by row of `from`; kNoRow: gone
  };
  std::vector<Move> moved;
  std::vector<std::string> dropped;  // ids of segments that are gone
};

// A segment, unmasked, and the rows of it that are left out; null: none.
using MaskedInput =
    std::pair<std::shared_ptr<const Segment>, std::shared_ptr<const Bitmap>>;

// For each input the new row by row, when the visible rows of the inputs, one
// after the other, are written in `order` (empty: as they are).
std::vector<std::vector<uint32_t>> new_places(
    std::span<const MaskedInput> inputs, std::span<const uint32_t> order);

}  // namespace freshet
