// A hash join of rows that are already a result.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "server/query/query_control.h"
#include "server/query/row_order.h"

namespace freshet {

constexpr uint32_t kNoRow = UINT32_MAX;  // of the other side of an outer join

using RowPair = std::pair<uint32_t, uint32_t>;  // a left and a right row

// Values of both sides' key columns of two numeric types become one, so that
// equal numbers are equal keys. False if values of the types are never equal.
// Fails as `control` does.
Result<bool> widen_keys(QueryResult& left, size_t left_column,
                        QueryResult& right, size_t right_column,
                        const QueryControl& control);

// Pairs of rows with equal keys, in the order of the left rows, then of the
// right ones; a null key equals nothing. Without keys: all pairs. Limits of
// rows and memory fail it.
Result<std::vector<RowPair>> join_rows(const ValueRows& left,
                                       const std::vector<size_t>& left_keys,
                                       const ValueRows& right,
                                       const std::vector<size_t>& right_keys,
                                       QueryControl& control);

// Adds the rows of the kept sides that are in no pair, beside kNoRow. Fails as
// `control` does.
Status add_unmatched(std::vector<RowPair>& pairs, size_t left_rows,
                     bool keep_left, size_t right_rows, bool keep_right,
                     const QueryControl& control);

// The rows of the pairs, the left one's values first. Columns of kNoRow are
// null.
Result<ValueRows> paired_rows(const std::vector<RowPair>& pairs,
                              const ValueRows& left, size_t left_columns,
                              const ValueRows& right, size_t right_columns,
                              QueryControl& control);

}  // namespace freshet
