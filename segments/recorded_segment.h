// RecordedSegment: a committed file known by its metadata record alone, opened
// when somebody first asks for a column. A store of many files starts with
// one stat for each.
#pragma once

#include <memory>
#include <string>

#include "segments/metadata_store.h"
#include "segments/segment.h"

namespace freshet {

// `folder` is the segments folder. The first column() or schema() opens
// folder/record.file and checks that it is the file that was committed; a
// failure is not remembered, since it may pass (too many open files, the right
// file put back). schema() has no columns if the file cannot be opened.
// `sound`: whether the file was there, of the size that was committed; if not,
// status() and fault() open it, too.
std::shared_ptr<const Segment> recorded_segment(
    std::shared_ptr<const std::string> folder, SegmentRecord record,
    bool sound);

}  // namespace freshet
