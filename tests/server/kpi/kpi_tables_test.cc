// kpi.NAME in SQL gives what the KPI's answers give.
#include <doctest/doctest.h>
#include <fmt/core.h>

#include "tests/server/kpi/kpi_selects.h"

namespace freshet {
namespace {

// Two stores: A 10.00 (cost 5.00) and 30.00 (cost 25.00), B 60.00 (cost 30.00).
struct Tables : KpiSelects {
  Tables() {
    f.sales({{"2026-11-20T10:10:00Z", "A", "t0", 1000, 500},
             {"2026-11-21T10:00:00Z", "A", "t1", 3000, 2500},
             {"2026-11-21T11:00:00Z", "B", "t1", 6000, 3000}},
            "2026-11-22T00:00:00Z");
  }
};

TEST_CASE("a value at every level") {
  Tables t;
  CHECK(t.rows("SELECT value FROM kpi.net_sales") == "100.00");
  CHECK(t.rows("SELECT store, value FROM kpi.net_sales ORDER BY value DESC") ==
        "B,60.00;A,40.00");
  CHECK(t.rows("SELECT store, SUM(value) AS s FROM kpi.net_sales GROUP BY "
               "store ORDER BY store") == "A,40.00;B,60.00");
  // (40 - 30) / 40, (60 - 30) / 60, (100 - 60) / 100
  CHECK(t.rows("SELECT store, MEASURE(value) AS m FROM kpi.margin GROUP BY "
               "store ORDER BY store") == "A,0.25;B,0.5");
  CHECK(t.rows("SELECT AGG(value) FROM kpi.margin") == "0.4");
  CHECK(t.rows("SELECT value FROM kpi.receipts") == "2");
  CHECK(t.rows("SELECT k.store, k.value FROM kpi.margin k WHERE k.store = 'B' "
               "AND k.__time >= TIMESTAMP '2026-11-21'") == "B,0.5");
  CHECK(t.rows("SELECT FLOOR(__time TO DAY) AS d, value FROM kpi.net_sales "
               "WHERE store = 'A' ORDER BY d") ==
        "2026-11-20T00:00:00.000Z,10.00;2026-11-21T00:00:00.000Z,30.00");
  CHECK(t.rows("SELECT store FROM kpi.net_sales GROUP BY store HAVING value > "
               "50") == "B");
  // Over other KPIs, and in a sub-query.
  CHECK(t.rows("SELECT MAX(m) FROM (SELECT store, value AS m FROM kpi.markup "
               "GROUP BY store)") == "2");
  CHECK(t.rows("SELECT COUNT(*) FROM (SELECT * FROM kpi.net_sales)") == "3");
}

TEST_CASE("a sum over no rows is 0, as in answers") {
  Tables t;
  CHECK(t.rows("SELECT store, value FROM kpi.a_less_b ORDER BY store") ==
        "A,40.00;B,-60.00");
  CHECK(t.rows("SELECT value FROM kpi.net_sales WHERE store = 'nowhere'") ==
        "0.00");
  CHECK(t.rows("SELECT value FROM kpi.margin WHERE store = 'nowhere'") ==
        "null");
}

TEST_CASE("the number has the KPI's name, too") {
  Tables t;
  CHECK(t.rows("SELECT net_sales FROM kpi.net_sales") == "100.00");
  CHECK(t.run("SELECT net_sales FROM kpi.net_sales")->columns[0].name ==
        "net_sales");
  CHECK(t.rows("SELECT store, net_sales FROM kpi.net_sales GROUP BY store "
               "HAVING net_sales > 50 ORDER BY net_sales DESC") == "B,60.00");
  CHECK(t.rows("SELECT store, MEASURE(margin) AS m FROM kpi.margin GROUP BY "
               "store ORDER BY m") == "A,0.25;B,0.5");
  CHECK(t.rows("SELECT SUM(n.net_sales) FROM kpi.net_sales n") == "100.00");
}

TEST_CASE("a window goes over the values of the rows") {
  Tables t;
  const std::string by_store =
      " FROM kpi.net_sales GROUP BY store ORDER BY store";
  CHECK(t.rows("SELECT store, value, SUM(value) OVER () AS t" + by_store) ==
        "A,40.00,100.00;B,60.00,100.00");
  CHECK(t.rows("SELECT store, SUM(net_sales) OVER () AS t" + by_store) ==
        "A,100.00;B,100.00");
  CHECK(t.rows("SELECT store, MEASURE(value) OVER (ORDER BY store) AS t" +
               by_store) == "A,40.00;B,100.00");
  CHECK(t.rows("SELECT store, SUM(SUM(value)) OVER () AS t" + by_store) ==
        "A,100.00;B,100.00");
  CHECK(t.rows("SELECT store, CAST(value AS DOUBLE) / SUM(value) OVER () AS s" +
               by_store) == "A,0.4;B,0.6");
  CHECK(t.rows("SELECT store, RANK() OVER (ORDER BY value DESC) AS r, COUNT(*) "
               "OVER () AS n" +
               by_store) == "A,2,2;B,1,2");
  CHECK(t.rows("SELECT store, value, SUM(value) OVER () AS t FROM "
               "kpi.net_sales GROUP BY store ORDER BY 2 DESC LIMIT 1") ==
        "B,60.00,100.00");
  CHECK(t.rows("SELECT FLOOR(__time TO DAY) AS d, SUM(value) OVER (ORDER BY "
               "FLOOR(__time TO DAY)) AS t FROM kpi.net_sales GROUP BY "
               "FLOOR(__time TO DAY) ORDER BY d") ==
        "2026-11-20T00:00:00.000Z,10.00;2026-11-21T00:00:00.000Z,100.00");
  CHECK(t.rows("SELECT FLOOR(__time TO DAY) AS d, value - LAG(value) OVER "
               "(ORDER BY FLOOR(__time TO DAY)) AS c FROM kpi.net_sales GROUP "
               "BY 1 ORDER BY 1") ==
        "2026-11-20T00:00:00.000Z,null;2026-11-21T00:00:00.000Z,80.00");
  // Of a ratio: over its values, row by row.
  CHECK(t.rows("SELECT store, AVG(value) OVER () AS a, MAX(value) OVER () AS m "
               "FROM kpi.margin GROUP BY store ORDER BY store") ==
        "A,0.375,0.5;B,0.375,0.5");
  CHECK(t.rows("SELECT store, SUM(value) OVER () AS t FROM kpi.margin GROUP BY "
               "store ORDER BY store") == "A,0.75;B,0.75");
  CHECK(t.rows("SELECT store, MEASURE(value) OVER () FROM kpi.margin GROUP BY "
               "store")
            .find("write AVG, MIN or MAX(value) OVER") != std::string::npos);
}

TEST_CASE("beside a window the value is grouped by the other columns") {
  Tables t;
  CHECK(t.rows("SELECT store, value, RANK() OVER (ORDER BY value DESC) AS r "
               "FROM kpi.net_sales ORDER BY store") == "A,40.00,2;B,60.00,1");
  CHECK(t.rows("SELECT store, SUM(value) OVER () AS t FROM kpi.net_sales ORDER "
               "BY store") == "A,100.00;B,100.00");
  CHECK(t.rows("SELECT store, value FROM kpi.net_sales ORDER BY RANK() OVER "
               "(ORDER BY value DESC)") == "B,60.00;A,40.00");
  CHECK(t.rows("SELECT value, ROW_NUMBER() OVER (PARTITION BY k.store ORDER BY "
               "FLOOR(__time TO DAY)) AS n FROM kpi.net_sales k ORDER BY "
               "value") == "10.00,1;30.00,2;60.00,1");
  CHECK(t.rows("SELECT store || '!' AS s, value * 2 AS v, k.store FROM "
               "kpi.net_sales k ORDER BY v") == "A!,80.00,A;B!,120.00,B");
  CHECK(t.rows("SELECT SUM(value) OVER () AS t FROM kpi.net_sales") ==
        "100.00");
  // Without the value it goes over the table's rows.
  CHECK(t.rows("SELECT store, ROW_NUMBER() OVER (ORDER BY __time DESC) AS n "
               "FROM kpi.net_sales ORDER BY n") == "B,1;A,2;A,3");
}

TEST_CASE("names with the table before them") {
  Tables t;
  CHECK(t.rows(R"(SELECT "net_sales"."store", "net_sales"."value" FROM )"
               R"("kpi"."net_sales" ORDER BY "net_sales"."value" DESC)") ==
        "B,60.00;A,40.00");
  const std::string of_s = "SELECT s.store, s.value FROM kpi.net_sales s ";
  CHECK(t.rows(of_s + "ORDER BY s.value DESC") == "B,60.00;A,40.00");
  CHECK(t.rows(of_s + "ORDER BY s.net_sales") == "A,40.00;B,60.00");
  CHECK(t.rows("SELECT DISTINCT s.store, s.value FROM kpi.net_sales s GROUP BY "
               "s.store HAVING s.value > 1 ORDER BY s.value") ==
        "A,40.00;B,60.00");
  CHECK(t.rows("SELECT net_sales.store, net_sales.value FROM kpi.net_sales s "
               "ORDER BY net_sales.value") == "A,40.00;B,60.00");
  CHECK(t.run("SELECT * FROM kpi.net_sales s ORDER BY s.value DESC")
            ->rows.size() == 3);
  CHECK(t.rows("SELECT s.store, other.value FROM kpi.net_sales s")
            .find("'other.value' isn't a dimension") == 0);
  CHECK(t.rows("SELECT other.store FROM kpi.net_sales s") ==
        "unknown table: other");
}

TEST_CASE("a name of the SELECT is no column of the dataset") {
  Tables t;
  // "txn" is a column of the dataset, no dimension.
  const std::string as_txn = "SELECT store AS txn, value FROM kpi.net_sales ";
  CHECK(t.rows(as_txn + "WHERE txn = 't1'") ==
        "'txn' isn't a dimension of kpi 'net_sales'; it has store, __time, "
        "value");
  CHECK(t.rows("SELECT store AS txn, COUNT(*) FROM kpi.net_sales WHERE txn = "
               "'t1' GROUP BY store")
            .find("'txn' isn't a dimension") == 0);
  CHECK(t.rows(as_txn + "GROUP BY txn ORDER BY txn") == "A,40.00;B,60.00");
  CHECK(t.rows(as_txn + "GROUP BY txn HAVING txn = 'A'") == "A,40.00");
  CHECK(t.rows("SELECT store AS txn, value AS v FROM kpi.net_sales GROUP BY "
               "txn HAVING v > 50 ORDER BY UPPER(txn), v + 1") == "B,60.00");
  CHECK(t.rows("SELECT store AS txn, value, txn || '!' FROM kpi.net_sales")
            .find("'txn' isn't a dimension") == 0);
  CHECK(t.rows("SELECT store, value AS v FROM kpi.net_sales GROUP BY store, v")
            .find("the value of a KPI is no group") == 0);
}

TEST_CASE("aggregates without the value are of the table's rows") {
  Tables t;
  CHECK(t.rows("SELECT COUNT(*) FROM kpi.net_sales") == "3");
  CHECK(t.rows("SELECT COUNT(*) AS n FROM kpi.net_sales k WHERE k.store = 'A' "
               "AND __time >= TIMESTAMP '2026-11-21'") == "1");
  CHECK(t.rows("SELECT store, COUNT(*) FROM kpi.margin GROUP BY store ORDER BY "
               "2 DESC") == "A,2;B,1");
  CHECK(t.rows("SELECT MIN(__time), MAX(k.__time), COUNT(DISTINCT k.store) "
               "FROM kpi.net_sales AS k") ==
        "2026-11-20T10:10:00.000Z,2026-11-21T11:00:00.000Z,2");
  CHECK(t.rows("SELECT store FROM kpi.net_sales GROUP BY store HAVING COUNT(*) "
               "> 1") == "A");
  CHECK(t.rows("SELECT store FROM kpi.net_sales GROUP BY store ORDER BY "
               "COUNT(*) DESC") == "A;B");
  CHECK(t.rows("SELECT COUNT(*) FROM kpi.net_sales WHERE value > 1")
            .find("WHERE is about rows") == 0);
  CHECK(t.rows("SELECT COUNT(*) FROM kpi.net_sales WHERE stor = 'A'") ==
        "'stor' isn't a dimension of kpi 'net_sales'; did you mean 'store'?");
}

TEST_CASE("a look at a KPI's first rows groups no more than they need") {
  constexpr int kSales = 40'000;
  Tables t;
  std::vector<SaleRow> sales;
  for (int i = 0; i < kSales; ++i) {
    sales.push_back({fmt::format("2026-11-23T{:02}:{:02}:{:02}Z", i / 3600,
                                 i / 60 % 60, i % 60),
                     i % 1000 == 7 ? "B" : "A", fmt::format("x{}", i), 100,
                     50});
  }
  t.f.sales(sales, "2026-11-24T00:00:00Z");
  t.limits.max_groups = 12'000;
  CHECK(t.rows("SELECT * FROM kpi.net_sales").find("query_max_groups") !=
        std::string::npos);
  CHECK(t.rows("SELECT MIN(__time), COUNT(DISTINCT store) FROM "
               "kpi.net_sales") == "2026-11-23T00:00:00.000Z,2");
  CHECK(t.rows("SELECT COUNT(*) FROM kpi.net_sales").find("query_max_groups") !=
        std::string::npos);
  const std::string all = "SELECT __time, store, value FROM kpi.net_sales ";
  CHECK(t.run("SELECT * FROM kpi.net_sales LIMIT 100")->rows.size() == 100);
  CHECK(t.rows(all + "ORDER BY __time LIMIT 2") ==
        "2026-11-23T00:00:00.000Z,A,1.00;2026-11-23T00:00:01.000Z,A,1.00");
  CHECK(t.rows(all + "ORDER BY __time DESC LIMIT 1 OFFSET 1") ==
        "2026-11-23T11:06:38.000Z,A,1.00");
  CHECK(t.rows(all + "WHERE store = 'B' ORDER BY __time LIMIT 1 OFFSET 39") ==
        "2026-11-23T10:50:07.000Z,B,1.00");
  CHECK(t.rows("EXPLAIN PLAN FOR " + all + "ORDER BY __time LIMIT 2")
            .find("2026-11-23T01:40:00") != std::string::npos);
  t.limits.max_groups = 1000;
  for (size_t limit : {3, 800}) {
    auto look =
        t.run(fmt::format("SELECT * FROM kpi.net_sales LIMIT {}", limit));
    REQUIRE(look.has_value());
    CHECK(look->rows.size() == limit);
  }
  CHECK(t.rows("EXPLAIN PLAN FOR " + all + "LIMIT 3")
            .find("2026-11-23T00:08:20") != std::string::npos);
}

TEST_CASE("what a KPI's table refuses") {
  Tables t;
  CHECK(t.rows("SELECT value FROM kpi.net_sale") ==
        "there is no KPI 'net_sale'; did you mean 'net_sales'?");
  CHECK(t.rows("SELECT stor, value FROM kpi.net_sales") ==
        "'stor' isn't a dimension of kpi 'net_sales'; did you mean 'store'?");
  CHECK(t.rows("SELECT txn, value FROM kpi.net_sales")
            .find("'txn' isn't a dimension") == 0);
  CHECK(t.rows("SELECT COUNT(*) FROM kpi.margin a JOIN kpi.net_sales b ON "
               "a.store = b.store")
            .find("joined as a sub-query") != std::string::npos);
  CHECK(t.rows("SELECT SUM(value) FROM kpi.margin") ==
        "the value of kpi 'margin' is no sum of parts; write MEASURE(value)");
  CHECK(t.rows("SELECT value FROM kpi.net_sales WHERE value > 1")
            .find("WHERE is about rows") == 0);
}

}  // namespace
}  // namespace freshet
