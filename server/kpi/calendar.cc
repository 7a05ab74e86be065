#include "server/kpi/calendar.h"

#include <algorithm>

namespace freshet {
namespace {

int days_in_month(absl::CivilMonth month) {
  return static_cast<int>(absl::CivilDay(month + 1) - absl::CivilDay(month));
}

Timestamp step(Timestamp t, const CalendarStep& step, int sign,
               const absl::TimeZone& zone) {
  Timestamp moved{t.ms + sign * step.ms};
  if (step.months == 0 && step.days == 0) return moved;
  int64_t part = ((moved.ms % 1000) + 1000) % 1000;
  absl::CivilSecond civil = to_civil(moved, zone);
  absl::CivilMonth month = absl::CivilMonth(civil) + sign * step.months;
  int day = std::min(civil.day(), days_in_month(month));
  absl::CivilDay date =
      absl::CivilDay(month.year(), month.month(), day) + sign * step.days;
  absl::CivilSecond out(date.year(), date.month(), date.day(), civil.hour(),
                        civil.minute(), civil.second());
  Timestamp second = from_civil(out, zone);
  bool skipped = to_civil(second, zone) != out;
  return Timestamp{second.ms + (skipped ? 0 : part)};
}

// From the bucket of the range's start to that of its end.
int64_t buckets_between(const Granularity& grain, Interval range,
                        const absl::TimeZone& zone) {
  absl::CivilSecond from = to_civil(grain.floor(range.start, zone), zone);
  absl::CivilSecond to = to_civil(grain.floor(range.end, zone), zone);
  if (grain.unit() == Granularity::Unit::kMonth) {
    return (absl::CivilMonth(to) - absl::CivilMonth(from)) / grain.count();
  }
  bool weeks = grain.unit() == Granularity::Unit::kWeek;
  int64_t days = absl::CivilDay(to) - absl::CivilDay(from);
  return days / (grain.count() * (weeks ? 7 : 1));
}

// How much of the bucket of `t` is before it: from 0 to less than 1.
double passed_of_bucket(const Granularity& grain, Timestamp t,
                        const absl::TimeZone& zone) {
  Timestamp start = grain.floor(t, zone), end = grain.next(t, zone);
  return static_cast<double>(t.ms - start.ms) /
         static_cast<double>(end.ms - start.ms);
}

}  // namespace

absl::CivilSecond to_civil(Timestamp t, const absl::TimeZone& zone) {
  return absl::ToCivilSecond(absl::FromUnixMillis(t.ms), zone);
}

Timestamp from_civil(absl::CivilSecond civil, const absl::TimeZone& zone) {
  return Timestamp{absl::ToUnixMillis(absl::FromCivil(civil, zone))};
}

Timestamp step_back(Timestamp t, const CalendarStep& by,
                    const absl::TimeZone& zone) {
  return step(t, by, -1, zone);
}

Timestamp step_forward(Timestamp t, const CalendarStep& by,
                       const absl::TimeZone& zone) {
  return step(t, by, 1, zone);
}

Result<Granularity> parse_grain(const std::string& text) {
  TRY_ASSIGN(Granularity grain, Granularity::parse(text));
  if (grain.unit() == Granularity::Unit::kAll) {
    return invalid("'grain' must be a bucket of time, not '" + text + "'");
  }
  return grain;
}

double length_in_days(Interval range, const absl::TimeZone& zone) {
  if (range.empty()) return 0;
  Granularity day(Granularity::Unit::kDay, 1);
  return length_in(day, range, zone);
}

double length_in(const Granularity& grain, Interval range,
                 const absl::TimeZone& zone) {
  if (range.empty()) return 0;
  if (grain.unit() == Granularity::Unit::kMillis) {
    return static_cast<double>(range.end.ms - range.start.ms) /
           static_cast<double>(grain.count());
  }
  return static_cast<double>(buckets_between(grain, range, zone)) +
         passed_of_bucket(grain, range.end, zone) -
         passed_of_bucket(grain, range.start, zone);
}

}  // namespace freshet
