// RememberedDeletes: keys whose row was deleted, with the order of the delete,
// so that an older version that comes late does not bring the row back, after a
// restart either.
//
// In the metadata store under "deletes/<dataset>/<when>_<n>", for each
// generation those that came in it, written in the same commit as its offsets.
// They are forgotten when a version as old as the delete would be too late
// (lateness), or its row past retention; in any case the newest million stay.
//
// Call order: load (add | take | forget)*. Used by the ingestion thread.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ingest/ingestion.h"
#include "segments/metadata_store.h"

namespace freshet {

class RememberedDeletes {
 public:
  // `most`: how many are kept, by whole generations.
  RememberedDeletes(const IngestionSettings& settings, MetadataStore& store,
                    uint64_t most = 1'000'000);

  struct Delete {
    std::string_view key;  // KeyHasher::bytes()
    int64_t order = 0;
    Timestamp time;  // of the delete's event
  };
  // Those that are kept, in the order of their arrival. What was written for
  // another key of the dataset, or an order of another type, unless it became
  // wider, is removed. kCorrupt names the record.
  Status load(const std::function<Status(const Delete&)>& visit);

  void add(const Delete& one);
  // Memory held by those that were not taken yet.
  uint64_t bytes() const { return open_.size(); }
  // What is to be committed with the generation that ends here.
  std::vector<std::pair<std::string, std::string>> take();

  // Before this time of its event a delete need not be remembered;
  // kMinTimestamp: for ever. `least_watermark` is that of all partitions.
  Timestamp horizon(Timestamp least_watermark, Timestamp now) const;
  // Lets go of the records whose deletes all lie before the horizon, and of the
  // oldest ones beyond the limit. Returns their keys, to be removed from the
  // store not before what the horizon follows from is durable there.
  std::vector<std::string> forget(Timestamp horizon);

 private:
  struct Record {
    std::string key;
    uint64_t deletes = 0;
    int64_t greatest_ms = 0;
  };
  void note(Record record);
  std::optional<ColumnType> order_type_of(std::string_view definition) const;
  Result<Record> read(std::string_view key, std::string_view value,
                      const std::function<Status(const Delete&)>& visit) const;

  const std::string prefix_;
  const std::string key_;        // its names and types
  const ColumnType order_type_;  // of order_by
  const int64_t late_ms_, retention_ms_;
  const uint64_t most_;
  MetadataStore& store_;
  std::deque<Record> records_;  // oldest first
  uint64_t kept_ = 0;           // deletes in them
  std::string open_;            // encoded, not taken yet
  Record open_record_;
  uint64_t taken_ = 0;
};

}  // namespace freshet
