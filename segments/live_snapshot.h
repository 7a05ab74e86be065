// A part of a live segment's rows, for who shows fewer than are published.
#pragma once

#include <memory>

#include "segments/live_segment.h"

namespace freshet {

// The first `num_rows` rows, as LiveSegment::snapshot(). REQUIRES: `live` was
// made by LiveSegment::create, and num_rows <= live.num_rows().
std::shared_ptr<const Segment> snapshot_of(const LiveSegment& live,
                                           uint32_t num_rows);

}  // namespace freshet
