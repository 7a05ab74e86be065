// Units of SQL's time functions: DAY, HOUR, MONTH, SQL_TSI_DAY, 'weeks', ...
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "segments/result.h"

namespace freshet {

struct CalendarUnit {
  std::string_view name;    // lower case, singular: "hour"
  std::string_view period;  // ISO 8601: "PT1H"
  int64_t months = 0;       // of a unit of months, else 0
  int64_t ms = 0;           // of a unit of fixed length, else 0
};

// Case does not matter; a plural 's' and the prefix SQL_TSI_ are accepted.
std::optional<CalendarUnit> parse_calendar_unit(std::string_view text);

// A length of time: calendar months and milliseconds, each of either sign.
struct TimeSpan {
  int64_t months = 0;
  int64_t ms = 0;
  int64_t days = 0;  // how many of `ms` were written as days or weeks
};

// Most of any unit in a span that is read, so that sums are far from overflow.
inline constexpr int64_t kMostUnits = 1'000'000'000;

// Reads "1 day", "2 hours 30 minutes", or an ISO 8601 period such as "P1M",
// "P1DT12H". kInvalid otherwise.
Result<TimeSpan> parse_time_span(std::string_view text);

}  // namespace freshet
