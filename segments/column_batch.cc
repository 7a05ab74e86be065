#include "segments/column_batch.h"

#include <cstring>

namespace freshet {
namespace {

constexpr size_t kArenaBlock = 64 * 1024;

// Puts a value at the row being built: new, or over one set before in the
// same row.
template <class Value>
void put(ColumnBuffer& column, std::vector<Value>& values, size_t row,
         Value value) {
  if (column.nulls.size() == row) {
    values.push_back(value);
    column.nulls.push_back(0);
  } else {
    values[row] = value;
  }
}

void put_null(ColumnBuffer& column, ColumnType type) {
  if (type.kind == ColumnKind::kString) {
    column.strings.emplace_back();
  } else if (type.kind == ColumnKind::kDouble) {
    column.doubles.push_back(0);
  } else {
    column.longs.push_back(0);
  }
  column.nulls.push_back(1);
  ++column.num_nulls;
}

}  // namespace

ColumnBatch::ColumnBatch(std::shared_ptr<const Schema> schema)
    : schema_(std::move(schema)), columns_(schema_->columns.size()) {}

void ColumnBatch::set_long(size_t column, int64_t value) {
  put(columns_[column], columns_[column].longs, num_rows_, value);
}

void ColumnBatch::set_double(size_t column, double value) {
  put(columns_[column], columns_[column].doubles, num_rows_, value);
}

void ColumnBatch::set_string(size_t column, std::string_view value) {
  put(columns_[column], columns_[column].strings, num_rows_, value);
}

void ColumnBatch::commit_row() {
  for (size_t i = 0; i < columns_.size(); ++i) {
    if (columns_[i].nulls.size() == num_rows_) {
      put_null(columns_[i], schema_->columns[i].type);
    }
  }
  ++num_rows_;
}

void ColumnBatch::abandon_row() {
  for (size_t i = 0; i < columns_.size(); ++i) {
    ColumnBuffer& column = columns_[i];
    if (column.nulls.size() == num_rows_) continue;
    column.nulls.pop_back();
    ColumnKind kind = schema_->columns[i].type.kind;
    if (kind == ColumnKind::kString) {
      column.strings.pop_back();
    } else if (kind == ColumnKind::kDouble) {
      column.doubles.pop_back();
    } else {
      column.longs.pop_back();
    }
  }
}

std::string_view ColumnBatch::keep(std::string_view text) {
  if (text.empty()) return {};
  if (text.size() > kArenaBlock / 4) {  // would waste most of a block
    large_texts_.push_back(std::make_unique<char[]>(text.size()));
    std::memcpy(large_texts_.back().get(), text.data(), text.size());
    return {large_texts_.back().get(), text.size()};
  }
  if (arena_block_ < arena_.size() && arena_used_ + text.size() > kArenaBlock) {
    ++arena_block_;
    arena_used_ = 0;
  }
  if (arena_block_ == arena_.size()) {
    arena_.push_back(std::unique_ptr<char[]>(new char[kArenaBlock]));
  }
  char* place = arena_[arena_block_].get() + arena_used_;
  std::memcpy(place, text.data(), text.size());
  arena_used_ += text.size();
  return {place, text.size()};
}

void ColumnBatch::clear() {
  for (ColumnBuffer& column : columns_) {
    column.longs.clear();
    column.doubles.clear();
    column.strings.clear();
    column.nulls.clear();
    column.num_nulls = 0;
  }
  num_rows_ = 0;
  large_texts_.clear();
  arena_block_ = 0;
  arena_used_ = 0;
}

}  // namespace freshet
