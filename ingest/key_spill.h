// KeySpill: the keys that do not fit into memory, in a RocksDB of their own
// (the only file pair that includes it besides ingest/embedded_log and
// segments/metadata_store). A working file, not a record: it is emptied when
// it is opened, since what it holds is found in the segments again.
//
// Used by one thread.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "ingest/key_hash.h"
#include "segments/result.h"

namespace freshet {

// In place of a segment's number: the row was deleted.
inline constexpr uint32_t kDeletedRow = UINT32_MAX;

// What is known of a key.
struct KeyEntry {
  int64_t order = 0;     // see Duplicates: what decides between versions
  uint32_t segment = 0;  // number of the segment that has its row
  uint32_t row = 0;
  bool operator==(const KeyEntry&) const = default;
};

class KeySpill {
 public:
  // Removes what is in `folder`, creates it if absent.
  static Result<std::unique_ptr<KeySpill>> open(const std::string& folder);
  virtual ~KeySpill() = default;

  using Keys = std::span<const std::pair<KeyHash, KeyEntry>>;
  // Adds or replaces. kLimit if the disk has no room for it.
  virtual Status put(Keys keys) = 0;
  virtual Result<std::optional<KeyEntry>> get(const KeyHash& key) = 0;
};

}  // namespace freshet
