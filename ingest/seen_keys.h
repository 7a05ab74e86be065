// SeenKeys: on_duplicate: ignore. Of rows with one key the first one stays.
//
// Keys are known from the segments at the start, across restarts therefore,
// and for as long as a row that old is still accepted (lateness); without a
// lateness for as long as its segment is kept. A row whose key columns are
// all null has no key and is never a repeat. Used by the ingestion thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ingest/ingestion.h"
#include "ingest/key_loader.h"
#include "ingest/row_key_index.h"

namespace freshet {

class SeenKeys {
 public:
  SeenKeys(const IngestionSettings& settings, SegmentStore& store);

  // Reads the keys of the segments whose rows a repeat may still come of, and
  // hides rows that repeat an earlier one there (a key that is new).
  // kCancelled as soon as `stopped` says so (null: never). REQUIRES: called
  // once, first.
  Status load(Timestamp least_watermark, const std::function<bool()>& stopped);

  // Sets keep to 0 for rows whose key was seen; returns how many. Repeats with
  // a time before least_watermark - lateness cannot come any more.
  Result<uint64_t> drop_repeats(const ColumnBatch& batch,
                                std::vector<uint8_t>& keep,
                                Timestamp least_watermark);

  const RowKeyIndex& index() const { return *index_; }

 private:
  Timestamp horizon(Timestamp least_watermark) const;
  void start_index();
  Result<bool> load_once(const KeyLoad& load);
  void hash_rows(const ColumnBatch& batch, const std::vector<uint8_t>& keep);
  void forget_some(Timestamp least_watermark);

  const std::string dataset_;
  const std::shared_ptr<const Schema> schema_;
  const KeySettings settings_;
  const int64_t late_ms_;  // < 0: rows of any age are accepted
  SegmentStore& store_;
  KeyHasher hasher_;
  std::optional<RowKeyIndex> index_;  // always there
  std::vector<KeyHash> hashes_;       // by row; both 0: none, or not kept
  uint64_t batches_ = 0;
  bool over_limit_ = false;  // said so
};

}  // namespace freshet
