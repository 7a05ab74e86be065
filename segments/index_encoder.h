// The inverted index of a string column: a frozen bitmap for each id that is
// rare enough for one to pay.
#pragma once

#include <cstdint>
#include <span>

#include "segments/segment_file.h"

namespace freshet {

// `ids[row]` is the id of each row in arrival order, `order` as in
// encode_column, ids below `dictionary_size`. Appends bitmaps and directory
// and puts their places into `footer`.
Status encode_index(std::span<const uint32_t> ids,
                    std::span<const uint32_t> order, uint32_t dictionary_size,
                    SegmentFile& file, ColumnFooter& footer);

}  // namespace freshet
