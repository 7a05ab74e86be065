// ISO 8601 intervals START/END, of TIME_IN_INTERVAL and of native queries.
#pragma once

#include <string_view>

#include "segments/time.h"

namespace freshet {

// Half-open. Reads "2020/2030", "2026-11/2026-12-24T18", "2026-11-01/P1D",
// "P1M/2026-11-01T00:00+01:00": an edge is a time (see parse_interval_time) or,
// one of them, a period that is counted from the other by the zone's calendar.
// kInvalid says what is wrong with which edge, also of reversed ones.
Result<Interval> parse_interval(
    std::string_view text, const absl::TimeZone& zone = absl::UTCTimeZone());

// A year, month, day, hour or full ISO time means its first instant, in `zone`
// if it has no offset. Years before 0 and after 9999, as clients write them for
// no bound, are the ends of time.
Result<Timestamp> parse_interval_time(
    std::string_view text, const absl::TimeZone& zone = absl::UTCTimeZone());

}  // namespace freshet
