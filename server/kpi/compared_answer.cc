// The comparison of an answer: the same formula over the compared range, as far
// as our own range has come.
#include <algorithm>
#include <cmath>

#include "server/kpi/kpi_answerer.h"

namespace freshet {
namespace {

Interval span_of(const Buckets& buckets, size_t first, size_t last,
                 Interval within) {
  return {std::max(buckets.starts[first], within.start),
          std::min(buckets.ends[last], within.end)};
}

}  // namespace

std::optional<double> change_ratio(const KpiNumber& change,
                                   const KpiNumber& before) {
  double base = std::abs(before.to_double());
  if (change.is_null() || base == 0) return std::nullopt;
  return change.to_double() / base;
}

Status KpiAnswerer::answer_comparison() {
  const Comparison& other = *comparison_;
  out_.compare.emplace();
  KpiAnswer::Compare& compare = *out_.compare;
  compare.kind = other.kind;
  compare.range = other.range;
  if (nothing_to_compare()) return {};
  std::optional<BaseValues> flows;
  if (grain_) {
    TRY_ASSIGN(Buckets theirs, cut(other.range));
    TRY_ASSIGN(compare.series, compare_series(other.range, theirs, &flows));
    TRY(compare_ahead());
  }
  if (!flows) {
    TRY_ASSIGN(flows, queries().total(other.range, other.range.end));
  }
  double length = length_in_days(other.range, zone_);
  compare.value = plan_->evaluate(*flows, length).value;
  compare.change = subtract_numbers(out_.value, compare.value);
  compare.change_ratio = change_ratio(compare.change, compare.value);
  return {};
}

bool KpiAnswerer::nothing_to_compare() const {
  Interval all = data_->time_range();
  return all.empty() ||
         (comparison_->range.end <= all.start && !plan_->has_other_time());
}

Status KpiAnswerer::compare_ahead() {
  const Comparison& other = *comparison_;
  Timestamp from =
      std::max(grain_->floor(other.range.end, zone_), other.whole.start);
  Interval rest{from, std::min(other.whole.end, now_)};
  if (other.range.end >= other.whole.end || rest.empty()) return {};
  auto theirs = cut(rest);
  if (!theirs) return {};  // more than a chart shows
  TRY_ASSIGN(out_.compare->ahead, compare_series(rest, *theirs, nullptr));
  return {};
}

// Where a bucket of theirs, or what of it begins at `from`, is among ours.
Timestamp KpiAnswerer::our_time(Timestamp from, Timestamp end) const {
  const Comparison& other = *comparison_;
  if (!other.step) {
    return same_elapsed(range_.start, other.whole.start, from, zone_);
  }
  // A step of days moves the first of a month into the month before: a month
  // is where its middle is.
  if (grain_->unit() == Granularity::Unit::kMonth && other.step->days != 0) {
    from.ms += (end.ms - from.ms) / 2;
  }
  return step_forward(from, *other.step, zone_);
}

// When a compared bucket is shown: by the calendar step or the local clock, so
// that 10:00 meets 10:00 across a DST change; days and longer ones one by one
// where there is no step. Buckets of a longer range follow behind ours.
std::vector<Timestamp> KpiAnswerer::our_times(const Buckets& theirs,
                                              Interval range) const {
  std::vector<Timestamp> times;
  const Comparison& other = *comparison_;
  if (other.step || grain_->unit() == Granularity::Unit::kMillis) {
    for (size_t i = 0; i < theirs.starts.size(); ++i) {
      Timestamp t = our_time(std::max(theirs.starts[i], range.start),
                             std::min(theirs.ends[i], range.end));
      t = grain_->floor(t, zone_);
      bool full = !times.empty() && times.back() >= buckets_.starts.back();
      times.push_back(full ? grain_->next(times.back(), zone_) : t);
    }
    return times;
  }
  size_t skipped = 0;
  for (Timestamp t = grain_->floor(other.whole.start, zone_);
       !theirs.starts.empty() && t < theirs.starts[0];
       t = grain_->next(t, zone_)) {
    ++skipped;
  }
  Timestamp behind = buckets_.ends.back();
  for (size_t i = skipped; times.size() < theirs.starts.size(); ++i) {
    bool ours = i < buckets_.starts.size();
    times.push_back(ours ? buckets_.starts[i] : behind);
    if (!ours) behind = grain_->next(behind, zone_);
  }
  return times;
}

// Every row of `range`, which `theirs` hold, is in one bucket, and every bucket
// is shown once: where the clock shows two of theirs at one time of ours, they
// are one. So the series adds up to the value. `flows` takes the base values of
// the whole if they follow from those of the buckets.
Result<std::vector<KpiAnswer::Point>> KpiAnswerer::compare_series(
    Interval range, const Buckets& theirs, std::optional<BaseValues>* flows) {
  std::vector<KpiAnswer::Point> out;
  bool sum_up = flows && plan_->mergeable(true);
  if (sum_up) *flows = plan_->empty();
  if (theirs.starts.empty()) return out;
  TRY_ASSIGN(std::vector<BaseValues> values,
             queries().series(range, now_, theirs));
  std::vector<Timestamp> times = our_times(theirs, range);
  for (size_t i = 0; i < values.size();) {
    size_t last = i;
    while (last + 1 < values.size() && times[last + 1] <= times[i]) ++last;
    Interval part = span_of(theirs, i, last, range);
    if (last > i) {
      TRY_ASSIGN(values[i], queries().total(part, part.end));
    }
    KpiAnswer::Point point;
    point.t = times[i];
    point.partial =
        theirs.starts[i] < part.start || part.end < theirs.ends[last];
    point.restated = !plan_->has_other_time() &&
                     data_->restated({theirs.starts[i], theirs.ends[last]});
    point.value = plan_->evaluate(values[i], days(part)).value;
    if (sum_up) plan_->merge(**flows, values[i]);
    out.push_back(std::move(point));
    i = last + 1;
  }
  return out;
}

}  // namespace freshet
