#include "ingest/seen_keys.h"

#include <spdlog/spdlog.h>

#include <map>

namespace freshet {
namespace {

constexpr uint64_t kForgetEvery = 8;  // batches, one table of the index each

}  // namespace

SeenKeys::SeenKeys(const IngestionSettings& settings, SegmentStore& store)
    : dataset_(settings.dataset),
      schema_(settings.decoder.schema),
      settings_(settings.key),
      late_ms_(settings.accepted_late_ms()),
      store_(store),
      index_(settings.key.memory_bytes,
             store.data_folder() + "/keys/" + settings.dataset) {}

Timestamp SeenKeys::horizon(Timestamp least_watermark) const {
  if (late_ms_ < 0 || least_watermark == kMinTimestamp) return kMinTimestamp;
  return Timestamp{least_watermark.ms - late_ms_};
}

Status SeenKeys::load(Timestamp least_watermark,
                      const std::function<bool()>& stopped) {
  KeyLoad load{dataset_, schema_, settings_, horizon(least_watermark), stopped};
  std::map<std::string, std::vector<uint32_t>> repeated;
  Status failed;
  auto visit = [&](const std::string& segment, const KeyedRow& row) {
    auto found = index_.find(row.key);
    if (!found) {
      failed = found.error();
    } else if (*found != nullptr) {
      repeated[segment].push_back(row.row);
    } else {
      index_.insert(row.key, {row.time, 0, 0});
      if (index_.keys_in_memory() % kBlockRows == 0) {
        failed = index_.keep_to_limit();
      }
    }
  };
  TRY(load_keys(store_, load, hasher_, visit));
  TRY(failed);
  if (repeated.empty()) return {};
  uint64_t hidden = 0;
  for (auto& [segment, rows] : repeated) {
    auto done = store_.hide(dataset_, {{segment, std::move(rows)}}, {});
    // Merged meanwhile: the next start finds them again.
    if (!done && done.error().code == ErrorCode::kConflict) continue;
    TRY(done);
    hidden += *done;
  }
  spdlog::info("dataset {}: {} rows that repeat an earlier one are hidden",
               dataset_, hidden);
  return {};
}

void SeenKeys::hash_rows(const ColumnBatch& batch,
                         const std::vector<uint8_t>& keep) {
  std::vector<KeyValues> values = key_values(batch, settings_.columns);
  hashes_.assign(batch.num_rows(), KeyHash());
  for (size_t row = 0; row < batch.num_rows(); ++row) {
    if (!keep[row]) continue;
    hashes_[row] = hasher_.hash(values, row).value_or(KeyHash());
    index_.prefetch(hashes_[row]);
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
    TRY_ASSIGN(KeyEntry * entry, index_.find(hashes_[row]));
    if (entry != nullptr) {
      entry->order = std::max(entry->order, times[row]);
      keep[row] = 0;
      ++dropped;
    } else {
      index_.insert(hashes_[row], {times[row], 0, 0});
    }
  }
  if (++batches_ % kForgetEvery == 0) forget_some(least_watermark);
  Status kept = index_.keep_to_limit();
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
  index_.visit(batches_ / kForgetEvery % RowKeyIndex::kTables,
               [&](KeyEntry& entry) { return entry.order >= before.ms; });
}

}  // namespace freshet
