// ValueRows: rows of values, as answers and the steps after merging have them.
#pragma once

#include <utility>
#include <vector>

#include "server/query/value.h"

namespace freshet {

// A vector of rows that does not keep its owner waiting: many are freed later.
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

// The same of one column's values.
class ValueList : public std::vector<Value> {
 public:
  using std::vector<Value>::vector;
  ValueList() = default;
  explicit ValueList(std::vector<Value> values)
      : std::vector<Value>(std::move(values)) {}
  ValueList(const ValueList&) = default;
  ValueList(ValueList&&) noexcept = default;
  ValueList& operator=(const ValueList&) = default;
  ValueList& operator=(ValueList&&) noexcept = default;
  ~ValueList();
};

}  // namespace freshet
