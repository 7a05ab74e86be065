// ORDER BY and LIMIT over rows that are already a result: the parts of a UNION,
// grouping sets, windows.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "server/query/query_control.h"
#include "server/query/value_rows.h"

namespace freshet {

struct RowOrder {
  size_t column = 0;
  bool descending = false;
  bool nulls_first = true;
};

// Less than 0 if `a` comes first, 0 for equal keys.
int compare_rows(const std::vector<Value>& a, const std::vector<Value>& b,
                 std::span<const RowOrder> order);
// Row numbers in order; equal ones stay as they are. Fails as `control` does.
Result<std::vector<uint32_t>> sorted_rows(const ValueRows& rows,
                                          std::span<const RowOrder> order,
                                          const QueryControl& control);
// Puts the rows in order.
Status sort_rows(ValueRows& rows, std::span<const RowOrder> order,
                 const QueryControl& control);
void cut_rows(ValueRows& rows, uint64_t offset, std::optional<uint64_t> limit);

}  // namespace freshet
