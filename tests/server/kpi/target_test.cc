// Targets: whom they are for, what is to be expected by now, how they are
// written; and the rows behind a number.
#include <doctest/doctest.h>

#include "tests/server/kpi/kpi_fixture.h"

namespace freshet {
namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

KpiRequest today(const std::string& kpi) {
  KpiRequest request;
  request.kpi = kpi;
  return request;
}

// Four Sundays back: 30.00 in the morning, 10.00 in the afternoon; three,
// nothing; two and one: 10.00 in the morning, 30.00 in the afternoon. So by
// noon 50 of 120 have come in.
std::vector<SaleRow> past() {
  return {{"2026-10-25T00:00:00Z", "A", "t0", 0, 0},
          {"2026-10-25T09:00:00Z", "A", "t1", 3000, 0},
          {"2026-10-25T15:00:00Z", "A", "t2", 1000, 0},
          {"2026-11-08T09:00:00Z", "A", "t3", 1000, 0},
          {"2026-11-08T15:00:00Z", "A", "t4", 3000, 0},
          {"2026-11-15T09:00:00Z", "A", "t5", 1000, 0},
          {"2026-11-15T15:00:00Z", "A", "t6", 3000, 0},
          {"2026-11-22T08:00:00Z", "A", "t7", 4000, 2000},
          {"2026-11-22T08:00:00Z", "B", "t8", 100, 20}};
}
constexpr const char* kNoon = "2026-11-22T12:00:00Z";

TEST_CASE("what is expected by now follows the same days of past weeks") {
  KpiFixture f;
  f.sales(past(), kNoon);
  auto a = f.answer(today("net_sales"), kNoon);
  REQUIRE(a.has_value());
  REQUIRE(a->target->pace.has_value());
  CHECK(a->target->pace->weeks == 3);
  CHECK(a->target->pace->expected.to_text() == "41.67");  // 100 * 50 / 120
  CHECK_FALSE(a->target->pace->on_pace);                  // 41.00
  CHECK(has(to_json(*a),
            "\"target\":{\"value\":100.00,\"attained\":0.41,"
            "\"expected_by_now\":41.67,\"on_pace\":false,"
            "\"expected_from\":\"past_weeks\",\"weeks\":3}"));
  // What has not arrived yet is not missing: complete up to 06:00 only.
  f.sales(past(), "2026-11-22T06:00:00Z");
  a = f.answer(today("net_sales"), kNoon);
  CHECK(a->target->pace->expected.to_text() == "0.00");
  CHECK(a->target->pace->on_pace);
}

TEST_CASE("a store's pace is that of its own past") {
  KpiFixture f;
  auto rows = past();
  rows.push_back({"2026-11-15T09:00:00Z", "B", "t9", 100, 0});
  rows.push_back({"2026-11-15T15:00:00Z", "B", "t10", 300, 0});
  f.sales(rows, kNoon);
  KpiRequest request = today("store_plan");
  request.filter = "store:B";
  auto a = f.answer(request, kNoon);
  REQUIRE(a.has_value());
  REQUIRE(a->target->pace.has_value());
  CHECK(a->target->pace->weeks == 1);
  CHECK(a->target->pace->expected.to_text() == "12.63");  // 50.50 * 1 / 4
}

TEST_CASE("without a past it follows the clock; a finished day has no pace") {
  KpiFixture f;
  f.sales({{"2026-11-22T08:00:00Z", "A", "t7", 6000, 2000}}, kNoon);
  auto a = f.answer(today("net_sales"), kNoon);
  REQUIRE(a.has_value());
  CHECK(a->target->pace->weeks == 0);
  CHECK(a->target->pace->expected.to_text() == "50.00");
  CHECK(a->target->pace->on_pace);
  CHECK(has(to_json(*a), "\"expected_from\":\"elapsed_time\"}"));
  KpiRequest month = today("net_sales");
  month.range = "this_month";
  a = f.answer(month, kNoon);
  CHECK(a->target->value.to_text() == "3000.00");
  CHECK(a->target->pace->expected.to_text() == "2150.00");  // 21.5 of 30 days
  month.range = "mtd";
  a = f.answer(month, kNoon);
  CHECK(a->target->value.to_text() == "2150.00");
  CHECK_FALSE(a->target->pace.has_value());
  month.range = "yesterday";
  CHECK_FALSE(f.answer(month, kNoon)->target->pace.has_value());
  CHECK_FALSE(f.answer(today("margin"), kNoon)->target->pace.has_value());
}

TEST_CASE("a part has no target of the whole, a ratio keeps its own") {
  KpiFixture f;
  f.sales(past(), kNoon);
  KpiRequest request = today("net_sales");
  request.filter = "store:B";
  auto a = f.answer(request, kNoon);
  REQUIRE(a.has_value());
  CHECK_FALSE(a->target.has_value());
  CHECK(a->target_omitted ==
        "the target is for all of 'net_sales', not for a part of it");
  CHECK(has(to_json(*a), "\"target_omitted\":\"the target is for all"));
  CHECK_FALSE(has(to_json(*a), "\"attained\""));
  request.kpi = "margin";
  a = f.answer(request, kNoon);
  REQUIRE(a->target.has_value());
  CHECK(a->target_omitted.empty());
  CHECK(has(to_json(*a), "\"target\":{\"value\":0.5,\"attained\":1.6}"));
  // Grouped, the value beside it is still the whole's.
  request = today("net_sales");
  request.by = {"store"};
  CHECK(f.answer(request, kNoon)->target.has_value());
}

TEST_CASE("which formulas are amounts") {
  KpiFixture f;
  auto amount = [&](const char* name) {
    auto model = f.model();
    return KpiPlan::create(*model, *model->kpi(name))->is_amount();
  };
  CHECK(amount("net_sales"));
  CHECK(amount("receipts"));
  CHECK(amount("on_hand"));
  CHECK(amount("sales_a_day"));
  CHECK_FALSE(amount("margin"));
  CHECK_FALSE(amount("markup"));
}

TEST_CASE("the rows behind each number") {
  KpiFixture f;
  f.sales(past(), kNoon);
  KpiRequest request = today("margin");
  request.by = {"store"};
  request.count_rows = true;
  auto a = f.answer(request, kNoon);
  REQUIRE(a.has_value());
  CHECK(a->num_rows == 2);
  REQUIRE(a->rows.size() == 2);
  CHECK(a->rows[0].num_rows == 1);
  request.range = "last_30d";
  a = f.answer(request, kNoon);
  CHECK(a->num_rows == 9);
  CHECK(a->rows[0].by[0].to_text() == "A");
  CHECK(a->rows[0].num_rows == 8);
  CHECK(a->rows[1].num_rows == 1);
  CHECK(a->rows[0].value.to_double() == doctest::Approx(14.0 / 16));
  f.stock({{"2026-11-20T12:00:00Z", "x", "P", 10},
           {"2026-11-22T05:30:00Z", "x", "P", 4},
           {"2026-11-22T06:10:00Z", "y", "P", 7}},
          kNoon);
  request = today("on_hand");
  request.count_rows = true;
  a = f.answer(request, kNoon);
  CHECK(a->num_rows == 3);
  CHECK(a->value.to_text() == "11");
  // Of windows: the rows of what they look at.
  request = today("sales_7d");
  request.count_rows = true;
  request.by = {"store"};
  a = f.answer(request, kNoon);
  CHECK(a->num_rows == 3);  // from the 15th 12:00 to the 22nd 12:00
  request = today("average_stock");
  request.count_rows = true;
  a = f.answer(request, kNoon);
  REQUIRE(a.has_value());
  CHECK(a->num_rows == 3);
}

}  // namespace
}  // namespace freshet
