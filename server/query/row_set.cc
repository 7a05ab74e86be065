#include "server/query/row_set.h"

#include <algorithm>
#include <iterator>

#include "server/query/row_key.h"

namespace freshet {
namespace {

// Leaves the first `count` rows; the others are freed later, as rows are.
void cut(ValueRows& rows, size_t count) {
  const auto from = rows.begin() + static_cast<ptrdiff_t>(count);
  const ValueRows rest(std::make_move_iterator(from),
                       std::make_move_iterator(rows.end()));
  rows.resize(count);
}

// Rows by their first values.
class RowTable {
 public:
  RowTable(size_t columns, QueryControl& control)
      : columns_(columns), control_(control), charge_(control) {}

  // work(row number, id of its key, whether it is a new one) for each.
  template <class Work>
  Status add(const ValueRows& rows, Work work) {
    return in_runs(rows.size(), &control_,
                   [&](size_t begin, size_t count) -> Status {
                     TRY(table_.make_room(count, &control_));
                     for (size_t i = begin; i < begin + count; ++i) {
                       auto [id, added] = table_.find_or_add(key_of(rows[i]));
                       work(i, id, added);
                     }
                     charge_.set(table_.memory_bytes());
                     return {};
                   });
  }
  // work(id) for each row that is in the table.
  template <class Work>
  Status find(const ValueRows& rows, Work work) {
    return in_runs(rows.size(), &control_, [&](size_t begin, size_t count) {
      for (size_t i = begin; i < begin + count; ++i) {
        const uint32_t id = table_.find(key_of(rows[i]));
        if (id != KeyTable::kNone) work(id);
      }
    });
  }
  size_t size() const { return table_.size(); }

 private:
  ContentHash key_of(const std::vector<Value>& row) {
    key_.clear();
    const size_t columns = std::min(columns_, row.size());
    for (size_t c = 0; c < columns; ++c) append_key(key_, row[c]);
    return hash_contents(key_);
  }

  const size_t columns_;
  QueryControl& control_;
  MemoryCharge charge_;
  KeyTable table_;
  std::string key_;
};

Status drop_repeats(ValueRows& rows, RowTable& table) {
  size_t kept = 0;
  TRY(table.add(rows, [&](size_t i, uint32_t, bool added) {
    if (!added) return;
    if (kept != i) rows[kept] = std::move(rows[i]);
    ++kept;
  }));
  cut(rows, kept);
  return {};
}

}  // namespace

Status drop_repeats(ValueRows& rows, size_t columns, QueryControl& control) {
  RowTable table(columns, control);
  return drop_repeats(rows, table);
}

Status keep_common(ValueRows& rows, const ValueRows& others, bool common,
                   QueryControl& control) {
  RowTable table(SIZE_MAX, control);
  TRY(drop_repeats(rows, table));
  std::vector<uint8_t> found(table.size());
  TRY(table.find(others, [&](uint32_t id) { found[id] = 1; }));
  size_t kept = 0;
  TRY(in_runs(rows.size(), &control, [&](size_t begin, size_t count) {
    for (size_t i = begin; i < begin + count; ++i) {  // row i has the id i
      if ((found[i] != 0) != common) continue;
      if (kept != i) rows[kept] = std::move(rows[i]);
      ++kept;
    }
  }));
  cut(rows, kept);
  return {};
}

}  // namespace freshet
