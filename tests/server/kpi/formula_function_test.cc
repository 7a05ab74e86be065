// The functions of formulas, worked out by hand.
#include <doctest/doctest.h>

#include "tests/server/kpi/kpi_fixture.h"

namespace freshet {
namespace {

constexpr const char* kNow = "2026-11-22T10:00:00Z";

KpiRequest ask(const std::string& kpi, const std::string& from,
               const std::string& to, const std::string& tz = "UTC") {
  KpiRequest request;
  request.kpi = kpi;
  request.range.clear();
  request.from = from;
  request.to = to;
  request.tz = tz;
  return request;
}

KpiAnswer answered(KpiFixture& f, const KpiRequest& request,
                   const std::string& now = kNow) {
  return f.answered(request, now);
}

std::vector<std::string> texts(const std::vector<KpiAnswer::Point>& points) {
  std::vector<std::string> out;
  for (const auto& p : points) out.push_back(p.value.to_text());
  return out;
}
using Texts = std::vector<std::string>;

// Madrid goes from UTC+2 to UTC+1 on 25 October at 01:00Z.
//   18th 21:59Z  A  1.00  23:59 local: the last minute of the 18th
//   18th 22:00Z  A  2.00  00:00 local of the 19th
//   25th 00:30Z  B  4.00  02:30 summer time
//   25th 01:30Z  B  8.00  02:30 winter time
//   25th 22:59Z  A 16.00  23:59 local
//   25th 23:00Z  A 32.00  00:00 local of the 26th
void fill_dst(KpiFixture& f) {
  f.sales({{"2026-10-25T23:00:00Z", "A", "t5", 3200, 0},  // late ones after
           {"2026-10-18T21:59:00Z", "A", "t0", 100, 0},
           {"2026-10-18T22:00:00Z", "A", "t1", 200, 0},
           {"2026-10-25T00:30:00Z", "B", "t2", 400, 0},
           {"2026-10-25T22:59:00Z", "A", "t4", 1600, 0},
           {"2026-10-25T01:30:00Z", "B", "t3", 800, 0}},
          "2026-10-27T00:00:00Z");
}

TEST_CASE("rolling goes by calendar days, across a night of 25 hours") {
  KpiFixture f;
  fill_dst(f);
  // Until the 26th 00:00 local: from the 19th 00:00 local, 169 hours.
  auto request = ask("sales_7d", "2026-10-25", "2026-10-26", "Europe/Madrid");
  CHECK(answered(f, request).value.to_text() == "30.00");  // 2+4+8+16
  // In UTC until the 26th 00:00Z: 4+8+16+32.
  CHECK(answered(f, ask("sales_7d", "2026-10-25", "2026-10-26"))
            .value.to_text() == "60.00");
  request.from = "2026-10-24";
  request.to = "2026-10-28";
  request.grain = "day";
  request.by = {"store"};
  KpiAnswer a = answered(f, request);
  // 24th: the 18th to the 24th; 25th; 26th: without the 2.00 of the 19th ...
  CHECK(texts(a.series) == Texts{"3.00", "30.00", "60.00", "60.00"});
  CHECK(a.value.to_text() == "60.00");
  REQUIRE(a.rows.size() == 2);
  CHECK(a.rows[0].by[0].to_text() == "A");
  CHECK(a.rows[0].value.to_text() == "48.00");
  CHECK(a.rows[1].value.to_text() == "12.00");
}

TEST_CASE("a cast is SQL's: to a whole number towards zero") {
  KpiFixture f;
  f.sales({{"2026-11-21T10:00:00Z", "A", "t1", 570, 0},
           {"2026-11-22T09:00:00Z", "A", "t2", -999, 0}},
          kNow);
  CHECK(answered(f, ask("whole_sales", "2026-11-21", "2026-11-22"))
            .value.to_text() == "5");
  CHECK(answered(f, ask("whole_sales", "2026-11-21", "2026-11-23"))
            .value.to_text() == "-4");  // of -4.29
}

TEST_CASE("a running rolling window ends now") {
  KpiFixture f;
  fill_dst(f);
  KpiRequest request = ask("sales_7d", "2026-10-25", "2026-10-26");
  request.grain = "day";
  // At 01:00Z the 4.00 are in; the seven days before hold the 18th's too.
  KpiAnswer a = answered(f, request, "2026-10-25T01:00:00Z");
  CHECK(a.value.to_text() == "7.00");
  CHECK(texts(a.series) == Texts{"7.00"});
  request.to = "2026-10-28";
  a = answered(f, request, "2026-10-25T01:00:00Z");
  CHECK(a.series[1].value.is_null());  // has not begun
  CHECK(a.series[1].partial);
}

TEST_CASE("distinct over a rolling window counts anew for each bucket") {
  KpiFixture f;
  f.sales({{"2026-11-10T10:00:00Z", "A", "x", 100, 0},
           {"2026-11-12T10:00:00Z", "A", "x", 100, 0},
           {"2026-11-12T11:00:00Z", "B", "y", 100, 0}},
          kNow);
  KpiRequest request = ask("receipts_7d", "2026-11-12", "2026-11-20");
  request.grain = "day";
  CHECK(texts(answered(f, request).series) ==
        Texts{"2", "2", "2", "2", "2", "2", "2", "0"});
  request.from = "2026-11-16";
  request.to = "2026-11-20";
  // The 16th holds both x; the 18th those of the 12th; the 19th nothing.
  CHECK(texts(answered(f, request).series) == Texts{"2", "2", "2", "0"});
}

TEST_CASE("to date begins with the month of the zone") {
  KpiFixture f;
  f.sales({{"2026-10-31T22:30:00Z", "A", "t0", 100, 0},  // 23:30, October
           {"2026-10-31T23:30:00Z", "A", "t1", 200, 0},  // 00:30, November
           {"2026-11-03T10:00:00Z", "B", "t2", 400, 0}},
          kNow);
  KpiRequest request =
      ask("sales_of_month", "2026-10-31", "2026-11-04", "Europe/Madrid");
  request.grain = "day";
  KpiAnswer a = answered(f, request);
  CHECK(texts(a.series) == Texts{"1.00", "2.00", "2.00", "6.00"});
  CHECK(a.value.to_text() == "6.00");
}

TEST_CASE("before is the same time earlier; nothing there is no growth") {
  KpiFixture f;
  f.sales({{"2026-11-14T10:00:00Z", "A", "t0", 1000, 0},
           {"2026-11-21T09:00:00Z", "A", "t1", 1500, 0},
           {"2026-11-21T09:00:00Z", "B", "t2", 500, 0}},
          kNow);
  KpiRequest request = ask("growth", "2026-11-21", "2026-11-22");
  request.by = {"store"};
  request.grain = "hour";
  KpiAnswer a = answered(f, request);
  CHECK(a.value.to_double() == doctest::Approx(1.0));  // 20 / 10 - 1
  REQUIRE(a.rows.size() == 2);
  CHECK(a.rows[0].value.to_double() == doctest::Approx(0.5));
  CHECK(a.rows[1].value.is_null());  // B: 5 / 0
  CHECK(a.series[9].value.is_null());
  CHECK(a.series[10].value.to_double() == doctest::Approx(-1.0));
}

// A sold in both weeks, B closed, C opened.
TEST_CASE("same stores are those of both periods") {
  KpiFixture f;
  f.sales({{"2026-11-14T10:00:00Z", "A", "t0", 1000, 0},
           {"2026-11-14T11:00:00Z", "B", "t1", 7000, 0},
           {"2026-11-21T09:00:00Z", "A", "t2", 1200, 0},
           {"2026-11-21T09:30:00Z", "C", "t3", 9900, 0}},
          kNow);
  KpiRequest request = ask("same_sales", "2026-11-21", "2026-11-22");
  request.compare = "same_day_last_week";
  request.by = {"store"};
  request.grain = "day";
  KpiAnswer a = answered(f, request);
  CHECK(a.value.to_text() == "12.00");
  CHECK(a.compare->value.to_text() == "10.00");
  CHECK(*a.compare->change_ratio == doctest::Approx(0.2));
  CHECK(texts(a.series) == Texts{"12.00"});
  REQUIRE(a.rows.size() == 1);
  CHECK(a.rows[0].by[0].to_text() == "A");
  // Growth says itself which week the stores must have sold in.
  request.kpi = "same_growth";
  for (const char* compare : {"same_day_last_week", "previous", ""}) {
    CAPTURE(compare);
    request.compare = compare;
    CHECK(answered(f, request).value.to_double() == doctest::Approx(0.2));
  }
  // Without a comparison: the year before, in which there was no store.
  a = answered(f, ask("same_sales", "2026-11-21", "2026-11-22"));
  CHECK(a.value.is_null());
  CHECK(a.reason == "no store has data in both periods");
}

// x at P: 10 from the 20th 12:00, 4 from the 22nd 06:00; y: 6 from the 21st.
//   ends of days: 20th 10, 21st 16, 22nd (until now, 10:00) 10
void fill_stock(KpiFixture& f) {
  f.stock({{"2026-11-22T06:00:00Z", "x", "P", 4},
           {"2026-11-20T12:00:00Z", "x", "P", 10},
           {"2026-11-21T01:00:00Z", "y", "Q", 6}},
          kNow);
}

TEST_CASE("stock at the beginning, on average, at least and at most") {
  KpiFixture f;
  fill_stock(f);
  auto value = [&](const char* kpi, const char* from, const char* to) {
    return answered(f, ask(kpi, from, to)).value.to_text();
  };
  CHECK(value("opening_stock", "2026-11-20", "2026-11-21") == "null");
  CHECK(value("opening_stock", "2026-11-21", "2026-11-22") == "10");
  CHECK(value("on_hand", "2026-11-21", "2026-11-22") == "16");
  CHECK(value("average_stock", "2026-11-20", "2026-11-23") == "12");
  CHECK(value("average_stock", "2026-11-21", "2026-11-23") == "13");
  CHECK(value("least_stock", "2026-11-21", "2026-11-23") == "10");
  CHECK(value("greatest_stock", "2026-11-21", "2026-11-23") == "16");
  KpiRequest request = ask("opening_stock", "2026-11-20", "2026-11-23");
  request.grain = "day";
  CHECK(texts(answered(f, request).series) == Texts{"null", "10", "16"});
  request.kpi = "average_stock";
  CHECK(texts(answered(f, request).series) == Texts{"10", "16", "10"});
  request.kpi = "greatest_stock";  // hours in days
  CHECK(texts(answered(f, request).series) == Texts{"10", "16", "16"});
  request.kpi = "average_stock";  // a day in two hours each: their ends
  request.from = "2026-11-22T04:00:00Z";
  request.to = "2026-11-22T08:00:00Z";
  request.grain = "PT2H";
  CHECK(texts(answered(f, request).series) == Texts{"16", "10"});
  request = ask("average_stock", "2026-11-20", "2026-11-23");
  request.by = {"place"};
  KpiAnswer a = answered(f, request);
  REQUIRE(a.rows.size() == 2);
  CHECK(a.rows[0].value.to_text() == "8");  // P: 10, 10, 4
  CHECK(a.rows[1].value.to_text() == "6");  // Q: -, 6, 6
}

TEST_CASE("KPIs over several datasets") {
  KpiFixture f;
  fill_stock(f);
  f.sales({{"2026-11-20T10:00:00Z", "A", "t0", 3000, 1200},
           {"2026-11-21T10:00:00Z", "A", "t1", 3000, 1200}},
          "2026-11-22T09:00:00Z");
  // 24.00 of cost over the average of 10 and 16.
  KpiAnswer a = answered(f, ask("turnover", "2026-11-20", "2026-11-22"));
  CHECK(a.value.to_double() == doctest::Approx(24.0 / 13));
  // The answer is as complete as the dataset that is behind.
  CHECK(a.provenance.as_of == at("2026-11-22T09:00:00Z"));
  // 16 on hand, 12.00 a day.
  a = answered(f, ask("days_of_supply", "2026-11-20", "2026-11-22"));
  CHECK(a.value.to_double() == doctest::Approx(16.0 / 12));
  a = answered(f, ask("days_of_supply", "2026-11-22", "2026-11-23"));
  CHECK(a.value.is_null());
  CHECK(a.reason == "division by zero");
}

// Sold on the 20th for 100.00, returned 30.00 of it on the 21st.
TEST_CASE("returns by the day of the return or of the sale") {
  KpiFixture f;
  f.sales({{"2026-11-20T10:00:00Z", "A", "t0", 10000, 0},
           {"2026-11-21T10:00:00Z", "B", "t1", 5000, 0}},
          kNow);
  f.returns({{"2026-11-21T12:00:00Z", "A", "2026-11-20T10:00:00Z", 3000},
             {"2026-11-22T08:00:00Z", "B", "2026-11-21T10:00:00Z", 500}},
            kNow);
  KpiRequest request = ask("returned", "2026-11-20", "2026-11-23");
  request.grain = "day";
  CHECK(texts(answered(f, request).series) == Texts{"0.00", "30.00", "5.00"});
  request.kpi = "returned_of_sales";
  CHECK(texts(answered(f, request).series) == Texts{"30.00", "5.00", "0.00"});
  request.kpi = "return_rate";
  request.by = {"store"};
  KpiAnswer a = answered(f, request);
  CHECK(a.value.to_double() == doctest::Approx(35.0 / 150));
  CHECK(a.series[0].value.to_double() == doctest::Approx(0.3));
  CHECK(a.series[2].value.is_null());  // nothing sold
  CHECK(a.rows[0].value.to_double() == doctest::Approx(0.3));
  CHECK(a.rows[1].value.to_double() == doctest::Approx(0.1));
  request.compare = "previous";
  CHECK(answered(f, request).compare->value.is_null());
}

TEST_CASE("hours and weekdays of the time that a KPI goes by") {
  KpiFixture f;  // sold on a Tuesday at 10, returned on a Friday at 18
  f.sales({{"2026-09-01T10:00:00Z", "A", "t0", 1000, 0}}, kNow);
  f.returns({{"2026-09-04T18:00:00Z", "A", "2026-09-01T10:00:00Z", 400}}, kNow);
  KpiRequest request = ask("return_rate", "2026-09-01", "2026-09-02");
  request.by = {"__weekday", "__hour"};
  KpiAnswer a = answered(f, request);
  REQUIRE(a.rows.size() == 1);
  CHECK(a.rows[0].by[0].to_text() == "2");
  CHECK(a.rows[0].by[1].to_text() == "10");
  CHECK(a.rows[0].value.to_double() == doctest::Approx(0.4));
  f.sales({{"2026-09-01T10:00:00Z", "A", "t0", 1000, 0},
           {"2026-09-01T11:00:00Z", "A", "t1", 1000, 0}},
          kNow);
  request.top = 1;
  a = answered(f, request);
  REQUIRE(a.rest.has_value());
  CHECK(a.rest->first.to_double() == doctest::Approx(0));
}

TEST_CASE("the series of many groups are bounded") {
  KpiFixture f;
  std::vector<StockRow> rows;
  for (int sku = 0; sku < 400; ++sku) {
    rows.push_back({"2026-01-01T00:00:00Z", std::to_string(sku), "P", 1});
  }
  f.stock(rows, kNow);
  KpiRequest request = ask("least_stock", "2026-01-02", "2026-10-02");
  request.by = {"sku"};
  auto refused = f.answer(request, kNow);  // 400 times 273 times 24
  REQUIRE(!refused.has_value());
  CHECK(refused.error().code == ErrorCode::kLimit);
  request.to = "2026-02-02";
  request.top = 1;
  CHECK(answered(f, request).rows.size() == 1);
}

TEST_CASE("a mean is a sum over a count at every level") {
  KpiFixture f;
  f.sales({{"2026-11-22T01:00:00Z", "A", "t0", 100, 0},
           {"2026-11-22T02:00:00Z", "A", "t1", 200, 0},
           {"2026-11-22T03:00:00Z", "B", "t2", 900, 0}},
          kNow);
  KpiRequest request = ask("line_value", "2026-11-22", "2026-11-23");
  request.by = {"store"};
  request.top = 1;
  KpiAnswer a = answered(f, request);
  CHECK(a.value.to_double() == doctest::Approx(4.0));
  CHECK(a.rows[0].value.to_double() == doctest::Approx(9.0));
  CHECK(a.rest->first.to_double() == doctest::Approx(1.5));
  a = answered(f, ask("line_value", "2026-11-20", "2026-11-21"));
  CHECK(a.value.is_null());
  CHECK(a.reason == "no data in this range");
}

TEST_CASE("targets by dimension") {
  KpiFixture f;
  f.sales({{"2026-11-21T10:00:00Z", "A", "t0", 6000, 3000},
           {"2026-11-21T10:00:00Z", "B", "t1", 5000, 4000},
           {"2026-11-21T10:00:00Z", "C", "t2", 100, 0}},
          kNow);
  KpiRequest request = ask("store_plan", "2026-11-20", "2026-11-22");
  request.by = {"store"};
  KpiAnswer a = answered(f, request);
  CHECK(a.target->value.to_text() == "161.00");  // 2 * (30 + 50.50)
  REQUIRE(a.rows.size() == 3);
  CHECK(a.rows[0].target->value.to_text() == "60.00");
  CHECK(*a.rows[0].target->attained == doctest::Approx(1.0));
  CHECK(a.rows[1].target->value.to_text() == "101.00");
  CHECK_FALSE(a.rows[2].target.has_value());
  CHECK(to_json(a).find("\"target\":{\"value\":60.00,\"attained\":1") !=
        std::string::npos);
  request.filter = "store:!A";
  CHECK(answered(f, request).target->value.to_text() == "101.00");
  request.filter = "store:A,B";
  CHECK(answered(f, request).target->value.to_text() == "161.00");
  request.filter = "store:C";
  a = answered(f, request);
  CHECK_FALSE(a.target.has_value());
  CHECK(a.target_omitted == "'store_plan' has no target for this store");
  // Those of a ratio do not add up, but each holds for its store.
  request.kpi = "store_margin";
  request.filter.clear();
  a = answered(f, request);
  CHECK_FALSE(a.target.has_value());
  CHECK(a.target_omitted ==
        "the targets of 'store_margin' are by store, and do not add up");
  request.filter = "store:A";
  CHECK(answered(f, request).target->value.to_text() == "0.4");
}

}  // namespace
}  // namespace freshet
