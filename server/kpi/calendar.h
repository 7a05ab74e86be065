// Calendar arithmetic in a zone: a day is a calendar day, also when it has 23
// or 25 hours.
#pragma once

#include <string>

#include "segments/time.h"

namespace freshet {

// A step back in time: months and days keep the local time of day; ms is
// exact.
struct CalendarStep {
  int months = 0;
  int64_t days = 0;
  int64_t ms = 0;
};

// `t` less `step`; a day that the month lacks becomes its last day.
Timestamp step_back(Timestamp t, const CalendarStep& step,
                    const absl::TimeZone& zone);
Timestamp step_forward(Timestamp t, const CalendarStep& step,
                       const absl::TimeZone& zone);

// A grain that cuts a range into buckets: kInvalid for "all", too.
Result<Granularity> parse_grain(const std::string& text);

// Length in days by the local clock: a whole day is 1, whatever its hours.
double length_in_days(Interval range, const absl::TimeZone& zone);

// How many calendar buckets of `grain` the range covers, parts as fractions.
double length_in(const Granularity& grain, Interval range,
                 const absl::TimeZone& zone);

absl::CivilSecond to_civil(Timestamp t, const absl::TimeZone& zone);
// The first of a time that comes twice; of one that the clock skips the moment
// at which it does.
Timestamp from_civil(absl::CivilSecond civil, const absl::TimeZone& zone);

}  // namespace freshet
