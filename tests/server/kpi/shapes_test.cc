// What heat maps, funnels and maps ask, and what is answered.
#include <doctest/doctest.h>

#include "server/json/json_value.h"
#include "server/kpi/tile_picture.h"
#include "tests/server/kpi/kpi_fixture.h"

namespace freshet {
namespace {

// Sunday 22 November; Madrid is UTC+1.
void fill(KpiFixture& f) {
  f.sales({{"2026-11-15T22:30:00Z", "A", "t0", 4000, 2000},  // Sunday 23:30
           {"2026-11-15T23:30:00Z", "A", "t1", 1000, 500},   // Monday 00:30
           {"2026-11-22T22:10:00Z", "B", "t2", 6000, 5000}},
          "2026-11-22T23:40:00Z");
}

KpiRequest by_hours(const std::string& kpi) {
  KpiRequest request;
  request.kpi = kpi;
  request.from = "2026-11-15";
  request.to = "2026-11-23";
  request.tz = "Europe/Madrid";
  request.by = {"__weekday", "__hour"};
  request.order = "name";
  return request;
}

TEST_CASE("by weekday and hour, in the zone of the request") {
  KpiFixture f;
  fill(f);
  auto a = f.answer(by_hours("margin"), "2026-11-23T10:00:00Z");
  REQUIRE_MESSAGE(a.has_value(), a.error().message);
  REQUIRE(a->rows.size() == 2);
  CHECK(a->rows[0].by[0].to_text() == "1");
  CHECK(a->rows[0].by[1].to_text() == "0");
  CHECK(a->rows[0].value.to_double() == doctest::Approx(0.5));
  CHECK(a->rows[1].by[0].to_text() == "7");
  CHECK(a->rows[1].by[1].to_text() == "23");
  // Both Sundays: (4000 + 6000 - 7000) / 10000, not a mean of ratios.
  CHECK(a->rows[1].value.to_double() == doctest::Approx(0.3));
  std::string json = to_json(*a);
  CHECK(json.find("{\"__weekday\":7,\"__hour\":23,\"value\":0.3}") !=
        std::string::npos);
}

TEST_CASE("an answer says where the data begins") {
  KpiFixture f;
  fill(f);
  KpiRequest request = by_hours("margin");
  CHECK(f.answered(request, "2026-11-23T10:00:00Z").begins ==
        at("2026-11-15T22:30:00Z"));
  request.from = "2026-11-16";
  CHECK(!f.answered(request, "2026-11-23T10:00:00Z").begins.has_value());
  request.from = "2026-10-01";
  KpiAnswer a = f.answered(request, "2026-11-23T10:00:00Z");
  CHECK(a.begins == at("2026-11-15T22:30:00Z"));
  CHECK(to_json(a).find("\"begins\":\"2026-11-15T22:30:00.000Z\"") !=
        std::string::npos);
}

TEST_CASE("filtered by hours and weekdays, in the zone of the request") {
  KpiFixture f;
  fill(f);
  auto value = [&](const std::string& filter) {
    KpiRequest request = by_hours("net_sales");
    request.by.clear();
    request.filter = filter;
    auto a = f.answer(request, "2026-11-23T10:00:00Z");
    return a ? a->value.to_text() : a.error().message;
  };
  // Two Sundays at 23: 40.00 and 60.00; a Monday at 0: 10.00.
  CHECK(value("__weekday:7;__hour:23") == "100.00");
  CHECK(value("__weekday:7;__hour:23;store:B") == "60.00");
  CHECK(value("__hour:0") == "10.00");
  CHECK(value("__hour:0,23") == "110.00");
  CHECK(value("__weekday:!7") == "10.00");
  CHECK(value("__hour:24") ==
        "'__hour' in a filter is a number from 0 to 23, not '24'");
  CHECK(value("__weekday:!0,7") ==
        "'__weekday' in a filter is a number from 1 to 7, not '0'");
  CHECK(value("__weekday:Monday") ==
        "'__weekday' in a filter is a number from 1 to 7, not 'Monday'");
  CHECK(value("__hours:3").find("did you mean '__hour'?") != std::string::npos);
}

// Sold on Saturday at 20 and on Sunday at 10, both brought back on Sunday.
TEST_CASE("hours of a filter are of the time that a KPI goes by") {
  KpiFixture f;
  fill(f);
  f.returns({{"2026-11-22T08:10:00Z", "A", "2026-11-21T19:30:00Z", 700},
             {"2026-11-22T19:10:00Z", "A", "2026-11-22T09:30:00Z", 300}},
            "2026-11-22T23:40:00Z");
  KpiRequest request = by_hours("returned_of_sales");
  request.by.clear();
  request.filter = "__hour:20";
  CHECK(f.answered(request, "2026-11-23T10:00:00Z").value.to_text() == "7.00");
  request.kpi = "returned";
  CHECK(f.answered(request, "2026-11-23T10:00:00Z").value.to_text() == "3.00");
}

TEST_CASE("the rest of hours that are not shown") {
  KpiFixture f;
  fill(f);
  KpiRequest request = by_hours("receipts");
  request.order = "value";
  request.top = 1;
  auto a = f.answer(request, "2026-11-23T10:00:00Z");
  REQUIRE_MESSAGE(a.has_value(), a.error().message);
  REQUIRE(a->rest);
  CHECK(a->rows[0].value.to_text() == "2");
  CHECK(a->rest->first.to_text() == "1");
}

TEST_CASE("a level has no hour of the day") {
  KpiFixture f;
  fill(f);
  f.stock({{"2026-11-22T08:00:00Z", "x", "A", 5}}, "2026-11-22T09:00:00Z");
  KpiRequest request = by_hours("on_hand");
  auto a = f.answer(request, "2026-11-23T10:00:00Z");
  REQUIRE(!a.has_value());
  CHECK(a.error().message.find("level at a moment") != std::string::npos);
  request.by.clear();
  request.filter = "__hour:9";
  a = f.answer(request, "2026-11-23T10:00:00Z");
  REQUIRE(!a.has_value());
  CHECK(a.error().message.find("leave them out of the filter") !=
        std::string::npos);
  DriversRequest drivers;
  drivers.kpi = request;
  drivers.kpi.compare = "previous";
  auto kpis = Kpis::create(f.runner(), [&] { return f.model(); });
  auto d = kpis->drivers(drivers);
  REQUIRE(!d.has_value());
  CHECK(d.error().message == a.error().message);
}

TEST_CASE("a picture of the shapes") {
  KpiFixture f;
  fill(f);
  auto kpis = Kpis::create(f.runner(), [&] { return f.model(); });
  DashboardView view;
  view.from = "2026-11-15";
  view.to = "2026-11-23";
  auto picture = compute_picture(*kpis, *f.model(), "shapes", view);
  REQUIRE(picture.has_value());
  REQUIRE(picture->tiles.size() == 4);
  for (const std::string& tile : picture->tiles) {
    INFO(tile);
    CHECK(parse_json(tile).has_value());
  }
  CHECK(picture->tiles[0].find("\"__weekday\":1") != std::string::npos);
  auto funnel = parse_json(picture->tiles[1]);
  const JsonArray* steps = funnel->find("steps")->as_array();
  REQUIRE(steps);
  REQUIRE(steps->size() == 2);
  CHECK(*(*steps)[0].find("kpi")->as_string() == "receipts");
  CHECK(*(*steps)[1].find("kpi")->as_string() == "net_sales");
  CHECK(picture->tiles[2].find(
            "{\"store\":\"A\",\"value\":50.00,\"compare\":null}") !=
        std::string::npos);

  view.filter = "colour:red";
  picture = compute_picture(*kpis, *f.model(), "shapes", view);
  CHECK(picture->tiles[1].starts_with("{\"error\":"));
}

TEST_CASE("the grain of a view is that of its lines, where it is readable") {
  KpiFixture f;
  auto grain = [&f](const std::string& wanted, const std::string& to) {
    DashboardView view;
    view.from = "2026-11-15";
    view.to = to;
    view.grain = wanted;
    const DashboardModel* shapes = f.model()->dashboard("shapes");
    return tile_requests(*shapes, view)[3].grain;
  };
  CHECK(grain("", "2026-11-16") == "hour");
  CHECK(grain("fifteen_minute", "2026-11-16") == "fifteen_minute");
  CHECK(grain("minute", "2026-11-18") == "fifteen_minute");
  CHECK(grain("day", "2026-11-18") == "day");
  CHECK(grain("PT30M", "2026-11-18") == "PT30M");
  CHECK(grain("PT30M", "2026-12-15") == "day");  // 30 days, 1440 points
}

TEST_CASE("the definition says steps, places and outline") {
  KpiFixture f;
  std::string json = to_json(*f.model()->dashboard("shapes"), *f.model());
  auto parsed = parse_json(json);
  REQUIRE(parsed.has_value());
  const JsonArray& tiles = *parsed->find("tiles")->as_array();
  const JsonArray& steps = *tiles[1].find("steps")->as_array();
  CHECK(*steps[1].find("kpi")->as_string() == "net_sales");
  const JsonValue* place = tiles[2].find("places")->find("A");
  CHECK(*(*place->as_array())[0].as_double() == doctest::Approx(40.4));
  CHECK(tiles[2].find("outline")->as_array()->size() == 1);
}

}  // namespace
}  // namespace freshet
