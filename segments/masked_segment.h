// MaskedSegment: a segment with some of its rows hidden. What was built from
// all rows beforehand (cubes, content hash) is not the masked segment's.
#pragma once

#include <memory>

#include "segments/live_segment.h"
#include "segments/segment.h"

namespace freshet {

// REQUIRES: `hidden` is not empty, its members are rows of the segment, and
// the segment itself has none hidden.
std::shared_ptr<const Segment> with_hidden(
    std::shared_ptr<const Segment> segment,
    std::shared_ptr<const Bitmap> hidden);

// The same of a live one, for a Timeline: for reading, never for its writer.
std::shared_ptr<const LiveSegment> with_hidden(
    std::shared_ptr<const LiveSegment> live,
    std::shared_ptr<const Bitmap> hidden);

// The segment without its mask; itself if it has none.
std::shared_ptr<const Segment> without_hidden(
    const std::shared_ptr<const Segment>& segment);
std::shared_ptr<const LiveSegment> without_hidden(
    const std::shared_ptr<const LiveSegment>& live);

}  // namespace freshet
