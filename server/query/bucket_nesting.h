// Whether buckets of time lie wholly inside other buckets.
#pragma once

#include "segments/time.h"

namespace freshet {

// How time is cut into buckets.
struct BucketCut {
  Granularity granularity;
  absl::TimeZone zone;
};

// Whether no outer bucket begins within an inner one, as far as rows with
// times in `range` can tell: then an inner bucket's start is in the outer
// bucket of all its rows. False too where it would take too long to find out.
bool nest(const BucketCut& inner, const BucketCut& outer, Interval range);

// Whether a bucket begins at `t`.
bool begins_at(const BucketCut& buckets, Timestamp t);

}  // namespace freshet
