#include "segments/live_segment.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <vector>

#include "segments/live_column.h"
#include "segments/live_snapshot.h"

namespace freshet {
namespace {

// Rows that the first group of a segment has room for, until it is full: a
// stream whose times are spread wide holds thousands of segments of few rows.
constexpr uint32_t kFirstRows = 64;
constexpr uint32_t kGrowth = 8;

// One column as its writer sees it.
struct ColumnWriter {
  std::unique_ptr<LiveDictionary> dictionary;  // kString only
  std::atomic<uint32_t> first_null{UINT32_MAX};

  void note_null(uint32_t row) {
    if (first_null.load(std::memory_order_relaxed) == UINT32_MAX) {
      first_null.store(row, std::memory_order_relaxed);
    }
  }
};

// Which rows of a batch are appended: all, or a chosen list.
struct AllRows {
  uint32_t operator[](uint32_t i) const { return i; }
};

template <class T, class Rows>
void copy_values(const std::vector<T>& from, const Rows& rows, uint32_t begin,
                 uint32_t count, T* to) {
  if constexpr (std::is_same_v<Rows, AllRows>) {
    std::memcpy(to, from.data() + begin, count * sizeof(T));
  } else {
    for (uint32_t i = 0; i < count; ++i) to[i] = from[rows[begin + i]];
  }
}

class LiveSegmentImpl final : public LiveSegment {
 public:
  LiveSegmentImpl(std::string id, std::shared_ptr<const Schema> schema,
                  Interval granule)
      : id_(std::move(id)),
        schema_(std::move(schema)),
        granule_(granule),
        layout_(RowGroupLayout::of(*schema_)),
        columns_(schema_->columns.size()) {
    for (size_t i = 0; i < columns_.size(); ++i) {
      if (schema_->columns[i].type.kind == ColumnKind::kString) {
        columns_[i].dictionary = std::make_unique<LiveDictionary>();
      }
    }
    publish(0);
  }

  void append(const ColumnBatch& batch,
              std::span<const uint32_t> rows) override {
    append_rows(batch, rows, static_cast<uint32_t>(rows.size()));
  }
  void append(const ColumnBatch& batch) override {
    append_rows(batch, AllRows{}, static_cast<uint32_t>(batch.num_rows()));
  }

  void freeze() override { frozen_ = true; }
  std::shared_ptr<const Segment> snapshot() const override;

  const std::string& id() const override { return id_; }
  const std::shared_ptr<const Schema>& schema() const override {
    return schema_;
  }
  Interval granule() const override { return granule_; }
  uint32_t num_rows() const override {
    return num_rows_.load(std::memory_order_acquire);
  }
  uint64_t size_bytes() const override {
    return size_bytes_.load(std::memory_order_relaxed);
  }

  // For snapshots. REQUIRES: num_rows <= num_rows().
  std::vector<LiveColumn> columns(uint32_t num_rows) const;
  Interval time_range(uint32_t num_rows) const;

 private:
  template <class Rows>
  void append_rows(const ColumnBatch& batch, const Rows& rows, uint32_t count);
  template <class Rows>
  void append_column(size_t column, const ColumnBuffer& from, const Rows& rows,
                     uint32_t begin, uint32_t count, uint32_t at);
  template <class Rows>
  void append_strings(size_t column, const ColumnBuffer& from, const Rows& rows,
                      uint32_t begin, uint32_t count, uint32_t at);
  void make_room(uint32_t row, uint32_t count);
  void close_group(uint32_t group);
  void publish(uint32_t num_rows);
  uint64_t bytes_of(uint32_t rows) const {
    return layout_.bytes * uint64_t{rows} / 64;
  }

  const std::string id_;
  const std::shared_ptr<const Schema> schema_;
  const Interval granule_;
  const RowGroupLayout layout_;
  std::vector<ColumnWriter> columns_;
  std::vector<std::unique_ptr<RowGroup>> owned_groups_;   // writer only
  std::vector<std::unique_ptr<RowGroup>> former_groups_;  // of the first rows
  RowGroups groups_;
  bool frozen_ = false;  // writer only
  std::atomic<uint32_t> num_rows_{0};
  std::atomic<uint64_t> size_bytes_{0};
};

// The rows below a count.
class LiveSnapshot final : public Segment {
 public:
  LiveSnapshot(std::shared_ptr<const LiveSegmentImpl> live, uint32_t num_rows)
      : live_(std::move(live)),
        num_rows_(num_rows),
        time_range_(live_->time_range(num_rows_)),
        size_bytes_(live_->size_bytes()),
        columns_(live_->columns(num_rows_)) {}

