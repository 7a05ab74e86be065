// Intervals as ISO 8601 text.
#include <doctest/doctest.h>

#include "server/sql/interval_text.h"

namespace freshet::test {
namespace {

std::string read(const char* text, const char* zone = "UTC") {
  auto interval = parse_interval(text, *load_time_zone(zone));
  if (!interval) return interval.error().message;
  return to_iso8601(interval->start) + " " + to_iso8601(interval->end);
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

}  // namespace freshet::test
