#include "server/query/row_join.h"

#include <absl/container/flat_hash_map.h>

#include <algorithm>

#include "server/query/expression_type.h"
#include "server/query/free_later.h"
#include "server/query/row_key.h"
#include "server/query/widen_value.h"

namespace freshet {
namespace {

constexpr size_t kRowsBetweenChecks = 4096;

// Right rows by key: the first of each.
class FirstRows : public absl::flat_hash_map<std::string, uint32_t> {
 public:
  ~FirstRows() { free_later(static_cast<flat_hash_map&>(*this)); }
};

// False if a key is null.
bool key_of(const std::vector<Value>& row, const std::vector<size_t>& columns,
            std::string& key) {
  key.clear();
  for (size_t c : columns) {
    if (row[c].is_null()) return false;
    append_key(key, row[c]);
  }
  return true;
}

Status check_pairs(const std::vector<RowPair>& pairs, MemoryCharge& charge,
                   QueryControl& control) {
  charge.set(pairs.capacity() * sizeof(RowPair));
  TRY(control.check_rows(pairs.size()));
  return control.check();
}

}  // namespace

bool widen_keys(QueryResult& left, size_t left_column, QueryResult& right,
                size_t right_column) {
  ExpressionType& a = left.columns[left_column].type;
  ExpressionType& b = right.columns[right_column].type;
  auto common = common_type(a, b);
  if (!common) return false;
  auto widen = [&](QueryResult& side, size_t column, ExpressionType& type) {
    if (type == *common) return;
    for (auto& row : side.rows) row[column] = widened(row[column], *common);
    type = *common;
  };
  widen(left, left_column, a);
  widen(right, right_column, b);
  return true;
}

Result<std::vector<RowPair>> join_rows(const ValueRows& left,
                                       const std::vector<size_t>& left_keys,
                                       const ValueRows& right,
                                       const std::vector<size_t>& right_keys,
                                       QueryControl& control) {
  std::vector<RowPair> pairs;
  MemoryCharge charge(control), table(control);
  FirstRows last;  // of a key; others are linked from it
  std::vector<uint32_t> before(right.size(), kNoRow);
  uint64_t bytes = right.size() * sizeof(uint32_t);
  std::string key;
  for (size_t r = right.size(); r-- > 0;) {  // so that chains go forward
    if (!key_of(right[r], right_keys, key)) continue;
    auto [at, added] = last.emplace(key, static_cast<uint32_t>(r));
    if (!added) {
      before[r] = at->second;
      at->second = static_cast<uint32_t>(r);
    }
    bytes += added ? key.size() + 64 : 0;
    if (r % kRowsBetweenChecks != 0) continue;
    table.set(bytes);
    TRY(control.check());
  }
  for (size_t l = 0; l < left.size(); ++l) {
    if (l % kRowsBetweenChecks == 0) TRY(check_pairs(pairs, charge, control));
    if (!key_of(left[l], left_keys, key)) continue;
    auto at = last.find(key);
    uint32_t r = at == last.end() ? kNoRow : at->second;
    for (; r != kNoRow; r = before[r]) {
      pairs.emplace_back(static_cast<uint32_t>(l), r);
      if (pairs.size() % kRowsBetweenChecks == 0) {
        TRY(check_pairs(pairs, charge, control));
      }
    }
  }
  return pairs;
}

void add_unmatched(std::vector<RowPair>& pairs, size_t left_rows,
                   bool keep_left, size_t right_rows, bool keep_right) {
  std::vector<uint8_t> left(left_rows), right(right_rows);
  for (const auto& [l, r] : pairs) left[l] = right[r] = 1;
  for (size_t l = 0; keep_left && l < left_rows; ++l) {
    if (!left[l]) pairs.emplace_back(static_cast<uint32_t>(l), kNoRow);
  }
  for (size_t r = 0; keep_right && r < right_rows; ++r) {
    if (!right[r]) pairs.emplace_back(kNoRow, static_cast<uint32_t>(r));
  }
}

Result<ValueRows> paired_rows(const std::vector<RowPair>& pairs,
                              const ValueRows& left, size_t left_columns,
                              const ValueRows& right, size_t right_columns,
                              QueryControl& control) {
  MemoryCharge charge(control);
  TRY(control.check_rows(pairs.size()));
  ValueRows out;
  uint64_t bytes = 0;
  auto copy = [&](const ValueRows& from, uint32_t row, size_t columns,
                  std::vector<Value>& to) {
    if (row == kNoRow) {
      to.resize(to.size() + columns);
      return;
    }
    for (const Value& value : from[row]) {
      if (const std::string* text = value.as_string()) bytes += text->size();
      to.push_back(value);
    }
  };
  for (const auto& [l, r] : pairs) {
    std::vector<Value> row;
    row.reserve(left_columns + right_columns);
    copy(left, l, left_columns, row);
    copy(right, r, right_columns, row);
    bytes += row.size() * sizeof(Value) + sizeof(row);
    out.push_back(std::move(row));
    if (out.size() % kRowsBetweenChecks != 0) continue;
    charge.set(bytes);
    TRY(control.check());
  }
  charge.set(bytes);
  TRY(control.check());
  return out;
}

}  // namespace freshet
