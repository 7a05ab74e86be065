#include "server/query/explanation.h"

namespace freshet {
namespace {

const PreparedSegment* find_prepared(
    const std::vector<PreparedSegment>& prepared, size_t order) {
  for (const PreparedSegment& p : prepared) {
    if (p.order == order) return &p;
  }
  return nullptr;
}

SegmentExplanation explain_one(const Segment& segment,
                               const PreparedSegment* prepared) {
  SegmentExplanation out;
  out.id = segment.id();
  out.sealed = segment.sealed();
  out.rows = segment.num_visible_rows();
  out.reads = "none";
  if (!prepared) return out;
  out.reads = prepared->cube ? "cube " + prepared->cube->name : "rows";
  out.blocks = prepared->segment->num_blocks();
  out.tests = prepared->filter.describe();
  out.why_not = prepared->why_not;
  return out;
}

}  // namespace

QueryExplanation explain_segments(
    const QueryPlan& plan, const Timeline& timeline,
    const std::vector<PreparedSegment>& prepared) {
  QueryExplanation out;
  size_t order = 0;  // as prepare_segments() counts
  auto add = [&](const Segment& segment) {
    if (segment.num_rows() == 0) return;
    bool met = !plan.filter.never && !plan.filter.interval.empty() &&
               segment.time_range().overlaps(plan.filter.interval);
    if (!met) {
      ++out.outside;
      return;
    }
    out.segments.push_back(
        explain_one(segment, find_prepared(prepared, order++)));
  };
  for (const auto& segment : timeline.sealed) add(*segment);
  for (const auto& live : timeline.live) add(*live->snapshot());
  return out;
}

}  // namespace freshet
