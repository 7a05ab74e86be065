#include "server/query/row_order.h"

#include <algorithm>
#include <numeric>

#include "server/query/run_sort.h"

namespace freshet {

int compare_rows(const std::vector<Value>& a, const std::vector<Value>& b,
                 std::span<const RowOrder> order) {
  for (const RowOrder& by : order) {
    const Value &x = a[by.column], &y = b[by.column];
    int result;
    if (x.is_null() || y.is_null()) {
      result = static_cast<int>(y.is_null()) - static_cast<int>(x.is_null());
      if (!by.nulls_first) result = -result;
    } else {
      result = Value::compare(x, y);
      if (by.descending) result = -result;
    }
    if (result != 0) return result;
  }
  return 0;
}

Result<std::vector<uint32_t>> sorted_rows(const ValueRows& rows,
                                          std::span<const RowOrder> order,
                                          const QueryControl& control) {
  std::vector<uint32_t> numbers(rows.size());
  std::iota(numbers.begin(), numbers.end(), 0u);
  if (order.empty()) return numbers;
  auto before = [&](uint32_t a, uint32_t b) {
    int by_keys = compare_rows(rows[a], rows[b], order);
    return by_keys != 0 ? by_keys < 0 : a < b;
  };
  TRY(sort_in_runs(numbers, before, control));
  return numbers;
}

Status sort_rows(ValueRows& rows, std::span<const RowOrder> order,
                 const QueryControl& control) {
  if (order.empty()) return {};
  TRY_ASSIGN(auto numbers, sorted_rows(rows, order, control));
  ValueRows sorted;
  sorted.reserve(rows.size());
  TRY(in_runs(rows.size(), &control, [&](size_t begin, size_t count) {
    for (uint32_t i : std::span(numbers).subspan(begin, count)) {
      sorted.push_back(std::move(rows[i]));
    }
  }));
  rows = std::move(sorted);
  return {};
}

void cut_rows(ValueRows& rows, uint64_t offset, std::optional<uint64_t> limit) {
  const size_t from = std::min<uint64_t>(offset, rows.size());
  const size_t count =
      std::min<uint64_t>(limit.value_or(rows.size()), rows.size() - from);
  if (count == rows.size()) return;
  ValueRows kept(count);
  for (size_t i = 0; i < count; ++i) kept[i] = std::move(rows[from + i]);
  rows.swap(kept);
}

}  // namespace freshet
