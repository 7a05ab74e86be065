#include "server/query/row_join.h"

#include <algorithm>
#include <span>
#include <utility>

#include "server/query/expression_type.h"
#include "server/query/free_later.h"
#include "server/query/row_key.h"
#include "server/query/widen_value.h"

namespace freshet {
namespace {

constexpr size_t kRowsBetweenChecks = 4096;

// The right rows of a join by their keys.
struct RowsByKey {
  explicit RowsByKey(size_t rows) : after(rows, kNoRow) {}
  ~RowsByKey() { free_later(memory_bytes(), keys, first, after); }
  RowsByKey(const RowsByKey&) = delete;
  RowsByKey& operator=(const RowsByKey&) = delete;
  uint64_t memory_bytes() const {
    return keys.memory_bytes() +
           (first.capacity() + after.capacity()) * sizeof(uint32_t);
  }

  KeyTable keys;
  std::vector<uint32_t> first;  // row of a key; others are linked from it
  std::vector<uint32_t> after;
};

// False if a key is null.
bool key_of(const std::vector<Value>& row, const std::vector<size_t>& columns,
            std::string& bytes, ContentHash& key) {
  bytes.clear();
  for (size_t c : columns) {
    if (row[c].is_null()) return false;
    append_key(bytes, row[c]);
  }
  key = hash_contents(bytes);
  return true;
}

Status check_pairs(const std::vector<RowPair>& pairs, MemoryCharge& charge,
                   QueryControl& control) {
  charge.set(pairs.capacity() * sizeof(RowPair));
  TRY(control.check_rows(pairs.size()));
  return control.check();
}

}  // namespace

Result<bool> widen_keys(QueryResult& left, size_t left_column,
                        QueryResult& right, size_t right_column,
                        const QueryControl& control) {
  auto common = common_type(left.columns[left_column].type,
                            right.columns[right_column].type);
  if (!common) return false;
  TRY(widen_column(left, left_column, *common, control));
  TRY(widen_column(right, right_column, *common, control));
  return true;
}

Result<std::vector<RowPair>> join_rows(const ValueRows& left,
                                       const std::vector<size_t>& left_keys,
                                       const ValueRows& right,
                                       const std::vector<size_t>& right_keys,
                                       QueryControl& control) {
  std::vector<RowPair> pairs;
  MemoryCharge charge(control), table(control);
  RowsByKey rows(right.size());
  auto& [keys, first, after] = rows;
  std::string bytes;
  ContentHash key;
  const size_t size = right.size();
  TRY(in_runs(size, &control, [&](size_t begin, size_t count) -> Status {
    TRY(keys.make_room(count, &control));
    for (size_t i = begin; i < begin + count; ++i) {
      const auto r = static_cast<uint32_t>(size - 1 - i);  // so that chains go
      if (!key_of(right[r], right_keys, bytes, key)) continue;  // forward
      auto [id, added] = keys.find_or_add(key);
      if (added) {
        first.push_back(r);
      } else {
        after[r] = std::exchange(first[id], r);
      }
    }
    table.set(rows.memory_bytes());
    return {};
  }));
  for (size_t l = 0; l < left.size(); ++l) {
    if (l % kRowsBetweenChecks == 0) TRY(check_pairs(pairs, charge, control));
    if (!key_of(left[l], left_keys, bytes, key)) continue;
    const uint32_t id = keys.find(key);
    uint32_t r = id == KeyTable::kNone ? kNoRow : first[id];
    for (; r != kNoRow; r = after[r]) {
      pairs.emplace_back(static_cast<uint32_t>(l), r);
      if (pairs.size() % kRowsBetweenChecks == 0) {
        TRY(check_pairs(pairs, charge, control));
      }
    }
  }
  return pairs;
}

Status add_unmatched(std::vector<RowPair>& pairs, size_t left_rows,
                     bool keep_left, size_t right_rows, bool keep_right,
                     const QueryControl& control) {
  if (!keep_left && !keep_right) return {};
  std::vector<uint8_t> left(left_rows), right(right_rows);
  TRY(in_runs(pairs.size(), &control, [&](size_t begin, size_t count) {
    for (const auto& [l, r] : std::span(pairs).subspan(begin, count)) {
      left[l] = right[r] = 1;
    }
  }));
  auto add = [&](const std::vector<uint8_t>& met, auto pair) {
    return in_runs(met.size(), &control, [&](size_t begin, size_t count) {
      for (size_t i = begin; i < begin + count; ++i) {
        if (!met[i]) pairs.push_back(pair(static_cast<uint32_t>(i)));
      }
    });
  };
  if (keep_left) TRY(add(left, [](uint32_t l) { return RowPair(l, kNoRow); }));
  if (keep_right) {
    TRY(add(right, [](uint32_t r) { return RowPair(kNoRow, r); }));
  }
  return {};
}

Result<ValueRows> paired_rows(const std::vector<RowPair>& pairs,
                              const ValueRows& left, size_t left_columns,
                              const ValueRows& right, size_t right_columns,
                              QueryControl& control) {
  MemoryCharge charge(control);
  TRY(control.check_rows(pairs.size()));
  ValueRows out;
  out.reserve(pairs.size());
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
