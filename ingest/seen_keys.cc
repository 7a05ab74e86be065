#include "ingest/seen_keys.h"

#include <spdlog/spdlog.h>

#include <map>

namespace freshet {
namespace {

constexpr uint64_t kForgetEvery = 8;  // batches, one table of the index each
constexpr int kMostPasses = 3;

}  // namespace

SeenKeys::SeenKeys(const IngestionSettings& settings, SegmentStore& store)
    : dataset_(settings.dataset),
      schema_(settings.decoder.schema),
      settings_(settings.key),
      late_ms_(settings.accepted_late_ms()),
      store_(store) {
  start_index();
}

Timestamp SeenKeys::horizon(Timestamp least_watermark) const {
  if (late_ms_ < 0 || least_watermark == kMinTimestamp) return kMinTimestamp;
  return Timestamp{least_watermark.ms - late_ms_};
}

// Empty, in place of the one before.
void SeenKeys::start_index() {
  index_.emplace(settings_.memory_bytes,
                 store_.data_folder() + "/keys/" + dataset_);
}

// Rows that were merged before they could be hidden are found in the next pass.
Status SeenKeys::load(Timestamp least_watermark,
                      const std::function<bool()>& stopped) {
  KeyLoad load{dataset_, schema_, settings_, horizon(least_watermark), stopped};
  for (int pass = 0; pass < kMostPasses; ++pass) {
    start_index();
    TRY_ASSIGN(bool done, load_once(load));
    if (done) return {};
  }
  spdlog::warn(
      "dataset {}: some rows that repeat an earlier one stay until the next "
      "start: their segments were merged meanwhile, again and again",
      dataset_);
  return {};
}

// False if a segment with repeated rows was merged meanwhile.
Result<bool> SeenKeys::load_once(const KeyLoad& load) {
  std::map<std::string, std::vector<uint32_t>> repeated;
  Status failed;
  auto visit = [&](const std::string& segment, const KeyedRow& row) {
    if (!failed) return;
    auto found = index_->find(row.key);
    if (!found) {
      failed = found.error();
    } else if (*found != nullptr) {
      repeated[segment].push_back(row.row);
    } else {
      index_->insert(row.key, {row.time, 0, 0});
      if (index_->keys_in_memory() % kBlockRows == 0) {
        failed = index_->keep_to_limit();
      }
    }
  };
  TRY(load_keys(store_, load, hasher_, visit));
  TRY(failed);
  if (repeated.empty()) return true;
  uint64_t hidden = 0;
  bool all = true;
  for (auto& [segment, rows] : repeated) {
    auto done = store_.hide(dataset_, {{segment, std::move(rows)}}, {});
    if (!done && done.error().code == ErrorCode::kConflict) {
      all = false;
      continue;
    }
    TRY(done);
    hidden += *done;
  }
  spdlog::info("dataset {}: {} rows that repeat an earlier one are hidden",
               dataset_, hidden);
  return all;
}

void SeenKeys::hash_rows(const ColumnBatch& batch,
                         const std::vector<uint8_t>& keep) {
  std::vector<KeyValues> values = key_values(batch, settings_.columns);
  hashes_.assign(batch.num_rows(), KeyHash());
  for (size_t row = 0; row < batch.num_rows(); ++row) {
    if (!keep[row]) continue;
    hashes_[row] = hasher_.hash(values, row).value_or(KeyHash());
    index_->prefetch(hashes_[row]);
  }
}

Result<uint64_t> SeenKeys::drop_repeats(const ColumnBatch& batch,
                                        std::vector<uint8_t>& keep,
                                        Timestamp least_watermark) {
  hash_rows(batch, keep);
  const std::vector<int64_t>& times = batch.columns()[0].longs;
  uint64_t dropped = 0;
  for (size_t row = 0; row < batch.num_rows(); ++row) {
    if (hashes_[row] == KeyHash()) continue;
    TRY_ASSIGN(KeyEntry * entry, index_->find(hashes_[row]));
    if (entry != nullptr) {
      entry->order = std::max(entry->order, times[row]);
      keep[row] = 0;
      ++dropped;
    } else {
      index_->insert(hashes_[row], {times[row], 0, 0});
    }
  }
  if (++batches_ % kForgetEvery == 0) forget_some(least_watermark);
  Status kept = index_->keep_to_limit();
  if (!kept && !over_limit_) {
    spdlog::warn("dataset {}: keys take more memory than they should: {}",
                 dataset_, kept.error().message);
  }
  over_limit_ = !kept;
  return dropped;
}

void SeenKeys::forget_some(Timestamp least_watermark) {
  Timestamp before = horizon(least_watermark);
  if (before == kMinTimestamp) return;
  index_->visit(batches_ / kForgetEvery % RowKeyIndex::kTables,
                [&](KeyEntry& entry) { return entry.order >= before.ms; });
}

}  // namespace freshet
