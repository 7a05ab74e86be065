// Intervals as ISO 8601 text, and SQL's interval literals.
#include <doctest/doctest.h>

#include "server/sql/interval_literal.h"
#include "server/sql/interval_text.h"

namespace freshet::test {
namespace {

std::string read(const char* text, const char* zone = "UTC") {
  auto interval = parse_interval(text, *load_time_zone(zone));
  if (!interval) return interval.error().message;
  return to_iso8601(interval->start) + " " + to_iso8601(interval->end);
}

std::string literal(const char* text) {
  auto span = parse_interval_literal(text);
  if (!span) return span.error().message;
  return std::to_string(span->months) + " " + std::to_string(span->ms) + " " +
         std::to_string(span->days);
}

}  // namespace

TEST_CASE("the edges of an interval are years, months, days, hours or times") {
  CHECK(read("2020/2030") ==
        "2020-01-01T00:00:00.000Z 2030-01-01T00:00:00.000Z");
  CHECK(read("2026-11/2026-12") ==
        "2026-11-01T00:00:00.000Z 2026-12-01T00:00:00.000Z");
  CHECK(read("2026-11-01/2026-11-02T06") ==
        "2026-11-01T00:00:00.000Z 2026-11-02T06:00:00.000Z");
  CHECK(read("2026-11-01T06:07:08.9Z/2026-11-01T08+01:00") ==
        "2026-11-01T06:07:08.900Z 2026-11-01T07:00:00.000Z");
  CHECK(read("2026-11-01/2026-11-01") ==
        "2026-11-01T00:00:00.000Z 2026-11-01T00:00:00.000Z");
}

TEST_CASE("an edge without offset is in the zone, one with offset is not") {
  CHECK(read("2026-07-01/2026-07-02T00:00Z", "Europe/Madrid") ==
        "2026-06-30T22:00:00.000Z 2026-07-02T00:00:00.000Z");
  CHECK(read("2026-07-01T00:00-05:00/2026-08", "Europe/Madrid") ==
        "2026-07-01T05:00:00.000Z 2026-07-31T22:00:00.000Z");
}

TEST_CASE("one edge of an interval may be a period of the calendar") {
  CHECK(read("2026-11-01/P1D") ==
        "2026-11-01T00:00:00.000Z 2026-11-02T00:00:00.000Z");
  CHECK(read("P1D/2026-11-02") ==
        "2026-11-01T00:00:00.000Z 2026-11-02T00:00:00.000Z");
  CHECK(read("2026-01-31/P1M") ==
        "2026-01-31T00:00:00.000Z 2026-02-28T00:00:00.000Z");
  CHECK(read("P1Y2M3DT4H/2026-11-04T04:00") ==
        "2025-09-01T00:00:00.000Z 2026-11-04T04:00:00.000Z");
  CHECK(read("2026-03-29/P1D", "Europe/Madrid") ==
        "2026-03-28T23:00:00.000Z 2026-03-29T22:00:00.000Z");
  CHECK(read("P1W/2026-11-02", "Europe/Madrid") ==
        "2026-10-25T23:00:00.000Z 2026-11-01T23:00:00.000Z");
}

TEST_CASE("years beyond those of events are no bound") {
  CHECK(*parse_interval("-5000/2026") ==
        Interval{kMinTimestamp, *parse_iso8601("2026-01-01")});
  CHECK(*parse_interval("-146136543-09-08T08:23:32.096Z/"
                        "146140482-04-24T15:36:27.903Z") == Interval{});
  CHECK(parse_interval("2026/P9000Y")->end == Interval{}.end);
  CHECK(parse_interval("P9000Y/2026")->start == kMinTimestamp);
  CHECK(parse_interval_time("12345x").error().code == ErrorCode::kInvalid);
}

TEST_CASE("what is no interval is told with the edge and its text") {
  CHECK(read("2026") == "not an interval START/END: 2026");
  CHECK(read("") == "not an interval START/END: ");
  CHECK(read("2026/x") ==
        "not an interval START/END, its end is neither a time nor a period: x");
  CHECK(read("2026-13/2027") ==
        "not an interval START/END, its start is neither a time nor a period: "
        "2026-13");
  CHECK(read("/2027") ==
        "not an interval START/END, its start is neither a time nor a "
        "period: ");
  CHECK(read("2026/2027/2028") ==
        "not an interval START/END, its end is neither a time nor a period: "
        "2027/2028");
  CHECK(read("P1D/P1D") ==
        "not an interval START/END, only one of them is a period: P1D/P1D");
  CHECK(read("2026/P1X") == "not an ISO 8601 period: P1X");
  CHECK(read("2026/P999999999Y") == "a period is too long: 2026/P999999999Y");
  CHECK(read("2027/2026") == "an interval ends before it starts: 2027/2026");
}

TEST_CASE("an interval literal has one unit, a range of them, or none") {
  CHECK(literal("3 DAY") == "0 259200000 3");
  CHECK(literal("-2 months") == "-2 0 0");
  CHECK(literal("1.5 SECOND") == "0 1500 0");
  CHECK(literal("-0.25 second") == "0 -250 0");
  CHECK(literal("1-2 YEAR TO MONTH") == "14 0 0");
  CHECK(literal("-1-2 year to month") == "-14 0 0");
  CHECK(literal("1 02:03:04.5 DAY TO SECOND") == "0 93784500 1");
  CHECK(literal("-1 02:03 DAY TO MINUTE") == "0 -93780000 -1");
  CHECK(literal("10 DAY TO HOUR").starts_with("not an interval"));
  CHECK(literal("100:30 HOUR TO MINUTE") == "0 361800000 0");
  CHECK(literal("2 hours 30 minutes") == "0 9000000 0");
  CHECK(literal("P1DT12H") == "0 129600000 1");
}

TEST_CASE("what is no interval literal is told with its text") {
  for (const char* bad :
       {"", "DAY", "x DAY", "1.5 DAY", "1 fortnight", "1-12 YEAR TO MONTH",
        "1 24:00 DAY TO MINUTE", "1 DAY TO YEAR", "1-1 MONTH TO DAY",
        "1 2 HOUR TO DAY", "1:2:3 DAY TO SECOND", "1 2:60 DAY TO MINUTE",
        "9999999999 YEAR", "9999999999-1 YEAR TO MONTH", "1. SECOND",
        "--1 SECOND", "1-2 TO MONTH"}) {
    CAPTURE(bad);
    auto span = parse_interval_literal(bad);
    REQUIRE_FALSE(span.has_value());
    CHECK(span.error().code == ErrorCode::kInvalid);
    CHECK(span.error().message.ends_with(bad));
  }
}

}  // namespace freshet::test
