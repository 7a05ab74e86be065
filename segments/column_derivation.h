// Columns that follow from others: where every row of a city has the same
// nation, the nations need no ids of their own. Found at the seal; FORMAT.md,
// "Derived ids".
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "segments/segment.h"

namespace freshet {

struct Derivation {
  size_t base = 0;  // position of the other column in the schema
  // The column's id in the file, by the base's id in the file.
  std::vector<uint32_t> ids;
};

// By position in the segment's schema; nothing for columns that keep ids of
// their own. A base is a string column with no more than 65,536 ids, not of
// high cardinality and not derived itself; the table of a derivation takes at
// most a quarter of the bytes that it saves. Reads two columns to their first
// contradiction, for each pair of string columns.
Result<std::vector<std::optional<Derivation>>> find_derivations(
    const Segment& segment);

}  // namespace freshet
