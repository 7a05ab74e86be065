// The SQL that each kind of KPI shows.
#include "server/kpi/kpi_sql.h"

#include <doctest/doctest.h>

#include "tests/server/kpi/kpi_fixture.h"

namespace freshet {
namespace {

std::string sql(const KpiFixture& f, const char* name) {
  auto text = kpi_sql(*f.model(), *f.model()->kpi(name));
  return text ? *text : text.error().message;
}

TEST_CASE("over the rows of one dataset") {
  KpiFixture f;
  CHECK(sql(f, "net_sales") ==
        R"(SELECT COALESCE(SUM("net"), 0) AS "net_sales" FROM "sales")");
  CHECK(sql(f, "margin") ==
        R"(SELECT CAST((COALESCE(SUM("net"), 0) - COALESCE(SUM("cost"), 0)) )"
        R"(AS DOUBLE) / NULLIF(COALESCE(SUM("net"), 0), 0) AS "margin" )"
        R"(FROM "sales")");
  CHECK(sql(f, "line_value") ==
        R"(SELECT CAST(COALESCE(SUM("net"), 0) AS DOUBLE) / )"
        R"(NULLIF(COUNT("net"), 0) AS "line_value" FROM "sales")");
  CHECK(sql(f, "markup") ==
        R"(SELECT CAST((COALESCE(SUM("net"), 0)) AS DOUBLE) / )"
        R"(NULLIF((COALESCE(SUM("cost"), 0)), 0) AS "markup" FROM "sales")");
}

TEST_CASE("aggregates are called as SQL here calls them") {
  KpiFixture f;
  CHECK(sql(f, "large_line") ==
        R"(SELECT P90("net") AS "large_line" FROM "sales")");
  CHECK(sql(f, "line_spread") ==
        R"(SELECT (CAST(STDDEV_SAMP("net") AS DOUBLE) / )"
        R"(NULLIF(STDDEV_POP("net"), 0) + APPROX_QUANTILE("net", 0.2)) AS )"
        R"("line_spread" FROM "sales")");
  CHECK(sql(f, "first_return") ==
        R"(SELECT EARLIEST_BY("worth", "sold") FILTER (WHERE ("sold" is not )"
        R"(null)) AS "first_return" FROM "returns")");
}

TEST_CASE("levels, windows and several datasets are sub-queries") {
  KpiFixture f;
  CHECK(sql(f, "on_hand") ==
        R"(SELECT (SELECT SUM("newest") FROM (SELECT "sku", "place", )"
        R"(LATEST("on_hand") AS "newest" FROM "stock" WHERE "__time" < :to )"
        R"(GROUP BY "sku", "place") AS "levels") AS "on_hand")");
  CHECK(sql(f, "sales_7d") ==
        R"(SELECT (SELECT COALESCE(SUM("net"), 0) FROM "sales" WHERE )"
        R"("__time" >= :to - )"
        R"(INTERVAL '7' DAY AND "__time" < :to) AS "sales_7d")");
  CHECK(sql(f, "sales_of_month") ==
        R"(SELECT (SELECT COALESCE(SUM("net"), 0) FROM "sales" WHERE )"
        R"("__time" >= TIME_FLOOR(:to - INTERVAL '1' SECOND, 'P1M', NULL, )"
        R"(:tz) AND "__time" < :to) AS "sales_of_month")");
  CHECK(
      sql(f, "return_rate") ==
      R"(SELECT CAST(((SELECT COALESCE(SUM("worth"), 0) FROM "returns" )"
      R"(WHERE "sold" >= :from AND "sold" < :to)) AS DOUBLE) / )"
      R"(NULLIF(((SELECT COALESCE(SUM("net"), 0) FROM "sales" WHERE "__time" >= :from AND "__time" < :to)), 0) AS )"
      R"("return_rate")");
  CHECK(sql(f, "turnover") == "time_avg() has no plain SQL");
  CHECK(sql(f, "sales_a_day_7d") == "days() has no plain SQL");
  std::string json = to_json(*f.model()->kpi("turnover"), *f.model());
  CHECK(json.find("\"sql_omitted\":\"time_avg() has no plain SQL\"") !=
        std::string::npos);
}

TEST_CASE("a definition has a version, which changes with it") {
  KpiFixture f;
  KpiModel kpi = *f.model()->kpi("net_sales");
  auto version = [&] {
    std::string json = to_json(kpi, *f.model());
    size_t at = json.find("\"version\":\"");
    REQUIRE(at != std::string::npos);
    return json.substr(at + 11, 16);
  };
  std::string before = version();
  CHECK(version() == before);
  kpi.where_text = "store = 'A'";
  CHECK(version() != before);
}

}  // namespace
}  // namespace freshet
