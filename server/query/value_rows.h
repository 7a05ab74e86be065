// ValueRows: rows of values, as answers and the steps after merging have them.
#pragma once

#include <vector>

#include "server/query/value.h"

namespace freshet {

// A vector of rows that does not keep its owner waiting: to free hundreds of
// thousands of rows takes a tenth of a second, in which neither an answer nor
// the end of a cancelled query should be late. Another thread frees that many.
class ValueRows : public std::vector<std::vector<Value>> {
 public:
  using std::vector<std::vector<Value>>::vector;
  ValueRows() = default;
  ValueRows(const ValueRows&) = default;
  ValueRows(ValueRows&&) noexcept = default;
  ValueRows& operator=(const ValueRows&) = default;
  ValueRows& operator=(ValueRows&&) noexcept = default;
  ~ValueRows();
};

}  // namespace freshet
