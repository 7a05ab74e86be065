#include "server/kpi/past_weeks.h"

#include <algorithm>

#include "server/kpi/calendar.h"

namespace freshet {
namespace {

constexpr int kWeekDays = 7;
constexpr int64_t kHourMs = 3'600'000;
constexpr int64_t kDayMs = 24 * kHourMs;
constexpr int64_t kKeepPastWeeksMs = 10 * 60'000;
constexpr size_t kMostEntries = 4096;

// With room for the hour that a DST change adds.
constexpr int64_t kLongestMs = kWeekDays * kDayMs + kHourMs;

Timestamp weeks_back(Timestamp t, int weeks, const absl::TimeZone& zone) {
  return step_back(t, {0, kWeekDays * weeks, 0}, zone);
}

// Fine enough that the part of the bucket in which a moment lies, which is
// taken in proportion, is small.
Buckets cut(Interval range, const absl::TimeZone& zone) {
  bool short_range = range.end.ms - range.start.ms <= 2 * kDayMs;
  int64_t length = short_range ? kHourMs / 4 : kHourMs;
  Buckets out{{Granularity::Unit::kMillis, length}, zone, {}, {}};
  Timestamp start = out.grain.floor(range.start, zone);
  while (start < range.end) {
    out.starts.push_back(start);
    start = out.grain.next(start, zone);
    out.ends.push_back(start);
  }
  return out;
}

double part_before(Timestamp t, Timestamp start, Timestamp end) {
  if (end <= t) return 1;
  if (t <= start) return 0;
  return static_cast<double>(t.ms - start.ms) /
         static_cast<double>(end.ms - start.ms);
}

}  // namespace

Result<PastWeeks> PastWeeks::read(const KpiPlan& plan, AnswerData& data,
                                  const ExpressionPtr& filter, Interval range,
                                  const absl::TimeZone& zone) {
  PastWeeks out;
  if (range.end.ms - range.start.ms > kLongestMs) return out;
  Interval all = data.time_range();
  for (int k = 1; k <= kPastWeeks; ++k) {
    Week week;
    Interval then{weeks_back(range.start, k, zone),
                  weeks_back(range.end, k, zone)};
    if (!all.empty() && all.start <= then.start) {
      Buckets buckets = cut(then, zone);
      TRY_ASSIGN(std::vector<BaseValues> values,
                 BaseQueries(plan, data, filter, {then.end, zone})
                     .series(then, then.end, buckets));
      for (const BaseValues& one : values) {
        week.amounts.push_back(plan.evaluate(one, 1).value.to_double());
      }
      week.starts = std::move(buckets.starts);
      week.ends = std::move(buckets.ends);
    }
    out.weeks_.push_back(std::move(week));
  }
  return out;
}

PastWeeks::Share PastWeeks::share_by(Timestamp t, Interval range,
                                     const absl::TimeZone& zone) const {
  double before = 0, whole = 0;
  int used = 0;
  for (size_t k = 0; k < weeks_.size(); ++k) {
    const Week& week = weeks_[k];
    Timestamp then = weeks_back(t, static_cast<int>(k) + 1, zone);
    double before_week = 0, whole_week = 0;
    for (size_t i = 0; i < week.amounts.size(); ++i) {
      whole_week += week.amounts[i];
      before_week +=
          week.amounts[i] * part_before(then, week.starts[i], week.ends[i]);
    }
    if (whole_week <= 0) continue;
    before += before_week;
    whole += whole_week;
    ++used;
  }
  if (used == 0) return {part_before(t, range.start, range.end), 0};
  return {std::clamp(before / whole, 0.0, 1.0), used};
}

std::shared_ptr<const PastWeeks> PastWeeksBook::find(const std::string& key,
                                                     Timestamp now) {
  MutexLock lock(mutex_);
  auto found = entries_.find(key);
  if (found == entries_.end()) return nullptr;
  if (now.ms - found->second.read.ms >= kKeepPastWeeksMs) return nullptr;
  return found->second.weeks;
}

void PastWeeksBook::keep(const std::string& key,
                         std::shared_ptr<const PastWeeks> weeks,
                         Timestamp now) {
  MutexLock lock(mutex_);
  if (entries_.size() >= kMostEntries) entries_.clear();
  entries_[key] = {std::move(weeks), now};
}

}  // namespace freshet
