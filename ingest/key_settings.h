// KeySettings: what makes two rows of a dataset the same row, and which of
// them stays.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

namespace freshet {

struct KeySettings {
  std::vector<size_t> columns;  // in the schema; empty: the dataset has no key
  enum class OnDuplicate {
    kIgnore,   // the first one stays
    kReplace,  // the newest one stays: by `order_by`, then by arrival
  } on_duplicate = OnDuplicate::kIgnore;
  std::optional<size_t> order_by;  // column: integer-backed or double
  uint64_t memory_bytes = uint64_t{256} << 20;  // beyond: on disk

  // Whether the column tells which row is meant, or how new it is.
  bool identifies(size_t column) const {
    return order_by == column ||
           std::ranges::find(columns, column) != columns.end();
  }
  bool ignores() const {
    return !columns.empty() && on_duplicate == OnDuplicate::kIgnore;
  }
  bool replaces() const {
    return !columns.empty() && on_duplicate == OnDuplicate::kReplace;
  }
};

}  // namespace freshet
