#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include "server/json/json_value.h"
#include "tests/server/kpi/kpi_fixture.h"

namespace freshet {
namespace {

KpiRequest ask(const std::string& kpi, const std::string& from,
               const std::string& to) {
  KpiRequest request;
  request.kpi = kpi;
  request.from = from;
  request.to = to;
  return request;
}

// Sunday 22 November; Madrid is UTC+1. A day of sales and the week before:
//   15th 08:30Z  A t0  40.00   15th 12:00Z A t9 500.00
//   22nd 08:10Z  A t1  10.50 (cost 5.00)
//   22nd 08:50Z  A t1   9.50 (cost 5.00)
//   22nd 09:20Z  B t2 100.00 (cost 90.00)
//   22nd 09:30Z  - t3  20.00 (cost 10.00)
void fill(KpiFixture& f) {
  f.sales({{"2026-11-15T08:30:00Z", "A", "t0", 4000, 2000},
           {"2026-11-15T12:00:00Z", "A", "t9", 50000, 2000},
           {"2026-11-22T08:10:00Z", "A", "t1", 1050, 500},
           {"2026-11-22T08:50:00Z", "A", "t1", 950, 500},
           {"2026-11-22T09:20:00Z", "B", "t2", 10000, 9000},
           {"2026-11-22T09:30:00Z", "null", "t3", 2000, 1000}},
          "2026-11-22T09:40:00Z");
}
constexpr const char* kNow = "2026-11-22T10:00:00Z";

TEST_CASE("today beside the same hours of last week") {
  KpiFixture f;
  fill(f);
  KpiRequest request;
  request.kpi = "net_sales";
  request.tz = "Europe/Madrid";
  request.compare = "same_day_last_week";
  request.grain = "hour";
  auto a = f.answer(request, kNow);
  REQUIRE(a.has_value());
  CHECK(a->range.start == at("2026-11-21T23:00:00Z"));
  CHECK(a->value.to_text() == "140.00");
  // Until 11:00 local: without the 500.00 of 13:00.
  CHECK(a->compare->value.to_text() == "40.00");
  CHECK(a->compare->change.to_text() == "100.00");
  CHECK(*a->compare->change_ratio == doctest::Approx(2.5));
  CHECK(a->target->value.to_text() == "100.00");
  CHECK(*a->target->attained == doctest::Approx(1.4));
  REQUIRE(a->series.size() == 24);
  CHECK(a->series[0].value.to_text() == "0.00");
  CHECK(!a->series[0].partial);
  CHECK(a->series[9].value.to_text() == "20.00");    // 08:00Z
  CHECK(a->series[10].value.to_text() == "120.00");  // 09:00Z
  CHECK(a->series[10].partial);                      // as of 09:40Z
  CHECK(a->series[11].value.is_null());  // begins at 10:00Z, which is now
  CHECK(a->series[11].partial);
  std::string json = to_json(*a);
  CHECK(json.find("{\"kpi\":\"net_sales\",\"value\":140.00,\"unit\":"
                  "\"currency\",\"currency\":\"EUR\"") == 0);
  CHECK(json.find("{\"t\":\"2026-11-22T09:00:00+01:00\",\"value\":20.00,"
                  "\"partial\":false}") != std::string::npos);
  CHECK(json.find("\"offsets\":{\"sales\":{\"0\":[0,6]}}") !=
        std::string::npos);
}

// What `range` at `now` is compared with, in Madrid.
std::string compared(KpiFixture& f, KpiRequest request, const std::string& kind,
                     const std::string& now) {
  request.kpi = "net_sales";
  request.tz = "Europe/Madrid";
  request.compare = kind;
  auto a = f.answer(request, now);
  REQUIRE(a.has_value());
  auto zone = *load_time_zone(request.tz);
  return to_iso8601(a->compare->range.start, zone).substr(0, 16) + " " +
         to_iso8601(a->compare->range.end, zone).substr(0, 16);
}

TEST_CASE("the same time by the clock, across nights of DST") {
  KpiFixture f;
  fill(f);
  KpiRequest today;
  // On 29 March the hour from 02:00 was skipped: by 02:30 nothing more has
  // passed than by 02:00, and no more than by 03:00.
  for (const char* now : {"2026-04-05T00:00:00Z", "2026-04-05T00:30:00Z",
                          "2026-04-05T01:00:00Z"}) {
    CHECK(compared(f, today, "same_day_last_week", now) ==
          "2026-03-29T00:00 2026-03-29T03:00");
  }
  // 25 October has 25 hours: at 10:00 eleven have passed, elsewhere ten.
  CHECK(compared(f, today, "2026-10-18/2026-10-19", "2026-10-25T09:00:00Z") ==
        "2026-10-18T00:00 2026-10-18T10:00");
  CHECK(compared(f, today, "2026-10-25/2026-10-26", "2026-10-18T08:00:00Z") ==
        "2026-10-25T00:00 2026-10-25T10:00");
  CHECK(compared(f, today, "previous", "2026-10-25T09:00:00Z") ==
        "2026-10-24T00:00 2026-10-24T10:00");
  // From 02:50 to 02:10, an hour later: no time has passed by the clock.
  KpiRequest twice;
  twice.from = "2026-10-25T00:50:00Z";
  twice.to = "2026-10-25T09:00:00Z";
  CHECK(compared(f, twice, "same_day_last_week", "2026-10-25T01:10:00Z") ==
        "2026-10-18T02:50 2026-10-18T02:50");
}

TEST_CASE("days are compared with as many days, also where they are a month") {
  KpiFixture f;
  fill(f);
  KpiRequest request;
  request.range = "last_30d";
  CHECK(compared(f, request, "previous", "2026-11-30T11:00:00Z") ==
        "2026-10-02T00:00 2026-10-31T12:00");
  request.range = "this_month";
  CHECK(compared(f, request, "previous", "2026-11-30T11:00:00Z") ==
        "2026-10-01T00:00 2026-10-30T12:00");
}

TEST_CASE("a ratio is worked out from sums at every level") {
  KpiFixture f;
  fill(f);
  KpiRequest request = ask("margin", "2026-11-22", "2026-11-23");
  request.by = {"store"};
  request.grain = "hour";
  auto a = f.answer(request, kNow);
  REQUIRE(a.has_value());
  // (140 - 110) / 140, not the mean of 0.5, 0.1 and 0.5.
  CHECK(a->value.to_double() == doctest::Approx(30.0 / 140));
  REQUIRE(a->rows.size() == 3);
  CHECK(a->rows[0].value.to_double() == doctest::Approx(0.5));
  CHECK(a->rows[2].by[0].to_text() == "B");
  CHECK(a->rows[2].value.to_double() == doctest::Approx(0.1));
  CHECK(a->series[0].value.is_null());
  CHECK(a->series[9].value.to_double() == doctest::Approx(20.0 / 120));
  auto none = f.answer(ask("margin", "2026-11-16", "2026-11-17"), kNow);
  REQUIRE(none.has_value());
  CHECK(none->value.is_null());
  CHECK(none->reason == "no data in this range");
  CHECK(*none->newest == at("2026-11-22T09:30:00Z"));
}

TEST_CASE("before the first event there is no number, of any time") {
  KpiFixture f;
  f.returns({}, "0001-01-01T00:00:00Z");
  for (const char* kpi : {"returned", "returned_of_sales"}) {
    auto none = f.answer(ask(kpi, "2026-11-22", "2026-11-23"), kNow);
    REQUIRE(none.has_value());
    CHECK(none->value.is_null());
    CHECK(none->reason == "no data has arrived yet");
  }
  // Read up to later: that there is none is known.
  f.returns({}, "2026-11-22T12:00:00Z");
  auto zero =
      f.answer(ask("returned_of_sales", "2026-11-22", "2026-11-23"), kNow);
  CHECK(zero->value.to_text() == "0.00");
}

TEST_CASE("a range before the first event has no number") {
  KpiFixture f;
  fill(f);
  auto none = f.answer(ask("net_sales", "2025-11-15", "2025-11-16"), kNow);
  REQUIRE(none.has_value());
  CHECK(none->value.is_null());
  CHECK(none->reason == "no data in this range");
  REQUIRE(none->target.has_value());
  CHECK(!none->target->attained.has_value());
  auto zero = f.answer(ask("net_sales", "2026-11-17", "2026-11-18"), kNow);
  CHECK(zero->value.to_text() == "0.00");
}

TEST_CASE("the series of a batch are bounded together") {
  KpiFixture f;
  fill(f);
  auto kpis = Kpis::create(f.runner(), [&] { return f.model(); });
  KpiRequest request = ask("net_sales", "2026-11-15", "2026-11-21");
  request.grain = "minute";
  auto answers = kpis->answer_all(std::vector<KpiRequest>(30, request));
  CHECK(answers[22].has_value());
  REQUIRE(!answers[23].has_value());
  CHECK(answers[23].error().code == ErrorCode::kLimit);
  CHECK(answers[29].error().message.find("more than 200000 buckets") !=
        std::string::npos);
}

TEST_CASE("distinct counts, and the rest of the rows") {
  KpiFixture f;
  fill(f);
  KpiRequest request = ask("receipts", "2026-11-22", "2026-11-23");
  request.by = {"store"};
  request.top = 1;
  auto a = f.answer(request, kNow);
  REQUIRE(a.has_value());
  CHECK(a->value.to_text() == "3");
  CHECK(a->total_rows == 3);
  REQUIRE(a->rows.size() == 1);
  CHECK(a->rows[0].value.to_text() == "1");
  CHECK(a->rest->first.to_text() == "2");
  CHECK(a->rest->second == 2);
}

TEST_CASE("top and rest are the total") {
  KpiFixture f;
  fill(f);
  for (uint32_t top = 1; top <= 3; ++top) {
    KpiRequest request = ask("net_sales", "2026-11-01", "2026-12-01");
    request.by = {"store"};
    request.top = top;
    auto a = f.answer(request, kNow);
    REQUIRE(a.has_value());
    CHECK(a->value.to_text() == "680.00");
    Value sum(int64_t{0});
    for (const auto& row : a->rows) sum = add_numbers(sum, row.value);
    if (a->rest) sum = add_numbers(sum, a->rest->first);
    CHECK(sum.to_text() == "680.00");
    CHECK(a->rest.has_value() == (top < 3));
    CHECK(a->rows[0].by[0].to_text() == "A");
  }
}

TEST_CASE("kpis over kpis, and days") {
  KpiFixture f;
  fill(f);
  auto a = f.answer(ask("markup", "2026-11-22", "2026-11-23"), kNow);
  REQUIRE(a.has_value());
  CHECK(a->value.to_double() == doctest::Approx(140.0 / 110));
  auto b = f.answer(ask("sales_a_day", "2026-11-15", "2026-11-17"), kNow);
  REQUIRE(b.has_value());
  CHECK(b->value.to_double() == doctest::Approx(270));
}

TEST_CASE("filters") {
  KpiFixture f;
  fill(f);
  auto value = [&](const std::string& filter) {
    KpiRequest request = ask("net_sales", "2026-11-22", "2026-11-23");
    request.filter = filter;
    auto a = f.answer(request, kNow);
    return a ? a->value.to_text() : a.error().message;
  };
  CHECK(value("store:A") == "20.00");
  CHECK(value("store:A,B") == "120.00");
  CHECK(value("store:!A") == "120.00");
  CHECK(value("store:null") == "20.00");
  CHECK(value("store:!null") == "120.00");
  CHECK(value("store:A,null") == "40.00");
  CHECK(value("store:%41") == "20.00");
  CHECK(value("store:\"\"") == "0.00");
  CHECK(value("store:!\"\",A") == "120.00");
  CHECK(value("store:") ==
        "an empty value in the filter of 'store'; the empty "
        "text is written \"\"");
  CHECK(value("store:nowhere") == "0.00");
  CHECK(value("stor:A") ==
        "'stor' isn't a dimension of kpi 'net_sales'; did you mean 'store'?");
  CHECK(value("store") == "a filter is NAME:VALUE[,VALUE], not 'store'");
}

// x at P: 10 from the 20th, 4 from the 22nd 05:30; y at P: 7 from 22nd 06:10.
TEST_CASE("stock is carried forward and adds up over places only") {
  KpiFixture f;
  f.stock({{"2026-11-20T12:00:00Z", "x", "P", 10},
           {"2026-11-22T05:30:00Z", "x", "P", 4},
           {"2026-11-22T06:10:00Z", "y", "P", 7}},
          "2026-11-22T09:00:00Z");
  KpiRequest request =
      ask("on_hand", "2026-11-22T04:00:00Z", "2026-11-22T08:00:00Z");
  request.grain = "hour";
  request.by = {"sku"};
  auto a = f.answer(request, kNow);
  REQUIRE(a.has_value());
  CHECK(a->value.to_text() == "11");
  std::vector<std::string> series;
  for (const auto& p : a->series) series.push_back(p.value.to_text());
  CHECK(series == std::vector<std::string>{"10", "4", "11", "11"});
  REQUIRE(a->rows.size() == 2);
  CHECK(a->rows[0].value.to_text() == "7");
  auto before = f.answer(ask("on_hand", "2026-11-21", "2026-11-22"), kNow);
  REQUIRE(before.has_value());
  CHECK(before->value.to_text() == "10");
}

TEST_CASE("a night of 25 hours in Madrid") {
  KpiFixture f;
  f.sales({{"2026-10-25T00:30:00Z", "A", "t1", 100, 0},   // 02:30 summer
           {"2026-10-25T01:30:00Z", "A", "t2", 200, 0},   // 02:30 winter
           {"2026-10-25T22:59:59Z", "A", "t3", 400, 0},   // 23:59:59
           {"2026-10-25T23:00:00Z", "A", "t4", 800, 0}},  // the next day
          "2026-10-27T00:00:00Z");
  KpiRequest request = ask("net_sales", "2026-10-25", "2026-10-26");
  request.tz = "Europe/Madrid";
  request.grain = "hour";
  auto a = f.answer(request, kNow);
  REQUIRE(a.has_value());
  CHECK(a->series.size() == 25);
  CHECK(a->value.to_text() == "7.00");
  CHECK(a->target->value.to_text() == "100.00");  // one day
  CHECK(a->series[2].value.to_text() == "1.00");
  CHECK(a->series[3].value.to_text() == "2.00");
}

TEST_CASE("ranges") {
  auto zone = *load_time_zone("Europe/Madrid");
  auto range = [&](const char* name) {
    auto r = resolve_range(name, "", "", at(kNow), zone);
    REQUIRE(r.has_value());
    return to_iso8601(r->start, zone).substr(0, 16) + " " +
           to_iso8601(r->end, zone).substr(0, 16);
  };
  CHECK(range("yesterday") == "2026-11-21T00:00 2026-11-22T00:00");
  CHECK(range("this_week") == "2026-11-16T00:00 2026-11-23T00:00");
  CHECK(range("last_7d") == "2026-11-16T00:00 2026-11-23T00:00");
  CHECK(range("mtd") == "2026-11-01T00:00 2026-11-22T11:00");
  CHECK(range("last_quarter") == "2026-07-01T00:00 2026-10-01T00:00");
  CHECK(range("-4h") == "2026-11-22T07:00 2026-11-22T11:00");
}

TEST_CASE("what is refused") {
  KpiFixture f;
  fill(f);
  auto refused = [&](KpiRequest request) {
    auto a = f.answer(request, kNow);
    return a ? std::string("accepted") : a.error().message;
  };
  KpiRequest r = ask("net_sale", "2026-11-22", "2026-11-23");
  CHECK(refused(r) == "there is no KPI 'net_sale'; did you mean 'net_sales'?");
  r.kpi = "net_sales";
  r.by = {"sku"};
  CHECK(refused(r).find("'sku' isn't a dimension") == 0);
  CHECK(refused(ask("net_sales", "2026-11-23", "2026-11-22"))
            .find("the range is reversed") == 0);
  r = ask("net_sales", "2026-11-01", "2026-11-22");
  r.grain = "minute";
  CHECK(refused(r).find("the grain is too fine") == 0);
  r.grain = "";
  r.tz = "Europe/Madird";
  CHECK(refused(r).find("Europe/Madird") != std::string::npos);
  r.tz = "UTC";
  r.compare = "previus";
  CHECK(refused(r).find("did you mean 'previous'?") != std::string::npos);
  r.compare = "week_before";
  CHECK(refused(r) ==
        "unknown comparison 'week_before'; known are previous, "
        "same_day_last_week, last_year, last_year_364, none and FROM/TO");
  CHECK(refused(ask("on_hand", "2026-11-21", "2026-11-22")) ==
        "the dataset is not ready: stock");
}

TEST_CASE("a top that is no whole number") {
  for (const char* top : {"1.5", "-1", "0", "99999999999"}) {
    auto body =
        parse_json("{\"kpi\":\"net_sales\",\"top\":" + std::string(top) + "}");
    REQUIRE(body.has_value());
    auto request = parse_kpi_request(*body);
    REQUIRE(!request);
    CHECK(request.error().message.find(
              "'top' is a whole number from 1 to 10000, not") == 0);
  }
}

TEST_CASE("requests") {
  using Parameters = std::vector<std::pair<std::string, std::string>>;
  auto good =
      parse_kpi_request(Parameters{{"kpi", "a"}, {"by", "x,y"}, {"top", "3"}});
  REQUIRE(good.has_value());
  CHECK(good->by == std::vector<std::string>{"x", "y"});
  CHECK(*good->top == 3);
  auto unknown = parse_kpi_request(Parameters{{"kpi", "a"}, {"grian", "hour"}});
  REQUIRE(!unknown);
  CHECK(unknown.error().message ==
        "unknown key 'grian' in a KPI request; did you mean 'grain'?");
  CHECK(!parse_kpi_request(Parameters{{"kpi", "a"}, {"top", "-1"}}));
  CHECK(!parse_kpi_request(Parameters{{"range", "today"}}));
  auto body = parse_json(R"({"kpi":"a","by":["x"],"top":2,"filter":null})");
  auto parsed = parse_kpi_request(*body);
  REQUIRE(parsed.has_value());
  CHECK(*parsed->top == 2);
  CHECK(!parse_kpi_request(*parse_json(R"({"kpi":"a","top":true})")));
}

}  // namespace
}  // namespace freshet
