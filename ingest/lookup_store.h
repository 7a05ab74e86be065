// LookupStore: what one lookup holds, durable: its rows and how far its source
// was read, each change of both in one synced step.
//
//   lookup/NAME/state            LookupState
//   lookup/NAME/offset/PART      OffsetRecord
//   lookup/NAME/row/KEY          a row, see lookup_rows.h
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/source.h"
#include "segments/column_batch.h"
#include "segments/metadata_store.h"

namespace freshet {

struct LookupEntry {
  std::string key;                 // lookup_row_key
  std::optional<std::string> row;  // encode_lookup_row; nothing: it goes
  // Columns of the schema, null in `row`, that stay as they were.
  std::vector<uint32_t> kept;
};

// One step.
struct LookupChange {
  bool replaces = false;             // the rows of all other keys go
  std::vector<LookupEntry> entries;  // of one key the last counts
  // How far its source was read with it; as they were if empty.
  std::map<PartitionName, OffsetRecord> offsets;
  std::optional<std::string> files;  // which files the rows are from
  bool complete = false;             // the rows are now all that the source had
};

struct LookupState {
  std::string columns;  // names and types, a line each
  std::string source;   // where the rows come from
  std::string files;
  bool complete = false;
  Timestamp changed;  // when rows last came; 0: never
};

// Used by one thread at a time.
class LookupStore {
 public:
  // `store` must outlive it. `source` says where the rows come from; rows of
  // another source are dropped by open().
  LookupStore(MetadataStore& store, std::string name,
              std::shared_ptr<const Schema> schema, size_t key,
              std::string source);

  // Reads the state. Rows of other columns than the schema's get those: what
  // has the same name and type stays, the rest is null. Rows whose key column
  // is another one are dropped.
  Status open();
  const LookupState& state() const { return state_; }
  Result<std::map<PartitionName, OffsetRecord>> offsets() const;
  // All rows, by key.
  Status read(const std::function<Status(std::string_view key,
                                         std::string_view row)>& visit) const;
  // Fills in what `kept` of the change's entries says.
  Status fill_kept(LookupChange& change) const;
  // Makes the change durable. REQUIRES: after fill_kept.
  Status write(const LookupChange& change);

 private:
  Status convert(const Schema& old);
  Status drop();
  Result<std::vector<std::string>> keys_under(const std::string& part) const;
  std::string prefix(std::string_view part) const {
    return "lookup/" + name_ + "/" + std::string(part);
  }

  MetadataStore& store_;
  const std::string name_;
  const std::shared_ptr<const Schema> schema_;
  const size_t key_;
  const std::string source_;
  LookupState state_;
};

}  // namespace freshet
