// The keys of the rows that are in sealed segments, for an index to start with.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "ingest/key_hash.h"
#include "ingest/key_settings.h"
#include "segments/segment_store.h"

namespace freshet {

struct KeyedRow {
  KeyHash key;
  int64_t time = 0;   // __time, milliseconds
  int64_t order = 0;  // by KeySettings::order_by; 0 without
  uint32_t row = 0;   // of its segment
};

struct KeyLoad {
  std::string dataset;
  std::shared_ptr<const Schema> schema;
  KeySettings settings;
  // Segments that end before this are passed over.
  Timestamp from = kMinTimestamp;
  std::function<bool()> stopped;  // asked now and then; true: give up
};

// Calls visit(segment id, row) for each visible row with a key, segments in
// order of their arrival. Files are opened for this alone, so that what was
// read of them is not kept. Segments that are merged meanwhile are read as they
// were at one moment. kCancelled when stopped; else the first error of a file.
Status load_keys(
    SegmentStore& store, const KeyLoad& load, KeyHasher& hasher,
    const std::function<void(const std::string&, const KeyedRow&)>& visit);

}  // namespace freshet
