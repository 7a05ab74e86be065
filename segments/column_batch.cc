#include "segments/column_batch.h"

#include <algorithm>
#include <cstring>

namespace freshet {
namespace {

constexpr size_t kArenaBlock = 64 * 1024;

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

void ColumnBatch::commit_row() {
  if (!open_) {
    for (size_t i = 0; i < columns_.size(); ++i) {
      if (columns_[i].nulls.size() == num_rows_) {
        put_null(columns_[i], schema_->columns[i].type);
      }
    }
  }
  ++num_rows_;
}

void ColumnBatch::abandon_row() {
  for (size_t i = 0; i < columns_.size(); ++i) {
    ColumnBuffer& column = columns_[i];
    if (column.nulls.size() == num_rows_) continue;
    if (!open_) {
      resize(i, num_rows_);
      continue;
    }
    column.nulls[num_rows_] = 1;
    ColumnKind kind = schema_->columns[i].type.kind;
    if (kind == ColumnKind::kString) {
      column.strings[num_rows_] = {};
    } else if (kind == ColumnKind::kDouble) {
      column.doubles[num_rows_] = 0;
    } else {
      column.longs[num_rows_] = 0;
    }
  }
}

// What is new is null.
void ColumnBatch::resize(size_t column, size_t rows) {
  ColumnBuffer& buffer = columns_[column];
  buffer.nulls.resize(rows, 1);
  ColumnKind kind = schema_->columns[column].type.kind;
  if (kind == ColumnKind::kString) {
    buffer.strings.resize(rows);
  } else if (kind == ColumnKind::kDouble) {
    buffer.doubles.resize(rows);
  } else {
    buffer.longs.resize(rows);
  }
}

void ColumnBatch::open_rows(size_t rows) {
  for (size_t i = 0; i < columns_.size(); ++i) resize(i, num_rows_ + rows);
  opened_at_ = num_rows_;
  open_ = true;
}

void ColumnBatch::close_rows() {
  for (size_t i = 0; i < columns_.size(); ++i) {
    resize(i, num_rows_);
    std::vector<uint8_t>& nulls = columns_[i].nulls;
    auto from = nulls.begin() + static_cast<ptrdiff_t>(opened_at_);
    columns_[i].num_nulls +=
        static_cast<size_t>(std::count(from, nulls.end(), uint8_t{1}));
  }
  open_ = false;
}

void ColumnBatch::truncate(size_t rows) {
  for (size_t i = 0; i < columns_.size(); ++i) {
    std::vector<uint8_t>& nulls = columns_[i].nulls;
    auto from = nulls.begin() + static_cast<ptrdiff_t>(rows);
    auto to = nulls.begin() + static_cast<ptrdiff_t>(num_rows_);
    columns_[i].num_nulls -=
        static_cast<size_t>(std::count(from, to, uint8_t{1}));
    resize(i, rows);
  }
  num_rows_ = rows;
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
  open_ = false;
  large_texts_.clear();
  arena_block_ = 0;
  arena_used_ = 0;
}

}  // namespace freshet
