// KeptCells: the values that a source leaves out since they did not change
// (PostgreSQL's TOAST), taken from the row that theirs replaces: an earlier one
// of the batch, or the newest one stored.
//
// Values are put where they are missing ahead of the transform, so that what is
// derived from them is right. A column that is not stored as it was read (a
// hashed one) gets its stored value afterwards, if nothing is derived from it.
// What has no value to be had becomes an error of its row: the key or the order
// was left out, no row of the key is stored, or none that had the column.
//
// Call order: (before_transform after_transform)*. Used by the ingestion
// thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "ingest/decoder.h"
#include "ingest/ingestion.h"
#include "ingest/key_places.h"
#include "ingest/row_key_index.h"

namespace freshet {

class KeptCells {
 public:
  // Those of the NewestRows that owns it.
  struct Keys {
    KeyHasher& hasher;
    RowKeyIndex& index;
    KeyPlaces& places;
  };
  KeptCells(const IngestionSettings& settings, SegmentStore& store, Keys keys);

  // `cells` by row. Rows with `deletes` set need no values. An error: stored
  // rows or spilled keys cannot be read.
  Status before_transform(const std::vector<Decoded::KeptCell>& cells,
                          const std::vector<uint8_t>& deletes,
                          ColumnBatch& batch);
  // The rest; rows without `keep` need no values that the filter did not ask
  // for.
  Status after_transform(const std::vector<uint8_t>& deletes,
                         const std::vector<uint8_t>& keep, ColumnBatch& batch,
                         std::vector<Transform::RowError>& errors);

 private:
  using Cells = std::vector<Decoded::KeptCell>;
  struct Version {
    int64_t order = 0;
    uint32_t row = 0;  // of the batch
    bool deleted = false;
  };
  struct HashOf {
    size_t operator()(const KeyHash& key) const { return key.low; }
  };
  using Row = std::span<const Decoded::KeptCell>;

  bool reads(size_t column) const;
  bool stored_as_read(size_t column) const;
  Status fill(const Cells& cells, const std::vector<uint8_t>& deletes,
              ColumnBatch& batch);
  Status note(const KeyHash& key, Version version);
  Status fill_row(Row cells, const KeyHash& key, int64_t order,
                  ColumnBatch& batch);
  Status fill_from_store(Row cells, KeyEntry entry, ColumnBatch& batch);
  void list_segments();
  Result<std::shared_ptr<const Segment>> segment_of(KeyEntry& entry);
  void miss(Row cells) {
    missed_.insert(missed_.end(), cells.begin(), cells.end());
  }

  const std::string dataset_;
  const std::shared_ptr<const Transform> transform_;
  const KeySettings settings_;
  SegmentStore& store_;
  const Keys keys_;
  bool key_is_read_ = true;  // from events; none of its columns is derived

  // Of the batch in hand.
  std::unordered_map<KeyHash, Version, HashOf> earlier_;
  Cells late_;    // for after_transform
  Cells missed_;  // without a value
  std::unordered_map<std::string, std::shared_ptr<const Segment>> segments_;
};

}  // namespace freshet
