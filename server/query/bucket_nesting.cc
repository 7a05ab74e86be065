#include "server/query/bucket_nesting.h"

namespace freshet {
namespace {

// Outer buckets that are looked at, one by one.
constexpr int kMostBuckets = 20'000;

bool same_zone(const BucketCut& a, const BucketCut& b) {
  return a.zone == b.zone;
}

// Known without looking: the same buckets, or whole multiples in UTC.
bool nest_by_rule(const BucketCut& inner, const BucketCut& outer) {
  if (!same_zone(inner, outer)) return false;
  const Granularity &a = inner.granularity, &b = outer.granularity;
  if (a == b) return true;
  using Unit = Granularity::Unit;
  return a.unit() == Unit::kMillis && b.unit() == Unit::kMillis &&
         outer.zone == absl::UTCTimeZone() && b.count() % a.count() == 0;
}

}  // namespace

bool begins_at(const BucketCut& buckets, Timestamp t) {
  return buckets.granularity.floor(t, buckets.zone) == t;
}

bool nest(const BucketCut& inner, const BucketCut& outer, Interval range) {
  if (outer.granularity.unit() == Granularity::Unit::kAll || range.empty() ||
      nest_by_rule(inner, outer)) {
    return true;
  }
  if (inner.granularity.unit() == Granularity::Unit::kAll) return false;
  Timestamp first = inner.granularity.floor(range.start, inner.zone);
  Timestamp at = outer.granularity.next(first, outer.zone);
  for (int i = 0; i < kMostBuckets; ++i) {
    if (at >= range.end) return true;
    if (!begins_at(inner, at)) return false;
    Timestamp next = outer.granularity.next(at, outer.zone);
    if (next <= at) return false;
    at = next;
  }
  return false;
}

}  // namespace freshet
