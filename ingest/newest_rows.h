// NewestRows: on_duplicate: replace. Of rows with one key the newest one stays:
// that with the greatest `order_by`, of equals the last to arrive. A delete
// removes the row; one without an order (its event has no more than the key)
// counts as the newest. Where there is an order deletes are remembered
// (RememberedDeletes), so that an older version that comes late does not bring
// the row back. Values that the source left out are those of the row that is
// replaced (KeptCells).
//
// The row that is replaced is hidden in the same timeline in which the new one
// becomes visible, and for good with the commit of the new one's generation:
// after a crash both steps happen again. Rows without a key (all its columns
// null) are added as they come. Used by the ingestion thread.
//
// Call order: load (kept_cells() judge append publish)* close
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "ingest/ingestion.h"
#include "ingest/kept_cells.h"
#include "ingest/key_loader.h"
#include "ingest/key_places.h"
#include "ingest/remembered_deletes.h"
#include "ingest/row_key_index.h"
#include "ingest/sinks.h"

namespace freshet {

struct Replacements {
  uint64_t replaced = 0;  // rows that gave way to a newer one
  uint64_t deleted = 0;   // rows removed by a delete
  uint64_t outdated = 0;  // rows and deletes that came after a newer one
};

class NewestRows {
 public:
  NewestRows(const IngestionSettings& settings, SegmentStore& store);

  // Reads the keys of all rows in segments. Of rows with one key there (history
  // just loaded in bulk, a key that is new) all but the newest are hidden.
  // `least_watermark` is that of all partitions.
  Status load(Timestamp least_watermark, const std::function<bool()>& stopped);

  // Of the batch that is judged next.
  KeptCells& kept_cells() { return *kept_cells_; }

  // Decides which rows of the batch stay: sets keep to 0 for the others. A row
  // with `deletes` set removes the row of its key and is not kept. An error
  // (spilled keys cannot be read) leaves the index unusable.
  Status judge(const ColumnBatch& batch, const std::vector<uint8_t>& deletes,
               std::vector<uint8_t>& keep);
  // The rows that stayed were appended to `appended`: they become visible, and
  // those they replace disappear.
  Status publish(const std::vector<Sinks::Appended>& appended,
                 uint64_t generation);
  // Deletes since the last call, to be committed with the generation that ends
  // here, and the keys of those that are no longer needed once it is.
  struct DeleteChanges {
    std::vector<std::pair<std::string, std::string>> puts;
    std::vector<std::string> removed;
  };
  DeleteChanges take_deletes(Timestamp least_watermark);
  // Memory held by them.
  uint64_t delete_bytes() const { return deletes_.bytes(); }
  // The store's moves are not followed any more. Idempotent.
  void close();

  // Since load().
  const Replacements& counts() const { return counts_; }
  const RowKeyIndex& index() const { return index_; }

 private:
  void hash_rows(const ColumnBatch& batch, const std::vector<uint8_t>& deletes,
                 const std::vector<uint8_t>& keep);
  void take_row(size_t row, const KeyEntry& fresh, KeyEntry* entry,
                std::vector<uint8_t>& keep);
  void displace(KeyEntry& entry, std::vector<uint8_t>& keep);
  Status load_deletes(std::vector<KeyEntry>& superseded);
  void sweep(size_t tables);
  std::vector<HideRows> rows_to_hide();
  void note_place(const std::string& segment, const KeyedRow& row,
                  std::vector<KeyEntry>& superseded, Status& noted);
  Status hide_superseded(std::vector<KeyEntry> superseded);
  void keep_house();

  const std::string dataset_;
  const std::shared_ptr<const Schema> schema_;
  const KeySettings settings_;
  SegmentStore& store_;
  KeyHasher hasher_;
  RowKeyIndex index_;
  std::shared_ptr<KeyPlaces> places_;  // the store's callback has it too
  std::vector<KeyHash> hashes_;        // by row; both 0: none
  std::vector<KeyEntry> displaced_;    // to be hidden by publish()
  RememberedDeletes deletes_;
  std::unique_ptr<KeptCells> kept_cells_;
  Timestamp horizon_ = kMinTimestamp;  // of deletes_, as last taken
  Replacements counts_;
  uint64_t batches_ = 0;
  size_t next_table_ = 0;       // of the index, to be put right
  uint64_t sweep_version_ = 0;  // of places_ when table 0 was
  bool closed_ = false;
  bool over_limit_ = false;  // said so
};

}  // namespace freshet
