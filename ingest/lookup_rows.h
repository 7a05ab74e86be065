// Rows of a lookup as bytes, as LookupStore keeps them: the columns of its
// schema from 1 on, each one byte (0 null, 1 a value) and the value: 8 bytes
// little-endian, or a text with its length in 4 bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "segments/column_batch.h"
#include "segments/result.h"

namespace freshet {

std::string encode_lookup_row(const ColumnBatch& batch, uint32_t row);

// Adds the row to `batch`; its texts are copied. kCorrupt if the bytes are no
// row of the batch's schema, which is then as before.
Status decode_lookup_row(std::string_view bytes, ColumnBatch& batch);

// What names the row: the text of its key, whose column is a string or a long.
// Nothing if that is null.
std::optional<std::string> lookup_row_key(const ColumnBatch& batch, size_t key,
                                          uint32_t row);

// Puts the value of a column of a row at `column` of the row that `to` builds,
// as may_become() says; nothing if it is null, or cannot be had in that type.
// `to` copies texts.
void copy_lookup_value(const ColumnBatch& from, size_t from_column,
                       uint32_t row, size_t column, ColumnBatch& to);

}  // namespace freshet
