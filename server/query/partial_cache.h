// PartialCache: what aggregate queries found in segments, kept for the next
// query of the same shape: of a sealed one in all of its rows, of a live one in
// its first blocks, which later rows do not change. A sealed segment with other
// rows hidden has another content hash, so its entries are found no more; of a
// live one the hidden rows are compared. The least recently used entries leave
// when the bytes are over the limit.
//
// Thread-safe; outlives the runner that uses it.
#pragma once

#include <memory>
#include <string>

#include "segments/mutex.h"
#include "segments/segment.h"
#include "server/query/recently_used.h"

namespace freshet {

class MergedPartial;
struct QueryPlan;

// What decides the groups and states that a query finds in a segment, as text:
// filter, groups and aggregates, without bounds on the time of rows. Empty
// where partials are not kept: of scans, of huge conditions.
std::string partial_shape(const QueryPlan& plan);
// A sealed segment with its content, or the name of a live one; empty for a
// live one without a name.
std::string segment_key(const Segment& segment);
// The shape on one segment: with its content, or the name of a live one, and
// with the bounds of time that cut it. Empty for a live one without a name.
std::string partial_key(const std::string& shape, const QueryPlan& plan,
                        const Segment& segment);

// What was found in the first blocks of a segment.
struct KeptPartial {
  std::shared_ptr<const MergedPartial> partial;  // null: nothing is kept
  uint32_t blocks = 0;
  // Rows of these blocks that were hidden, of a live segment; null: none.
  std::shared_ptr<const Bitmap> hidden;

  // Whether it is what a query finds in those blocks of `segment` now.
  bool holds_for(const Segment& segment) const;
};

class PartialCache {
 public:
  explicit PartialCache(uint64_t max_bytes)
      : max_bytes_(max_bytes), entries_(max_bytes) {}

  struct Totals {
    uint64_t hits = 0, misses = 0, evicted = 0;  // since the start
    uint64_t entries = 0, bytes = 0;             // now
  };

  // Of the segment of the key; counts as a hit if it holds for it.
  KeptPartial find(const std::string& key, const Segment& segment);
  // `bytes`: of the partial's states.
  void put(std::string key, KeptPartial kept, uint64_t bytes);
  Totals totals() const;
  uint64_t max_bytes() const { return max_bytes_; }

 private:
  const uint64_t max_bytes_;
  mutable Mutex mutex_;
  RecentlyUsed<KeptPartial> entries_ ABSL_GUARDED_BY(mutex_);
  uint64_t hits_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t misses_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace freshet
