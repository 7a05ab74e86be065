#include "ingest/newest_rows.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <map>

namespace freshet {
namespace {

// In place of a segment's number, beside kDeletedRow: a row of the batch in
// hand.
constexpr uint32_t kInBatch = kDeletedRow - 1;

bool is_place(const KeyEntry& entry) { return entry.segment < kInBatch; }

// What the entry of a delete has in place of a row: when it was, in seconds.
uint32_t second_of(Timestamp time) {
  return static_cast<uint32_t>(
      std::clamp<int64_t>(time.ms / 1000, 0, UINT32_MAX));
}

constexpr size_t kTablesPerBatch = 2;
constexpr uint64_t kForgetEvery = 8;  // batches
constexpr int kMostAttempts = 100;    // while segments are being replaced

}  // namespace

NewestRows::NewestRows(const IngestionSettings& settings, SegmentStore& store)
    : dataset_(settings.dataset),
      schema_(settings.decoder.schema),
      settings_(settings.key),
      store_(store),
      index_(settings.key.memory_bytes,
             store.data_folder() + "/keys/" + settings.dataset),
      places_(std::make_shared<KeyPlaces>(store.data_folder() + "/keys/" +
                                          settings.dataset + ".rows")),
      deletes_(settings, store.metadata()),
      kept_cells_(std::make_unique<KeptCells>(
          settings, store, KeptCells::Keys{hasher_, index_, *places_})) {}

Status NewestRows::load(Timestamp least_watermark,
                        const std::function<bool()>& stopped) {
  // First of all: what moves while the keys are read is followed.
  store_.watch_rows(dataset_, [places = places_](RowMoves moves) {
    places->moved(std::move(moves));
  });
  KeyLoad load{dataset_, schema_, settings_, kMinTimestamp, stopped};
  std::vector<KeyEntry> superseded;
  Status noted;
  auto visit = [&](const std::string& segment, const KeyedRow& row) {
    if (noted) note_place(segment, row, superseded, noted);
  };
  TRY(load_keys(store_, load, hasher_, visit));
  TRY(noted);
  horizon_ = deletes_.horizon(least_watermark, now());
  TRY(load_deletes(superseded));
  places_->take_moves();
  return hide_superseded(std::move(superseded));
}

void NewestRows::note_place(const std::string& segment, const KeyedRow& row,
                            std::vector<KeyEntry>& superseded, Status& noted) {
  auto found = index_.find(row.key);
  if (!found) {
    noted = found.error();
    return;
  }
  KeyEntry fresh{row.order, places_->number_of(segment), row.row};
  if (*found == nullptr) {
    index_.insert(row.key, fresh);
    if (index_.keys_in_memory() % kBlockRows == 0) {
      noted = index_.keep_to_limit();
    }
    return;
  }
  // Segments come in the order of their arrival, see load_keys.
  if (fresh.order < (*found)->order) {
    superseded.push_back(fresh);
  } else {
    superseded.push_back(**found);
    **found = fresh;
  }
}

// A row that is older than the delete of its key was loaded in bulk since.
Status NewestRows::load_deletes(std::vector<KeyEntry>& superseded) {
  if (!settings_.order_by) return {};
  TRY(deletes_.load([&](const RememberedDeletes::Delete& one) -> Status {
    if (one.time < horizon_) return {};
    KeyHash key = hasher_.hash(one.key);
    KeyEntry entry{one.order, kDeletedRow, second_of(one.time)};
    TRY_ASSIGN(KeyEntry * known, index_.find(key));
    if (known == nullptr) {
      index_.insert(key, entry);
    } else if (known->order < one.order) {
      if (is_place(*known)) superseded.push_back(*known);
      *known = entry;
    }
    if (index_.keys_in_memory() % kBlockRows != 0) return {};
    return index_.keep_to_limit();
  }));
  std::vector<std::string> forgotten = deletes_.forget(horizon_);
  if (forgotten.empty()) return {};
  return store_.metadata().change({}, forgotten);  // by what is durable
}

Status NewestRows::hide_superseded(std::vector<KeyEntry> superseded) {
  if (superseded.empty()) return {};
  displaced_ = std::move(superseded);
  uint64_t hidden = 0;
  bool all = false;
  for (int attempt = 0; attempt < kMostAttempts && !all; ++attempt) {
    all = true;
    for (HideRows& one : rows_to_hide()) {
      auto done = store_.hide(dataset_, {std::move(one)}, {});
      if (!done && done.error().code == ErrorCode::kConflict) {
        all = false;
        continue;
      }
      TRY(done);
      hidden += *done;
    }
    if (!all) places_->take_moves();  // a segment was merged meanwhile
  }
  displaced_.clear();
  spdlog::info("dataset {}: {} rows with a newer one of their key are hidden{}",
               dataset_, hidden,
               all ? "" : "; others, of segments that change, stay for now");
  return {};
}

void NewestRows::hash_rows(const ColumnBatch& batch,
                           const std::vector<uint8_t>& deletes,
                           const std::vector<uint8_t>& keep) {
  std::vector<KeyValues> values = key_values(batch, settings_.columns);
  hashes_.assign(batch.num_rows(), KeyHash());
  for (size_t row = 0; row < batch.num_rows(); ++row) {
    if (!keep[row] && (deletes.empty() || !deletes[row])) continue;
    hashes_[row] = hasher_.hash(values, row).value_or(KeyHash());
    index_.prefetch(hashes_[row]);
  }
}

Status NewestRows::judge(const ColumnBatch& batch,
                         const std::vector<uint8_t>& deletes,
                         std::vector<uint8_t>& keep) {
  displaced_.clear();
  places_->take_moves();
  hash_rows(batch, deletes, keep);
  std::vector<KeyValues> order;
  if (settings_.order_by) {
    order = key_values(batch, std::span(&*settings_.order_by, 1));
  }
  for (size_t row = 0; row < batch.num_rows(); ++row) {
    bool is_delete = !deletes.empty() && deletes[row];
    if (hashes_[row] == KeyHash()) {
      if (is_delete) keep[row] = 0;
      continue;
    }
    TRY_ASSIGN(KeyEntry * entry, index_.find(hashes_[row]));
    KeyEntry fresh;
    fresh.order = order.empty() ? 0 : order_of(order[0], row);
    if (is_delete && entry != nullptr && fresh.order == kNoOrder) {
      fresh.order = entry->order;
    }
    fresh.segment = is_delete ? kDeletedRow : kInBatch;
    Timestamp time{batch.columns()[0].longs[row]};
    fresh.row = is_delete ? second_of(time) : static_cast<uint32_t>(row);
    bool outdated = entry != nullptr && fresh.order < entry->order;
    if (is_delete && settings_.order_by && !outdated) {
      std::vector<KeyValues> key = key_values(batch, settings_.columns);
      deletes_.add({*hasher_.bytes(key, row), fresh.order, time});
    }
    take_row(row, fresh, entry, keep);
  }
  return {};
}

NewestRows::DeleteChanges NewestRows::take_deletes(Timestamp least_watermark) {
  horizon_ = deletes_.horizon(least_watermark, now());
  DeleteChanges changes;
  changes.removed = deletes_.forget(horizon_);
  changes.puts = deletes_.take();
  return changes;
}

// `entry` is what is known of the row's key, or null.
void NewestRows::take_row(size_t row, const KeyEntry& fresh, KeyEntry* entry,
                          std::vector<uint8_t>& keep) {
  bool is_delete = fresh.segment == kDeletedRow;
  if (entry != nullptr && fresh.order < entry->order) {
    ++counts_.outdated;
    keep[row] = 0;
    return;
  }
  if (is_delete) keep[row] = 0;
  if (entry == nullptr) {
    // Without an order nothing that comes later is older than this delete.
    if (!is_delete || settings_.order_by) index_.insert(hashes_[row], fresh);
    return;
  }
  if (entry->segment != kDeletedRow) {
    displace(*entry, keep);
    ++(is_delete ? counts_.deleted : counts_.replaced);
  }
  *entry = fresh;
}

void NewestRows::displace(KeyEntry& entry, std::vector<uint8_t>& keep) {
  if (entry.segment == kInBatch) {
    keep[entry.row] = 0;
  } else {
    displaced_.push_back(entry);
  }
}

// What is displaced, by segment as it is now.
std::vector<HideRows> NewestRows::rows_to_hide() {
  std::map<uint32_t, std::vector<uint32_t>> rows;
  for (KeyEntry& entry : displaced_) {
    if (places_->resolve(entry)) rows[entry.segment].push_back(entry.row);
  }
  std::vector<HideRows> hide;
  for (auto& [segment, list] : rows) {
    std::sort(list.begin(), list.end());
    hide.push_back({places_->id_of(segment), std::move(list)});
  }
  return hide;
}

Status NewestRows::publish(const std::vector<Sinks::Appended>& appended,
                           uint64_t generation) {
  RowChange change;
  change.generation = generation;
  for (const Sinks::Appended& part : appended) {
    uint32_t number = places_->number_of(part.segment->id());
    for (size_t i = 0; i < part.rows.size(); ++i) {
      const KeyHash& hash = hashes_[part.rows[i]];
      if (hash == KeyHash()) continue;
      TRY_ASSIGN(KeyEntry * entry, index_.find(hash));
      entry->segment = number;
      entry->row = part.begin + static_cast<uint32_t>(i);
    }
    change.visible.emplace_back(part.segment, part.segment->num_rows());
  }
  Status status;
  for (int attempt = 0; attempt < kMostAttempts; ++attempt) {
    change.hide = rows_to_hide();
    if (change.hide.empty() && change.visible.empty()) break;
    status = store_.change_rows(dataset_, change);
    if (status || status.error().code != ErrorCode::kConflict) break;
    places_->take_moves();  // a segment was replaced meanwhile
  }
  displaced_.clear();
  TRY(status);
  keep_house();
  return {};
}

// Puts entries right and forgets old deletes, some tables of the index.
void NewestRows::sweep(size_t tables) {
  uint32_t horizon = second_of(horizon_);
  for (size_t i = 0; i < tables; ++i) {
    if (next_table_ == 0) sweep_version_ = places_->version();
    index_.visit(next_table_, [&](KeyEntry& entry) {
      if (is_place(entry)) return places_->resolve(entry);
      return entry.row >= horizon;
    });
    next_table_ = (next_table_ + 1) % RowKeyIndex::kTables;
    if (next_table_ == 0 && index_.keys_spilled() == 0) {
      places_->release(sweep_version_);
    }
  }
}

// The places of replaced segments should be forgotten soon, deletes some time;
// the index keeps to its limit.
void NewestRows::keep_house() {
  ++batches_;
  if (places_->tracked_rows() > 0) {
    sweep(kTablesPerBatch);
  } else if (horizon_ != kMinTimestamp && batches_ % kForgetEvery == 0) {
    sweep(1);
  }
  Status kept = index_.keep_to_limit();
  if (!kept && !over_limit_) {
    spdlog::warn("dataset {}: keys take more memory than they should: {}",
                 dataset_, kept.error().message);
  }
  over_limit_ = !kept;
}

void NewestRows::close() {
  if (!closed_) store_.watch_rows(dataset_, nullptr);
  closed_ = true;
}

}  // namespace freshet
