// ColumnEncoder: writes one column of a segment into a segment file.
//
// Holds one column's values at a time: 8 bytes a row, and 4 more for the
// index of a string column.
#pragma once

#include <cstdint>
#include <span>

#include "segments/column_derivation.h"
#include "segments/file_format.h"
#include "segments/segment.h"
#include "segments/segment_file.h"

namespace freshet {

// Appends the column's blocks, block table, dictionary and index to `file`,
// rows in the given order (as they are if empty), and says where they lie. A
// string column with a derivation gets that in place of ids.
Result<ColumnFooter> encode_column(const Segment& segment,
                                   const ColumnSpec& spec,
                                   std::span<const uint32_t> order,
                                   SegmentFile& file,
                                   const Derivation* derivation = nullptr);

// Whether a string column gets an inverted index: not when declared
// high-cardinality, and not when it has more than 1024 values and fewer than
// 8 rows for each. FORMAT.md, "Index".
bool wants_index(const ColumnSpec& spec, uint32_t num_values,
                 uint32_t num_rows);

}  // namespace freshet
