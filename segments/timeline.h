// Timeline: the segments of one dataset at one moment. Immutable; published by
// SegmentStore, held by a query for as long as it runs.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "segments/live_segment.h"
#include "segments/segment.h"

namespace freshet {

// Offsets covered, as [begin, end) by source partition ("pos.sales/3").
using OffsetRanges = std::map<std::string, std::pair<int64_t, int64_t>>;

struct Timeline {
  uint64_t version = 0;  // grows with each published change of the lists
  std::vector<std::shared_ptr<const Segment>> sealed;
  std::vector<std::shared_ptr<const LiveSegment>> live;
  // A sealed file whose record cannot be used: a query whose range meets it
  // fails with this error instead of being short.
  struct Missing {
    std::string id;
    Interval time_range;
    Error error;
  };
  std::vector<Missing> missing;
  // By id, the hidden rows of the segments above; those segments know them
  // too (Segment::hidden_rows).
  std::map<std::string, std::shared_ptr<const Bitmap>, std::less<>> hidden;
};

// The same rows for as long as it is held: those of the live segments as they
// are now are among `sealed`, and there is no live segment.
std::shared_ptr<const Timeline> frozen(const Timeline& timeline);

}  // namespace freshet
