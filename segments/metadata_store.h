// MetadataStore: what must survive a crash besides segment files, in one
// RocksDB (the only file pair that includes it besides ingest/embedded_log).
//
// Keys (all text, '/'-separated; dataset names cannot hold '/'):
//   segment/<dataset>/<segment id>        -> SegmentRecord
//   hidden/<dataset>/<segment id>         -> its hidden rows (encode_hidden)
//   offset/<dataset>/<source partition>   -> OffsetRecord
//   <kind>/<...>                          -> any other kept state, via put/scan
//                                            (dead letters, alert state, views)
// Every write is synced; kIo if the disk has no room for it (commit(): kLimit,
// for nothing of it is written). After a write that failed on the disk all
// later ones fail until the store is opened again, which may bring it back or
// not: RocksDB trusts no log that failed.
// Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "segments/bitmap.h"
#include "segments/file_system.h"
#include "segments/result.h"
#include "segments/time.h"

namespace freshet {

struct SegmentRecord {
  std::string id;
  std::string file;  // relative to the segments folder
  uint64_t bytes = 0;
  uint64_t content_hash = 0;
  uint32_t num_rows = 0;
  Interval time_range;
  Interval granule;
  // Place in the order of arrival among the segments of the granule; a merged
  // one has that of the last one in it.
  uint64_t sequence = 0;
  // to_text() of the rollup of its rows; empty: they are not rolled up. Only
  // those of equal text are merged.
  std::string rollup;
};

// Where a source partition continues, and how to recognise that its log is
// still the one that was read.
struct OffsetRecord {
  int64_t next = 0;          // first offset not in any segment
  int64_t last_offset = -1;  // of the last durable record; -1 = none
  uint64_t last_hash = 0;    // hash of its key and value
  int64_t last_time_ms = 0;  // its source timestamp
  bool operator==(const OffsetRecord&) const = default;
};

// One atomic step of a dataset.
struct Commit {
  std::string dataset;
  std::vector<SegmentRecord> added;
  std::vector<std::string> removed;  // segment ids; their hidden rows go too
  // By segment id, all its hidden rows from now on; REQUIRES: not empty.
  std::vector<std::pair<std::string, std::shared_ptr<const Bitmap>>> hidden;
  struct Advance {
    std::string partition;                 // "pos.sales/3", "log/0"
    std::optional<int64_t> expected_next;  // nothing: no record yet
    OffsetRecord record;
  };
  std::vector<Advance> offsets;
  // Other keys removed, then others written, in the same batch (dead letters,
  // counters).
  std::vector<std::string> removed_keys{};
  std::vector<std::pair<std::string, std::string>> puts{};
};

class MetadataStore {
 public:
  // Opens or creates the store in `folder`. kConflict if another process has
  // it open, kIo if the folder cannot be written; the message names the folder.
  // `files` outlives the store.
  static Result<std::unique_ptr<MetadataStore>> open(
      const std::string& folder, FileSystem& files = real_file_system());
  // As it is at this moment, for reading: another process may have it open, and
  // what it writes later is not seen. kIo if it is none.
  static Result<std::unique_ptr<MetadataStore>> open_to_read(
      const std::string& folder);
  virtual ~MetadataStore() = default;

  // Applies all of `commit` in one synced batch, or nothing. kConflict if a
  // stored offset differs from expected_next (the message has both).
  virtual Status commit(const Commit& commit) = 0;

  virtual Result<std::vector<SegmentRecord>> segments(
      std::string_view dataset) const = 0;
  virtual Result<std::vector<std::pair<std::string, OffsetRecord>>> offsets(
      std::string_view dataset) const = 0;
  // By segment id; segments without hidden rows are not there.
  virtual Result<std::map<std::string, std::shared_ptr<const Bitmap>>> hidden(
      std::string_view dataset) const = 0;

  virtual Status put(std::string_view key, std::string_view value) = 0;
  virtual Status remove(std::string_view key) = 0;
  // All of these in one synced batch, or nothing.
  virtual Status change(
      const std::vector<std::pair<std::string, std::string>>& puts,
      const std::vector<std::string>& removed) = 0;
  virtual Result<std::optional<std::string>> get(
      std::string_view key) const = 0;
  // Calls `visit(key, value)` in key order for keys with `prefix`, from
  // `start_after` (exclusive, may be empty), until it returns false.
  virtual Status scan(
      std::string_view prefix, std::string_view start_after,
      const std::function<bool(std::string_view, std::string_view)>& visit)
      const = 0;

  // Writes a copy of the store as of now into `folder`, which must not exist:
  // immutable files as hard links, the rest copied. open() reads it.
  virtual Status checkpoint(const std::string& folder) = 0;
};

// Names of the datasets that have segments.
Result<std::set<std::string>> datasets_of(const MetadataStore& metadata);

}  // namespace freshet
