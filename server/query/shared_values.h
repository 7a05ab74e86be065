// SharedValues: which values of a text column more than one segment has. The
// number of a receipt is in one segment, or in a few: a value that no other
// segment has is counted where it is, and only the shared ones are compared.
//
// What is known is kept, so that a later query looks at new values only: an
// entry for each segment and column, with the bounds of its values, and, where
// other segments have values within them, a filter of two bytes a value. A
// value may be called shared that is not; one that two segments have always is.
//
// Thread-safe.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "segments/bitmap.h"
#include "segments/mutex.h"
#include "segments/segment.h"
#include "server/query/query_control.h"

namespace freshet {

// The values of a column in one segment, as one query sees it.
struct SegmentTexts {
  std::string key;  // of the segment: equal keys have equal values at equal ids
  std::shared_ptr<const Segment> segment;
  const Dictionary* dictionary = nullptr;
};

class SharedValues {
 public:
  // Of the filters, altogether.
  explicit SharedValues(uint64_t max_bytes) : max_bytes_(max_bytes) {}

  // For each of `segments`, the ids whose values another one has, too. Nothing
  // where more than `most_unread` values would be looked at for the first time,
  // where the segments are too many, their filters take more bytes than there
  // may be, the comparison takes long (a later one goes on with it), or most
  // values are of several segments. Looks at `control` every few milliseconds
  // and fails as it does.
  using Ids = std::shared_ptr<const Bitmap>;
  Result<std::optional<std::vector<Ids>>> find(
      const std::string& column, std::span<const SegmentTexts> segments,
      uint64_t most_unread, QueryControl& control);

 private:
  // How many ids of two segments were compared with each other: all of the
  // first `mine` with all of the first `others`.
  struct Compared {
    uint32_t mine = 1, others = 1;
  };
  struct Entry {
    uint32_t number = 0;  // of the order in which they came
    uint32_t size = 1;    // ids that were looked at, null included
    std::string least, greatest;
    std::vector<uint64_t> filter;  // of all ids; empty: none yet
    Ids shared = std::make_shared<const Bitmap>();
    // With segments of greater numbers.
    absl::flat_hash_map<uint32_t, Compared> compared;
    bool live = false;
    std::weak_ptr<const Segment> segment;
    std::chrono::steady_clock::time_point used;
  };
  struct Column {
    std::map<std::string, Entry> entries;  // by key
    uint32_t next_number = 0;
    // Until then nothing is compared, or nothing is answered.
    std::chrono::steady_clock::time_point paused_until, useless_until;
    Mutex mutex;
    CondVar free;
    bool taken ABSL_GUARDED_BY(mutex) = false;  // the rest is of who took it
  };
  class Turn;
  class Comparison;

  Column& column(const std::string& name);
  void forget_gone(Column& column);
  void make_room(Column& full);

  const uint64_t max_bytes_;
  std::atomic<uint64_t> bytes_{0};
  Mutex mutex_;
  std::map<std::string, std::unique_ptr<Column>> columns_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace freshet
