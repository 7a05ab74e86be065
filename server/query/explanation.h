// How a query would be answered, segment by segment: EXPLAIN.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "server/query/query_plan.h"
#include "server/query/segment_work.h"

namespace freshet {

struct SegmentExplanation {
  std::string id;
  bool sealed = true;
  uint64_t rows = 0;
  // "cube NAME", "rows", or "none" for one that no row can pass.
  std::string reads;
  uint64_t blocks = 0;             // of the cube or of the segment
  std::vector<std::string> tests;  // how the filter is answered, in order
  std::vector<std::string> why_not;
};

struct QueryExplanation {
  std::vector<SegmentExplanation> segments;  // sealed ones first
  uint64_t outside = 0;  // segments whose time the interval does not meet
};

// `prepared` is of the same plan and timeline.
QueryExplanation explain_segments(const QueryPlan& plan,
                                  const Timeline& timeline,
                                  const std::vector<PreparedSegment>& prepared);

}  // namespace freshet
