// CubeGroups: numbers the combinations of dimensions and time bucket that a
// segment's rows have.
//
// Holds 4 bytes a row, and 12 more while it is made.
#pragma once

#include <optional>
#include <vector>

#include "segments/column_batch.h"
#include "segments/cube.h"

namespace freshet {

class CubeGroups {
 public:
  // Nothing if there are more than `most` combinations.
  static Result<std::optional<CubeGroups>> of(const Segment& segment,
                                              const CubeSpec& spec,
                                              uint32_t most);

  uint32_t size() const { return static_cast<uint32_t>(first_rows_.size()); }
  // By row of the segment.
  const std::vector<uint32_t>& of_rows() const { return groups_; }
  // A row of the group.
  uint32_t first_row(uint32_t group) const { return first_rows_[group]; }

 private:
  std::vector<uint32_t> groups_;
  std::vector<uint32_t> first_rows_;
};

}  // namespace freshet
