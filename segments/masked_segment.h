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
// A mask it has already is replaced. Of a view its bound stays.
std::shared_ptr<const LiveSegment> with_hidden(
    const std::shared_ptr<const LiveSegment>& live,
    std::shared_ptr<const Bitmap> hidden);

// A view of the first `num_rows` rows, which later appends do not widen; its
// mask stays. REQUIRES: the rows are published.
std::shared_ptr<const LiveSegment> with_rows(
    const std::shared_ptr<const LiveSegment>& live, uint32_t num_rows);

// The segment without its mask; itself if it has none.
std::shared_ptr<const Segment> without_hidden(
    const std::shared_ptr<const Segment>& segment);
std::shared_ptr<const LiveSegment> without_hidden(
    const std::shared_ptr<const LiveSegment>& live);

}  // namespace freshet
