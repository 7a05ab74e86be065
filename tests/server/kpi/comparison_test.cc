// What a range is compared with, and where each compared bucket stands.
#include <doctest/doctest.h>
#include <fmt/core.h>

#include "tests/server/kpi/kpi_fixture.h"

namespace freshet {
namespace {

using Texts = std::vector<std::string>;

KpiRequest ask(const std::string& range, const std::string& grain,
               const std::string& compare, const std::string& tz = "UTC") {
  KpiRequest request;
  request.kpi = "net_sales";
  request.tz = tz;
  request.range = range;
  request.grain = grain;
  request.compare = compare;
  return request;
}

KpiRequest between(const std::string& from, const std::string& to,
                   const std::string& grain, const std::string& compare,
                   const std::string& tz = "UTC") {
  KpiRequest request = ask("", grain, compare, tz);
  request.from = from;
  request.to = to;
  return request;
}

std::string compared(KpiFixture& f, const KpiRequest& request,
                     const std::string& now) {
  return f.answered(request, now).compare->value.to_text();
}

// Those at the times of ours.
Texts beside(const KpiAnswer& answer) {
  Texts out;
  for (const auto& point : answer.series) {
    std::string text = "-";
    for (const auto& other : answer.compare->series) {
      if (other.t == point.t) text = other.value.to_text();
    }
    out.push_back(text);
  }
  return out;
}

TEST_CASE("364 days back a month is beside its own") {
  KpiFixture f;  // 100 of the first month, 200 of the second ...
  std::vector<SaleRow> rows;
  for (int month = 1; month <= 12; ++month) {
    rows.push_back({fmt::format("2025-{:02}-15T10:00:00Z", month), "A", "t",
                    month * 10000, 0});
  }
  f.sales(rows, "2026-11-22T10:00:00Z");
  auto months = f.answered(ask("this_year", "month", "last_year_364"),
                           "2026-11-22T10:00:00Z");
  CHECK(beside(months) == Texts{"100.00", "200.00", "300.00", "400.00",
                                "500.00", "600.00", "700.00", "800.00",
                                "900.00", "1000.00", "1100.00", "-"});
  auto quarters = f.answered(ask("this_year", "quarter", "last_year_364"),
                             "2026-11-22T10:00:00Z");
  CHECK(beside(quarters) == Texts{"600.00", "1500.00", "2400.00", "2100.00"});
}

TEST_CASE("a month that is shorter is over when its days are") {
  KpiFixture f;  // three times 10 each day of February: 840
  std::vector<SaleRow> rows;
  for (int day = 1; day <= 28; ++day) {
    for (int hour : {6, 12, 18}) {
      rows.push_back({fmt::format("2026-02-{:02}T{:02}:00:00Z", day, hour), "A",
                      "t", 1000, 0});
    }
  }
  rows.push_back({"2026-03-01T10:00:00Z", "A", "t", 100, 0});
  f.sales(rows, "2026-03-31T22:00:00Z");
  for (const char* range : {"mtd", "this_month"}) {
    KpiRequest request = ask(range, "", "previous");
    CHECK(compared(f, request, "2026-03-28T07:00:00Z") == "820.00");
    CHECK(compared(f, request, "2026-03-28T23:50:00Z") == "840.00");
    CHECK(compared(f, request, "2026-03-29T00:10:00Z") == "840.00");
    CHECK(compared(f, request, "2026-03-31T10:00:00Z") == "840.00");
  }
  // Days of March that February lacks have nothing beside them.
  auto days = f.answered(ask("mtd", "day", "previous"), "2026-03-30T10:00:00Z");
  Texts beside_ours = beside(days);
  REQUIRE(beside_ours.size() >= 29);
  CHECK(beside_ours[27] == "30.00");
  CHECK(beside_ours[28] == "-");
}

TEST_CASE("the days around the 29th of February") {
  KpiFixture f;
  f.sales({{"2023-02-21T10:00:00Z", "A", "t", 100, 0},
           {"2023-02-28T10:00:00Z", "A", "t", 5000, 0},
           {"2023-03-01T10:00:00Z", "A", "t", 700, 0},
           {"2024-02-28T10:00:00Z", "A", "t", 1, 0}},
          "2024-03-10T00:00:00Z");
  auto last_year = [&](const char* from, const char* to) {
    return compared(f, between(from, to, "", "last_year"),
                    "2024-03-10T00:00:00Z");
  };
  CHECK(last_year("2024-02-28", "2024-02-29") == "50.00");
  CHECK(last_year("2024-02-22", "2024-02-29") == "50.00");
  CHECK(last_year("2024-02-29", "2024-03-01") == "50.00");
  CHECK(last_year("2024-03-01", "2024-03-02") == "7.00");
}

TEST_CASE("hours of days of one's own stand by the clock in a night of DST") {
  KpiFixture f;  // n cents in the n-th hour of the 18th
  std::vector<SaleRow> rows;
  for (int hour = 0; hour < 24; ++hour) {
    Timestamp t{at("2026-10-17T22:00:00Z").ms + hour * int64_t{3'600'000}};
    rows.push_back({to_iso8601(t), "A", "t", 100 + hour, 0});
  }
  f.sales(rows, "2026-10-27T00:00:00Z");
  const char* zone = "Europe/Madrid";
  for (const char* compare : {"same_day_last_week", "2026-10-18/2026-10-19"}) {
    auto a =
        f.answered(between("2026-10-25", "2026-10-26", "hour", compare, zone),
                   "2026-10-27T00:00:00Z");
    Texts hours = beside(a);
    REQUIRE(hours.size() == 25);  // 2:00 comes twice
    CHECK(hours[2] == "1.02");
    CHECK(hours[3] == "-");
    CHECK(hours[4] == "1.03");
    CHECK(hours[24] == "1.23");
  }
}

TEST_CASE("a compared range whose rest no chart could show") {
  KpiFixture f;
  f.sales({{"2026-01-01T00:00:30Z", "A", "t", 100, 0}}, "2026-11-22T10:00:00Z");
  auto a = f.answered(ask("today", "minute", "2026-01-01/2026-11-01"),
                      "2026-11-22T10:00:00Z");
  CHECK(a.compare->value.to_text() == "1.00");
  CHECK(a.compare->ahead.empty());
}

}  // namespace
}  // namespace freshet
