// kpi.NAME in SQL gives what the KPI's answers give.
#include "server/kpi/kpi_tables.h"

#include <doctest/doctest.h>
#include <fmt/core.h>

#include "tests/server/kpi/kpi_fixture.h"

namespace freshet {
namespace {

// Two stores: A 10.00 (cost 5.00) and 30.00 (cost 25.00), B 60.00 (cost 30.00).
struct Tables {
  KpiFixture f;
  std::unique_ptr<Sql> sql;
  Limits limits;
  Tables() {
    f.sales({{"2026-11-20T10:10:00Z", "A", "t0", 1000, 500},
             {"2026-11-21T10:00:00Z", "A", "t1", 3000, 2500},
             {"2026-11-21T11:00:00Z", "B", "t1", 6000, 3000}},
            "2026-11-22T00:00:00Z");
    sql = Sql::create(f.runner(), kpi_tables([this] { return f.model(); }));
  }
  Result<QueryResult> run(const std::string& text) {
    SqlRequest request;
    request.text = text;
    request.limits = limits;
    return sql->run(request);
  }
  // Rows as "a,b;c,d".
  std::string rows(const std::string& text) {
    auto result = run(text);
    if (!result) return result.error().message;
    std::string out;
    for (const auto& row : result->rows) {
      if (!out.empty()) out += ';';
      for (size_t i = 0; i < row.size(); ++i) {
        out += (i ? "," : "") + row[i].to_text();
      }
    }
    return out;
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
  CHECK(t.rows("SELECT value FROM kpi.on_hand") ==
        "kpi.on_hand: its levels come from rows before those asked for; ask "
        "/api/v1/kpis/on_hand/value");
  CHECK(t.rows("SELECT value FROM kpi.sales_7d").find("rolling()") !=
        std::string::npos);
  CHECK(t.rows("SELECT value FROM kpi.sales_a_day").find("days()") !=
        std::string::npos);
  CHECK(t.rows("SELECT value FROM kpi.return_rate").find("sold") !=
        std::string::npos);
}

}  // namespace
}  // namespace freshet
