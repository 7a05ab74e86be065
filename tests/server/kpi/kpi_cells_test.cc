// kpi.NAME of KPIs that no SELECT over rows gives: levels, windows, days(),
// several datasets and times of their own.
#include <doctest/doctest.h>
#include <fmt/core.h>

#include <algorithm>

#include "tests/server/kpi/kpi_selects.h"

namespace freshet {
namespace {

// Sales of A: 10.00 on the 1st, 20.00 on the 2nd, 100.00 on the 9th; of B 40.00
// on the 2nd; costs until the 5th: 32.00. Stock: 22 on the 1st, then 16 from
// the 3rd on. 6.00 of A's sales of the 2nd came back on the 5th.
struct Cells : KpiSelects {
  Cells() {
    f.sales({{"2024-03-01T10:00:00Z", "A", "t1", 1000, 500},
             {"2024-03-02T10:00:00Z", "A", "t2", 2000, 800},
             {"2024-03-02T23:30:00Z", "B", "t3", 4000, 1900},
             {"2024-03-09T10:00:00Z", "A", "t4", 10000, 6000}},
            "2024-03-10T00:00:00Z");
    f.stock({{"2024-03-01T08:00:00Z", "milk", "A", 10},
             {"2024-03-01T09:00:00Z", "bread", "A", 5},
             {"2024-03-01T20:00:00Z", "milk", "B", 7},
             {"2024-03-03T09:00:00Z", "milk", "A", 4}},
            "2024-03-10T00:00:00Z");
    f.returns({{"2024-03-05T10:00:00Z", "A", "2024-03-02T10:00:00Z", 600}},
              "2024-03-10T00:00:00Z");
  }
  // The place of the error, "2:8".
  std::string place(const std::string& text) {
    auto result = run(text);
    REQUIRE(result.has_error());
    return fmt::format("{}:{}", result.error().line, result.error().column);
  }
};

const std::string kFour =
    " WHERE __time >= '2024-03-01' AND __time < '2024-03-05' ";
const std::string kDay = "TIME_FLOOR(__time, 'P1D')";

TEST_CASE("a level is taken at the end, and carried forward by day") {
  Cells t;
  CHECK(t.rows("SELECT value FROM kpi.on_hand") == "16");
  CHECK(t.rows("SELECT on_hand FROM kpi.on_hand WHERE __time < '2024-03-02'") ==
        "22");
  CHECK(t.rows("SELECT place, MEASURE(value) AS v FROM kpi.on_hand" + kFour +
               "GROUP BY place ORDER BY place") == "A,9;B,7");
  CHECK(t.rows("SELECT " + kDay + " AS d, value FROM kpi.on_hand" + kFour +
               "GROUP BY 1 ORDER BY 1") ==
        "2024-03-01T00:00:00.000Z,22;2024-03-02T00:00:00.000Z,22;"
        "2024-03-03T00:00:00.000Z,16;2024-03-04T00:00:00.000Z,16");
  CHECK(t.rows("SELECT place, FLOOR(__time TO DAY) AS d, value FROM kpi.on_hand"
               " WHERE __time >= TIMESTAMP '2024-03-02' AND __time < "
               "'2024-03-04' AND sku <> 'bread' ORDER BY 1, 2") ==
        "A,2024-03-02T00:00:00.000Z,10;A,2024-03-03T00:00:00.000Z,4;"
        "B,2024-03-02T00:00:00.000Z,7;B,2024-03-03T00:00:00.000Z,7");
  CHECK(t.rows("SELECT CAST(__time AS DATE) AS d, value FROM kpi.on_hand" +
               kFour + "GROUP BY 1 ORDER BY 2 LIMIT 1") ==
        "2024-03-03T00:00:00.000Z,16");
}

TEST_CASE("the date of a bucket is the bucket, and the bucket of a date") {
  Cells t;
  const std::string of_stock =
      " AS d, value FROM kpi.on_hand" + kFour + "GROUP BY 1 ORDER BY 1";
  // The 4th is a Monday.
  for (std::string week : {"CAST(DATE_TRUNC('week', __time) AS DATE)",
                           "FLOOR(CAST(__time AS DATE) TO WEEK)",
                           "FLOOR(FLOOR(__time TO HOUR) TO WEEK)"}) {
    CHECK(t.rows("SELECT " + week + of_stock) ==
          "2024-02-26T00:00:00.000Z,16;2024-03-04T00:00:00.000Z,16");
  }
  CHECK(t.run("SELECT FLOOR(CAST(__time AS DATE) TO HOUR)" + of_stock)
            ->rows.size() == 4);
  for (std::string none : {"FLOOR(FLOOR(__time TO WEEK) TO MONTH)",
                           "FLOOR(TIME_FLOOR(__time, 'P2D') TO WEEK)",
                           "TIME_FLOOR(FLOOR(__time TO HOUR), 'PT7M')",
                           "TIME_FLOOR(CAST(__time AS DATE), 'P1M', NULL, "
                           "'Europe/Madrid')"}) {
    CHECK(t.rows("SELECT " + none + of_stock).find("one bucket of __time") !=
          std::string::npos);
  }
}

TEST_CASE("days are those of the statement's zone, or of the bucket's") {
  Cells t;
  const std::string madrid = "TIME_FLOOR(__time, 'P1D', NULL, 'Europe/Madrid')";
  // 23:30 in UTC is the next day there: B's sale is of the 3rd.
  const std::string days =
      "2024-02-29T23:00:00.000Z,10;2024-03-01T23:00:00.000Z,20;"
      "2024-03-02T23:00:00.000Z,40";
  CHECK(t.rows("SELECT " + madrid + " AS d, value FROM kpi.sales_a_day" +
               kFour + "GROUP BY 1 ORDER BY 1") ==
        "2024-02-29T23:00:00.000Z,10.434782608695652;"
        "2024-03-01T23:00:00.000Z,20;2024-03-02T23:00:00.000Z,40");
  REQUIRE(absl::LoadTimeZone("Europe/Madrid", &t.zone));
  CHECK(t.rows("SELECT " + kDay + ", value FROM kpi.sales_a_day" + kFour +
               "GROUP BY 1 ORDER BY 1") == days);
  CHECK(t.rows("SELECT __time, value FROM kpi.sales_a_day" + kFour +
               "ORDER BY 1") == days);
}

TEST_CASE("windows, days(), several datasets and other times") {
  Cells t;
  CHECK(t.rows("SELECT store, value FROM kpi.sales_7d WHERE __time >= "
               "'2024-03-01' AND __time < '2024-03-09' ORDER BY store") ==
        "A,20.00;B,40.00");
  CHECK(t.run("SELECT value FROM kpi.sales_7d")->columns[0].type ==
        ExpressionType{ValueType::kDecimal, 2});
  CHECK(t.rows("SELECT value FROM kpi.sales_a_day" + kFour) == "17.5");
  CHECK(t.rows("SELECT " + kDay + ", value FROM kpi.sales_a_day" + kFour +
               "ORDER BY 1") ==
        "2024-03-01T00:00:00.000Z,10;2024-03-02T00:00:00.000Z,60");
  // 16 / (32.00 / 4)
  CHECK(t.rows("SELECT value FROM kpi.days_of_supply" + kFour) == "2");
  // 6.00 / 30.00 and 0.00 / 40.00
  CHECK(t.rows("SELECT store, value FROM kpi.return_rate" + kFour +
               "ORDER BY store") == "A,0.2;B,0");
  CHECK(t.rows("SELECT " + kDay + " AS __time, value FROM kpi.return_rate" +
               kFour + "GROUP BY 1 ORDER BY 1") ==
        "2024-03-01T00:00:00.000Z,0;2024-03-02T00:00:00.000Z,0.1");
  // Without a bound from the first time that is gone by, not the first event.
  CHECK(t.rows("SELECT SUM(value) FROM kpi.returned_of_sales") == "6.00");
  CHECK(t.rows("SELECT * FROM kpi.returned_of_sales") ==
        "2024-03-02T00:00:00.000Z,A,6.00");
}

// B sold nothing on the day before: that is 0, not nothing.
TEST_CASE("a group that a window has no rows of") {
  Cells t;
  const std::string second =
      " FROM kpi.gained WHERE __time >= '2024-03-02' AND "
      "__time < '2024-03-03' ";
  CHECK(t.rows("SELECT store, value" + second + "GROUP BY 1 ORDER BY 1") ==
        "A,10.00;B,40.00");
  CHECK(t.rows("SELECT store, " + kDay + " AS d, value" + second +
               "GROUP BY 1, 2 ORDER BY 1") ==
        "A,2024-03-02T00:00:00.000Z,10.00;B,2024-03-02T00:00:00.000Z,40.00");
}

TEST_CASE("the rest of the statement is over the cells") {
  Cells t;
  const std::string by_place = " FROM kpi.on_hand" + kFour + "GROUP BY place ";
  CHECK(t.rows("SELECT place" + by_place + "HAVING value > 8") == "A");
  CHECK(t.rows("SELECT place, value * 2 + 1 AS v" + by_place +
               "ORDER BY v DESC LIMIT 1 OFFSET 1") == "B,15");
  CHECK(t.rows("SELECT place, RANK() OVER (ORDER BY value) AS r, SUM(value) "
               "OVER () AS s" +
               by_place + "ORDER BY place") == "A,2,16;B,1,16");
  CHECK(t.rows("SELECT " + kDay + " AS d, value - LAG(value) OVER (ORDER BY " +
               kDay + ") AS c FROM kpi.on_hand" + kFour +
               "GROUP BY 1 ORDER BY 1 DESC LIMIT 2") ==
        "2024-03-04T00:00:00.000Z,0;2024-03-03T00:00:00.000Z,-6");
  CHECK(t.rows("SELECT place, value FROM kpi.on_hand" + kFour +
               "GROUP BY ROLLUP (place) ORDER BY value") == "B,7;A,9;null,16");
  // A level of groups of places, as Superset's "Others".
  CHECK(t.rows("SELECT CASE WHEN place = 'A' THEN place ELSE 'Others' END AS p,"
               " value FROM kpi.on_hand" +
               kFour + "GROUP BY 1 ORDER BY 1") == "A,9;Others,7");
  CHECK(t.rows("SELECT UPPER(sku) AS s, value FROM kpi.on_hand WHERE place IN "
               "(SELECT store FROM kpi.net_sales WHERE store = 'A') ORDER BY "
               "1") == "BREAD,5;MILK,4");
  CHECK(t.rows("SELECT DISTINCT value > 8 AS many" + by_place + "ORDER BY 1") ==
        "false;true");
  CHECK(t.rows("SELECT COUNT(*), MAX(value) FROM (SELECT * FROM kpi.on_hand" +
               kFour + ")") == "12,10");
}

TEST_CASE("tables of KPIs are joined as sub-queries") {
  Cells t;
  CHECK(t.rows("SELECT s.store, s.value, r.value AS rate FROM (SELECT store, "
               "value FROM kpi.net_sales" +
               kFour + ") s JOIN (SELECT store, value FROM kpi.return_rate" +
               kFour + ") r ON s.store = r.store ORDER BY 1") ==
        "A,30.00,0.2;B,40.00,0");
  // The name of its dataset is no WITH query's.
  CHECK(t.rows("WITH stock AS (SELECT 1 AS x), h AS (SELECT place, value FROM "
               "kpi.on_hand) SELECT h.value, stock.x FROM h, stock ORDER BY "
               "1") == "7,1;9,1");
  CHECK(t.rows("WITH sales AS (SELECT 1 AS x) SELECT value FROM "
               "kpi.net_sales") == "170.00");
  CHECK(t.rows("SELECT value FROM kpi.on_hand UNION ALL SELECT value FROM "
               "kpi.sales_7d WHERE __time < '2024-03-10'") == "16.00;100.00");
}

TEST_CASE("what does not ask for the value is of the rows") {
  Cells t;
  CHECK(t.rows("SELECT DISTINCT place FROM kpi.on_hand ORDER BY 1") == "A;B");
  CHECK(t.rows("SELECT MIN(__time), MAX(__time) FROM kpi.on_hand") ==
        "2024-03-01T08:00:00.000Z,2024-03-03T09:00:00.000Z");
  CHECK(t.rows("SELECT COUNT(*) FROM kpi.on_hand WHERE place = 'A'") == "3");
}

TEST_CASE("the first rows of a table are found in few days") {
  Cells t;
  const std::string all = "SELECT * FROM kpi.on_hand ";
  CHECK(t.rows(all + "ORDER BY __time, place, sku LIMIT 2") ==
        "2024-03-01T00:00:00.000Z,bread,A,5;2024-03-01T00:00:00.000Z,milk,A,"
        "10");
  CHECK(t.run(all + "LIMIT 2000")->rows.size() >= 2000);
  CHECK(t.rows("SELECT __time, value FROM kpi.on_hand WHERE __time < "
               "'2024-03-25' ORDER BY __time DESC LIMIT 1 OFFSET 1") ==
        "2024-03-23T00:00:00.000Z,16");
  auto told = t.rows("EXPLAIN ANALYZE " + all + "LIMIT 2");
  CHECK_MESSAGE(told.find("\"mostBuckets\":1") != std::string::npos, told);
  CHECK(told.find("\"rows\":3") != std::string::npos);
  told = t.rows("EXPLAIN PLAN FOR SELECT place, value FROM kpi.on_hand");
  CHECK(told.find("\"queryType\":\"kpi\",\"kpi\":\"on_hand\"") !=
        std::string::npos);
  CHECK(told.find("rowsScanned") == std::string::npos);
}

TEST_CASE("buckets that have not begun have no row") {
  Cells t;
  CHECK(t.rows("SELECT COUNT(*) > 30, MAX(m) <= CURRENT_TIMESTAMP FROM (SELECT "
               "TIME_FLOOR(__time, 'P1M') AS m, value FROM kpi.on_hand WHERE "
               "__time < '2100-01-01')") == "true,true");
}

TEST_CASE("a statement sees the same rows of a dataset each time") {
  Cells t;
  const int before = t.f.snapshots_taken();
  CHECK(t.rows("SELECT value FROM kpi.on_hand UNION ALL SELECT value FROM "
               "kpi.days_of_supply UNION ALL SELECT value FROM kpi.net_sales "
               "UNION ALL SELECT SUM(on_hand) FROM stock WHERE sku = 'bread'")
            .find("16;") == 0);
  CHECK(t.f.snapshots_taken() - before == 2);
}

TEST_CASE("no data is no zero, as in answers") {
  Cells t;
  const std::string early =
      " WHERE __time >= '2023-01-01' AND __time < '2023-02-01'";
  CHECK(t.rows("SELECT value FROM kpi.sales_a_day" + early) == "null");
  CHECK(t.rows("SELECT store, value FROM kpi.return_rate" + early) == "");
  CHECK(t.rows("SELECT value FROM kpi.sales_a_day WHERE __time > '2024-03-02' "
               "AND __time < '2024-03-01'") == "null");
}

TEST_CASE("errors of what a KPI's cells cannot be asked for") {
  Cells t;
  const std::string by_hour =
      "SELECT value FROM kpi.on_hand\nGROUP BY EXTRACT(HOUR FROM __time)";
  CHECK(t.rows(by_hour) ==
        "kpi.on_hand is grouped by its dimensions and one bucket of __time: "
        "write TIME_FLOOR(__time, 'P1D'), or ask for that in a sub-query and "
        "group its rows");
  CHECK(t.place(by_hour) == "2:10");
  const std::string twice =
      "SELECT FLOOR(__time TO DAY), FLOOR(__time TO "
      "MONTH), value FROM kpi.on_hand";
  CHECK(t.rows(twice) ==
        "kpi.on_hand is grouped by one bucket of __time, this "
        "is a second: write the finer one only");
  CHECK(t.place(twice) == "1:30");
  const std::string nights =
      "SELECT value FROM kpi.on_hand WHERE __time > "
      "'2024-03-01' AND EXTRACT(HOUR FROM __time) = 3";
  CHECK(t.rows(nights) ==
        "the time of kpi.on_hand can only be bounded: write "
        "__time >= ... AND __time < ...");
  CHECK(t.place(nights) == "1:89");
  CHECK(t.rows("SELECT SUM(value) FROM kpi.on_hand") ==
        "the value of kpi 'on_hand' is no sum of parts; write MEASURE(value)");
  CHECK(t.rows("SELECT on_hnd FROM kpi.on_hand")
            .find("isn't a dimension of kpi 'on_hand'") != std::string::npos);
  const std::string fine =
      "SELECT TIME_FLOOR(__time, 'PT1S') AS s, value FROM kpi.on_hand";
  CHECK(t.rows(fine).find("the grain is too fine for the range") == 0);
  CHECK(t.place(fine) == "1:52");
}

TEST_CASE("limits, a stop and where cells come from") {
  Cells t;
  auto found = t.run("SELECT value FROM kpi.days_of_supply");
  REQUIRE(found.has_value());
  CHECK(found->provenance.offsets.contains("sales/0"));
  CHECK(found->provenance.offsets.contains("stock/0"));
  CHECK(found->provenance.as_of == at("2024-03-10T00:00:00Z"));
  t.limits.max_groups = 1;
  CHECK(
      t.rows("SELECT place, value FROM kpi.on_hand").find("query_max_groups") !=
      std::string::npos);
  // Few keys of stock, many days.
  t.limits.max_groups = 100;
  CHECK(t.rows("SELECT * FROM kpi.on_hand").find("query_max_groups") !=
        std::string::npos);
  t.limits = {};
  t.limits.timeout_ms = 0;
  CHECK(t.run("SELECT value FROM kpi.on_hand").error().code ==
        ErrorCode::kDeadline);
  t.limits = {};
  t.cancel = std::make_shared<std::atomic<bool>>(true);
  CHECK(t.run("SELECT value FROM kpi.on_hand").error().code ==
        ErrorCode::kCancelled);
}

TEST_CASE("deadline and cancel flag reach the KPI engine") {
  Cells t;
  t.cancel = std::make_shared<std::atomic<bool>>(false);
  t.limits.timeout_ms = 12'345;
  KpiTables tables = kpi_tables(t.f.runner(), [&] { return t.f.model(); });
  KpiCellQuestion asked;
  auto cells = tables.cells;
  tables.cells = [&](const KpiCellQuestion& question) {
    asked = question;
    return cells(question);
  };
  t.sql = Sql::create(t.f.runner(), tables);
  CHECK(t.rows("SELECT value FROM kpi.on_hand") == "16");
  CHECK(asked.cancel == t.cancel);
  CHECK(asked.limits.timeout_ms == 12'345);
  asked.snapshot = [&](const std::string& name) {
    return t.f.runner().catalog().snapshot(name);
  };
  CHECK(cells(asked).has_value());
  *t.cancel = true;
  CHECK(cells(asked).error().code == ErrorCode::kCancelled);
  *t.cancel = false;
  asked.limits.timeout_ms = 0;
  CHECK(cells(asked).error().code == ErrorCode::kDeadline);
}

TEST_CASE("every KPI's table is described, and answers as the KPI does") {
  Cells t;
  KpiRequest ask;
  ask.from = "2024-03-01";
  ask.to = "2024-03-12";
  const std::string within =
      " WHERE __time >= '2024-03-01' AND __time < '2024-03-12' ";
  for (const KpiModel& kpi : t.f.model()->kpis) {
    CAPTURE(kpi.name);
    CHECK(t.rows("SELECT COUNT(*) FROM INFORMATION_SCHEMA.COLUMNS WHERE "
                 "TABLE_SCHEMA = 'kpi' AND TABLE_NAME = '" +
                 kpi.name + "'") == std::to_string(kpi.dimensions.size() + 2));
    ask.kpi = kpi.name;
    ask.grain = "day";
    ask.by.clear();
    const std::string now = to_iso8601(freshet::now());
    KpiAnswer answer = t.f.answered(ask, now);
    const std::string from = " FROM kpi." + kpi.name + within;
    CHECK(t.run("SELECT value" + from)->columns[0].type ==
          kpi_table(*t.f.model(), kpi).type);
    CHECK(t.rows("SELECT MEASURE(value)" + from) == answer.value.to_text());
    auto days = t.run("SELECT FLOOR(__time TO DAY) AS d, value" + from +
                      "GROUP BY 1 ORDER BY 1");
    REQUIRE(days.has_value());
    CHECK(days->rows.empty() == (kpi.name == "same_sales"));
    for (const auto& row : days->rows) {
      auto point = std::find_if(
          answer.series.begin(), answer.series.end(),
          [&](const auto& p) { return p.t == *row[0].as_timestamp(); });
      REQUIRE(point != answer.series.end());
      CHECK(row[1].to_text() == point->value.to_text());
    }
    if (kpi.dimensions.empty()) continue;
    ask.grain.clear();
    ask.by = {kpi.dimensions[0]};
    ask.order = "name";
    std::string rows;
    for (const KpiAnswer::Row& row : t.f.answered(ask, now).rows) {
      rows += (rows.empty() ? "" : ";") + row.by[0].to_text() + "," +
              row.value.to_text();
    }
    CHECK(t.rows("SELECT " + kpi.dimensions[0] + ", value" + from +
                 "GROUP BY 1 ORDER BY 1") == rows);
  }
}

}  // namespace
}  // namespace freshet