  const std::string& id() const override { return live_->id(); }
  const Schema& schema() const override { return *live_->schema(); }
  uint32_t num_rows() const override { return num_rows_; }
  Interval time_range() const override { return time_range_; }
  bool sealed() const override { return false; }
  uint64_t content_hash() const override { return 0; }
  uint64_t size_bytes() const override { return size_bytes_; }
  Result<const Column*> column(std::string_view name) const override {
    std::optional<size_t> position = schema().find(name);
    return position ? &columns_[*position] : nullptr;
  }

 private:
  std::shared_ptr<const LiveSegmentImpl> live_;
  uint32_t num_rows_;
  Interval time_range_;
  uint64_t size_bytes_;
  std::vector<LiveColumn> columns_;
};

template <class Rows>
void LiveSegmentImpl::append_rows(const ColumnBatch& batch, const Rows& rows,
                                  uint32_t count) {
  assert(!frozen_);
  assert(batch.columns().size() == columns_.size());
  uint32_t num_rows = num_rows_.load(std::memory_order_relaxed);
  assert(uint64_t{num_rows} + count < UINT32_MAX);
  for (uint32_t begin = 0; begin < count;) {
    uint32_t at = num_rows % kBlockRows;
    uint32_t part = std::min(count - begin, kBlockRows - at);
    make_room(num_rows, part);
    for (size_t i = 0; i < columns_.size(); ++i) {
      append_column(i, batch.columns()[i], rows, begin, part, num_rows);
    }
    begin += part;
    num_rows += part;
    if (at + part == kBlockRows) close_group(num_rows / kBlockRows - 1);
  }
  publish(num_rows);
}

template <class Rows>
void LiveSegmentImpl::append_column(size_t column, const ColumnBuffer& from,
                                    const Rows& rows, uint32_t begin,
                                    uint32_t count, uint32_t row) {
  RowGroup& group = *owned_groups_.back();
  RowGroupLayout::Slot slot = layout_.columns[column];
  uint32_t at = row % kBlockRows;
  ColumnKind kind = schema_->columns[column].type.kind;
  if (kind == ColumnKind::kString) {
    append_strings(column, from, rows, begin, count, row);
    return;
  }
  if (kind == ColumnKind::kDouble) {
    copy_values(from.doubles, rows, begin, count,
                group.values<double>(slot) + at);
  } else {
    copy_values(from.longs, rows, begin, count,
                group.values<int64_t>(slot) + at);
  }
  if (from.num_nulls == 0) return;
  for (uint32_t i = 0; i < count; ++i) {
    if (from.nulls[rows[begin + i]] == 0) continue;
    group.set_null(slot, at + i);
    columns_[column].note_null(row + i);
  }
}

template <class Rows>
void LiveSegmentImpl::append_strings(size_t column, const ColumnBuffer& from,
                                     const Rows& rows, uint32_t begin,
                                     uint32_t count, uint32_t row) {
  ColumnWriter& writer = columns_[column];
  uint32_t* ids =
      owned_groups_.back()->values<uint32_t>(layout_.columns[column]) +
      row % kBlockRows;
  bool may_be_null = from.num_nulls > 0;
  for (uint32_t i = 0; i < count; ++i) {
    uint32_t from_row = rows[begin + i];
    if (may_be_null && from.nulls[from_row] != 0) {
      ids[i] = kNullId;
      writer.note_null(row + i);
    } else {
      ids[i] = writer.dictionary->add(from.strings[from_row]);
    }
  }
}

// For rows of one block.
void LiveSegmentImpl::make_room(uint32_t row, uint32_t count) {
  uint32_t needed = row % kBlockRows + count;
  if (row / kBlockRows == owned_groups_.size() && row > 0) {
    owned_groups_.push_back(std::make_unique<RowGroup>(layout_, kBlockRows));
    groups_.append(owned_groups_.back().get());
  }
  if (row >= kBlockRows) return;
  uint32_t rows = owned_groups_.empty() ? 0 : owned_groups_[0]->rows();
  if (needed <= rows) return;
  uint32_t larger = std::max(rows, kFirstRows);
  while (larger < needed) larger = std::min(larger * kGrowth, kBlockRows);
  auto group = std::make_unique<RowGroup>(layout_, larger);
  if (owned_groups_.empty()) {
    owned_groups_.emplace_back();
  } else {
    group->copy(layout_, *owned_groups_[0]);
    former_groups_.push_back(std::move(owned_groups_[0]));
  }
  groups_.set_first(group.get());
  owned_groups_[0] = std::move(group);
}

void LiveSegmentImpl::close_group(uint32_t position) {
  RowGroup& group = *owned_groups_[position];
  const int64_t* times = group.values<int64_t>(layout_.columns[0]);
  auto [least, greatest] = std::minmax_element(times, times + kBlockRows);
  group.min_time = *least;
  group.max_time = *greatest;
  if (position == 0) return;
  const RowGroup& before = *owned_groups_[position - 1];
  group.min_time = std::min(group.min_time, before.min_time);
  group.max_time = std::max(group.max_time, before.max_time);
}

void LiveSegmentImpl::publish(uint32_t num_rows) {
  // What is mapped is in use by rows, in pages: untouched ones take nothing.
  uint64_t bytes = sizeof *this + columns_.size() * sizeof(ColumnWriter);
  for (const auto& group : former_groups_) bytes += bytes_of(group->rows());
  if (!owned_groups_.empty()) {
    uint32_t rows = owned_groups_[0]->rows();
    bytes += rows < kBlockRows ? bytes_of(rows)
                               : bytes_of(num_rows) + columns_.size() * 4096;
  }
  for (const ColumnWriter& column : columns_) {
    if (column.dictionary) bytes += column.dictionary->bytes();
  }
  size_bytes_.store(bytes, std::memory_order_relaxed);
  num_rows_.store(num_rows, std::memory_order_release);
}

std::vector<LiveColumn> LiveSegmentImpl::columns(uint32_t num_rows) const {
  std::vector<LiveColumn> result;
  result.reserve(columns_.size());
  for (size_t i = 0; i < columns_.size(); ++i) {
    const ColumnWriter& column = columns_[i];
    bool has_nulls =
        column.first_null.load(std::memory_order_relaxed) < num_rows;
    result.emplace_back(schema_->columns[i].type, &groups_, layout_.columns[i],
                        column.dictionary.get(), num_rows, has_nulls);
  }
  return result;
}

Interval LiveSegmentImpl::time_range(uint32_t num_rows) const {
  if (num_rows == 0) return Interval{Timestamp{0}, Timestamp{0}};
  int64_t least = INT64_MAX, greatest = INT64_MIN;
  uint32_t full = num_rows / kBlockRows;
  if (full > 0) {
    least = groups_[full - 1]->min_time;
    greatest = groups_[full - 1]->max_time;
  }
  if (uint32_t rest = num_rows % kBlockRows; rest > 0) {
    const int64_t* times = groups_[full]->values<int64_t>(layout_.columns[0]);
    auto [first, last] = std::minmax_element(times, times + rest);
    least = std::min(least, *first);
    greatest = std::max(greatest, *last);
  }
  return Interval{Timestamp{least}, Timestamp{greatest + 1}};
}

std::shared_ptr<const Segment> LiveSegmentImpl::snapshot() const {
  return snapshot_of(*this, num_rows());
}

}  // namespace

std::shared_ptr<const Segment> snapshot_of(const LiveSegment& live,
                                           uint32_t num_rows) {
  auto* whole = dynamic_cast<const LiveSegmentImpl*>(&live);
  assert(whole != nullptr && num_rows <= live.num_rows());
  return std::make_shared<LiveSnapshot>(
      std::static_pointer_cast<const LiveSegmentImpl>(
          whole->shared_from_this()),
      num_rows);
}

std::shared_ptr<LiveSegment> LiveSegment::create(
    std::string id, std::shared_ptr<const Schema> schema, Interval granule) {
  return std::make_shared<LiveSegmentImpl>(std::move(id), std::move(schema),
                                           granule);
}

}  // namespace freshet
