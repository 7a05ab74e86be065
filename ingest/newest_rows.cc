#include "ingest/newest_rows.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <map>

namespace freshet {
namespace {

// In place of a segment's number.
constexpr uint32_t kDeleted = UINT32_MAX;      // a delete; no row
constexpr uint32_t kInBatch = UINT32_MAX - 1;  // a row of the batch in hand

bool is_place(const KeyEntry& entry) { return entry.segment < kInBatch; }

constexpr size_t kTablesPerBatch = 2;
constexpr int kMostAttempts = 100;  // while segments are being replaced

}  // namespace

NewestRows::NewestRows(const IngestionSettings& settings, SegmentStore& store)
    : dataset_(settings.dataset),
      schema_(settings.decoder.schema),
      settings_(settings.key),
      store_(store),
      index_(settings.key.memory_bytes,
             store.data_folder() + "/keys/" + settings.dataset),
      places_(std::make_shared<KeyPlaces>(store.data_folder() + "/keys/" +
                                          settings.dataset + ".rows")) {}

Status NewestRows::load(const std::function<bool()>& stopped) {
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

Status NewestRows::hide_superseded(std::vector<KeyEntry> superseded) {
  if (superseded.empty()) return {};
  displaced_ = std::move(superseded);
  uint64_t hidden = 0;
  for (HideRows& one : rows_to_hide()) {
    auto done = store_.hide(dataset_, {std::move(one)}, {});
    // Merged meanwhile: the next start finds them again.
    if (!done && done.error().code == ErrorCode::kConflict) continue;
    TRY(done);
    hidden += *done;
  }
  displaced_.clear();
  spdlog::info("dataset {}: {} rows with a newer one of their key are hidden",
               dataset_, hidden);
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
    int64_t at = order.empty() ? 0 : order_of(order[0], row);
    TRY_ASSIGN(KeyEntry * entry, index_.find(hashes_[row]));
    take_row(row, at, is_delete, entry, keep);
  }
  return {};
}

// `entry` is what is known of the row's key, or null.
void NewestRows::take_row(size_t row, int64_t order, bool is_delete,
                          KeyEntry* entry, std::vector<uint8_t>& keep) {
  if (entry != nullptr && order < entry->order) {
    ++counts_.outdated;
    keep[row] = 0;
    return;
  }
  KeyEntry fresh{order, is_delete ? kDeleted : kInBatch,
                 static_cast<uint32_t>(row)};
  if (is_delete) keep[row] = 0;
  if (entry == nullptr) {
    // Without an order nothing that comes later is older than this delete.
    if (!is_delete || settings_.order_by) index_.insert(hashes_[row], fresh);
    return;
  }
  if (entry->segment != kDeleted) {
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

// Puts entries right a few tables at a time, so that the places of replaced
// segments can be forgotten, and keeps the index to its limit.
void NewestRows::keep_house() {
  if (places_->tracked_rows() > 0) {
    for (size_t i = 0; i < kTablesPerBatch; ++i) {
      if (next_table_ == 0) sweep_version_ = places_->version();
      index_.visit(next_table_, [&](KeyEntry& entry) {
        return !is_place(entry) || places_->resolve(entry);
      });
      next_table_ = (next_table_ + 1) % RowKeyIndex::kTables;
      if (next_table_ == 0 && index_.keys_spilled() == 0) {
        places_->release(sweep_version_);
      }
    }
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
