// The order in which a seal writes rows.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "segments/segment.h"

namespace freshet {

// Row numbers of `segment` sorted by the columns named, then by __time; nulls
// first, strings by bytes; rows that are equal keep their order. A column that
// the segment does not have, since it is older, is null in all rows. Empty if
// the rows are in this order already.
Result<std::vector<uint32_t>> sorted_rows(
    const Segment& segment, const std::vector<std::string>& sort_by);

}  // namespace freshet
