// Buckets that changed after they were complete say so.
#include <doctest/doctest.h>

#include "server/kpi/kpi.h"
#include "tests/server/kpi/kpi_fixture.h"

using namespace freshet;

namespace {

std::vector<std::string> restated(const std::vector<KpiAnswer::Point>& points) {
  std::vector<std::string> times;
  for (const KpiAnswer::Point& point : points) {
    if (point.restated) times.push_back(to_iso8601(point.t));
  }
  return times;
}

}  // namespace

TEST_CASE(
    "a series marks restated buckets, at each grain those it is true of") {
  KpiFixture fixture;
  fixture.sales({{"2026-11-20T09:10:00Z", "S1", "a", 100, 50},
                 {"2026-11-21T09:10:00Z", "S1", "b", 200, 50}},
                "2026-11-21T12:00:00Z");
  // Of the 20th at 9:10, when all until 11:30 of that day was there.
  fixture.late("sales", "2026-11-20T09:10:00Z", "2026-11-20T11:30:00Z");
  KpiRequest request;
  request.kpi = "net_sales";
  request.from = "2026-11-20T00:00:00Z";
  request.to = "2026-11-22T00:00:00Z";
  request.grain = "hour";
  auto hours = fixture.answer(request, "2026-11-21T12:00:00Z");
  REQUIRE(hours.has_value());
  CHECK(restated(hours->series) ==
        std::vector<std::string>{"2026-11-20T09:00:00.000Z"});
  std::string json = to_json(*hours);
  CHECK(json.find("\"partial\":false,\"restated\":true}") != std::string::npos);
  CHECK(json.find("\"restated\":false") == std::string::npos);

  request.grain = "day";  // the day was not over then
  auto days = fixture.answer(request, "2026-11-21T12:00:00Z");
  REQUIRE(days.has_value());
  CHECK(restated(days->series).empty());

  // The compared range has its own marks.
  request.grain = "hour";
  request.from = "2026-11-21T00:00:00Z";
  request.compare = "previous";
  auto compared = fixture.answer(request, "2026-11-22T12:00:00Z");
  REQUIRE(compared.has_value());
  CHECK(restated(compared->series).empty());
  CHECK(restated(compared->compare->series) ==
        std::vector<std::string>{"2026-11-21T09:00:00.000Z"});
}
