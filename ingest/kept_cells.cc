#include "ingest/kept_cells.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "segments/column_widening.h"

namespace freshet {
namespace {

constexpr int kMostAttempts = 100;  // while segments are being replaced
constexpr auto kBetweenAttempts = std::chrono::milliseconds(1);

// One cell of a batch, new or over what is there (a default).
struct CellWriter {
  ColumnBuffer& column;
  uint32_t row;

  void set_null(bool null) {
    column.num_nulls += null;
    column.num_nulls -= column.nulls[row];
    column.nulls[row] = null;
  }
  void put(int64_t value) { column.longs[row] = value; }
  void put(double value) { column.doubles[row] = value; }
  void put(std::string_view value) { column.strings[row] = value; }
};

void copy_cell(ColumnBuffer& column, uint32_t from, uint32_t to) {
  CellWriter cell{column, to};
  if (!column.longs.empty()) cell.put(column.longs[from]);
  if (!column.doubles.empty()) cell.put(column.doubles[from]);
  if (!column.strings.empty()) cell.put(column.strings[from]);
  cell.set_null(column.nulls[from] != 0);
}

bool is_null(const Column& column, uint32_t block, uint16_t row) {
  uint64_t words[kBlockRows / 64];
  return column.read_nulls(block, words) && (words[row / 64] >> row % 64 & 1);
}

// Puts the stored number as one of type `now`. False if that cannot hold it.
bool put_number(int64_t value, ColumnType stored, ColumnType now,
                CellWriter cell) {
  if (now.kind == ColumnKind::kDouble) {
    cell.put(widened_double(value, stored));
    return true;
  }
  auto units = widened_units(value, stored, now);
  if (units) cell.put(*units);
  return units.has_value();
}

// The stored row's value as one of type `now`, as may_become() says. False if
// that cannot hold it.
bool read_cell(const Column& column, uint32_t row, ColumnType now,
               CellWriter cell, ColumnBatch& batch) {
  uint32_t block = row / kBlockRows;
  auto place = static_cast<uint16_t>(row % kBlockRows);
  std::span<const uint16_t> rows(&place, 1);
  switch (column.type().kind) {
    case ColumnKind::kString: {
      uint32_t id = kNullId;
      column.gather_ids(block, rows, &id);
      cell.put(id == kNullId ? std::string_view()
                             : batch.keep(column.dictionary()->value(id)));
      cell.set_null(id == kNullId);
      return true;
    }
    case ColumnKind::kDouble: {
      double value = 0;
      column.gather_doubles(block, rows, &value);
      cell.put(value);
      break;
    }
    default: {
      int64_t value = 0;
      column.gather_longs(block, rows, &value);
      if (is_null(column, block, place)) value = 0;
      if (!put_number(value, column.type(), now, cell)) return false;
    }
  }
  cell.set_null(is_null(column, block, place));
  return true;
}

}  // namespace

KeptCells::KeptCells(const IngestionSettings& settings, SegmentStore& store,
                     Keys keys)
    : dataset_(settings.dataset),
      transform_(settings.transform),
      settings_(settings.key),
      store_(store),
      keys_(keys) {
  for (size_t column : settings_.columns) {
    key_is_read_ &=
        column == 0 || std::ranges::any_of(settings.decoder.fields,
                                           [&](const FieldSpec& field) {
                                             return field.column == column;
                                           });
  }
}

bool KeptCells::reads(size_t column) const {
  return transform_ != nullptr && transform_->reads(column);
}

bool KeptCells::stored_as_read(size_t column) const {
  return transform_ == nullptr || transform_->stored_as_read(column);
}

Status KeptCells::before_transform(const Cells& cells,
                                   const std::vector<uint8_t>& deletes,
                                   ColumnBatch& batch) {
  late_.clear();
  missed_.clear();
  if (cells.empty()) return {};
  Cells now;
  for (const Decoded::KeptCell& cell : cells) {
    if (settings_.identifies(cell.column) || !key_is_read_) {
      missed_.push_back(cell);
    } else if (stored_as_read(cell.column)) {
      now.push_back(cell);
    } else {
      (reads(cell.column) ? missed_ : late_).push_back(cell);
    }
  }
  return fill(now, deletes, batch);
}

Status KeptCells::after_transform(const std::vector<uint8_t>& deletes,
                                  const std::vector<uint8_t>& keep,
                                  ColumnBatch& batch,
                                  std::vector<Transform::RowError>& errors) {
  TRY(fill(late_, deletes, batch));
  for (const Decoded::KeptCell& cell : missed_) {
    bool deleted = !deletes.empty() && deletes[cell.row];
    bool wanted = keep[cell.row] || reads(cell.column);
    if (deleted || !wanted) continue;
    errors.push_back(
        {cell.row,
         Error{ErrorCode::kInvalid,
               "the value was not sent since it did not change, and no stored "
               "row of the key has it: " +
                   batch.schema().columns[cell.column].name}});
  }
  return {};
}

Status KeptCells::fill(const Cells& cells, const std::vector<uint8_t>& deletes,
                       ColumnBatch& batch) {
  if (cells.empty()) return {};
  keys_.places.take_moves();
  segments_.clear();
  earlier_.clear();
  std::vector<KeyValues> key = key_values(batch, settings_.columns);
  std::vector<KeyValues> order;
  if (settings_.order_by) {
    order = key_values(batch, std::span(&*settings_.order_by, 1));
  }
  Row rest(cells);
  for (uint32_t row = 0; !rest.empty(); ++row) {
    size_t count = 0;
    while (count < rest.size() && rest[count].row == row) ++count;
    Row here = rest.first(count);
    rest = rest.subspan(count);
    std::optional<KeyHash> hash = keys_.hasher.hash(key, row);
    if (!hash) {
      miss(here);
      continue;
    }
    Version version;
    version.row = row;
    version.order = order.empty() ? 0 : order_of(order[0], row);
    version.deleted = !deletes.empty() && deletes[row];
    size_t missed = missed_.size();
    if (!here.empty() && !version.deleted) {
      TRY(fill_row(here, *hash, version.order, batch));
    }
    // One that lacks a value has none to give.
    if (missed == missed_.size()) TRY(note(*hash, version));
  }
  segments_.clear();
  return {};
}

// A version for those that come after it in the batch.
Status KeptCells::note(const KeyHash& key, Version version) {
  auto [known, added] = earlier_.try_emplace(key, version);
  if (version.deleted && version.order == kNoOrder) {  // counts as the newest
    TRY_ASSIGN(const KeyEntry* stored, keys_.index.find(key));
    if (stored != nullptr) version.order = stored->order;
    version.order = std::max(version.order, known->second.order);
  }
  if (known->second.order <= version.order) known->second = version;
  return {};
}

Status KeptCells::fill_row(Row cells, const KeyHash& key, int64_t order,
                           ColumnBatch& batch) {
  TRY_ASSIGN(KeyEntry * stored, keys_.index.find(key));
  auto found = earlier_.find(key);
  const Version* earlier = found == earlier_.end() ? nullptr : &found->second;
  if (earlier != nullptr && stored != nullptr &&
      earlier->order < stored->order) {
    earlier = nullptr;
  }
  if (earlier == nullptr && stored == nullptr) {
    miss(cells);
    return {};
  }
  // A newer version is known: this one will not count.
  if (order < (earlier ? earlier->order : stored->order)) return {};
  if (earlier ? earlier->deleted : stored->segment == kDeletedRow) {
    miss(cells);
    return {};
  }
  if (earlier == nullptr) return fill_from_store(cells, *stored, batch);
  for (const Decoded::KeptCell& cell : cells) {
    copy_cell(batch.columns()[cell.column], earlier->row, cell.row);
  }
  return {};
}

Status KeptCells::fill_from_store(Row cells, KeyEntry entry,
                                  ColumnBatch& batch) {
  TRY_ASSIGN(auto segment, segment_of(entry));
  if (segment == nullptr) {
    miss(cells);
    return {};
  }
  for (const Decoded::KeptCell& cell : cells) {
    const ColumnSpec& spec = batch.schema().columns[cell.column];
    TRY_ASSIGN(const Column* column, segment->column(spec.name));
    CellWriter writer{batch.columns()[cell.column], cell.row};
    // Stored before the column was what it is.
    if (column == nullptr || !may_become(column->type(), spec.type) ||
        !read_cell(*column, entry.row, spec.type, writer, batch)) {
      missed_.push_back(cell);
    }
  }
  return segment->status();
}

void KeptCells::list_segments() {
  segments_.clear();
  auto timeline = store_.timeline(dataset_);
  for (const auto& sealed : timeline->sealed) segments_[sealed->id()] = sealed;
  for (const auto& live : timeline->live) {
    segments_[live->id()] = live->snapshot();
  }
}

// Follows the entry to where its row is now; null if it is nowhere.
Result<std::shared_ptr<const Segment>> KeptCells::segment_of(KeyEntry& entry) {
  for (int attempt = 0; attempt < kMostAttempts; ++attempt) {
    if (!keys_.places.resolve(entry)) return nullptr;
    if (attempt > 0 || segments_.empty()) list_segments();
    auto found = segments_.find(keys_.places.id_of(entry.segment));
    if (found != segments_.end()) return found->second;
    std::this_thread::sleep_for(kBetweenAttempts);
    keys_.places.take_moves();  // it was replaced meanwhile
  }
  return nullptr;
}

}  // namespace freshet
