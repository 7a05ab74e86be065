// What surrounds a SELECT: EXPLAIN, SET, parameters, limits of joins, one
// snapshot for a whole statement.
#include <doctest/doctest.h>

#include "query_data.h"
#include "server/druid/druid_sql.h"
#include "server/json/json_value.h"
#include "server/sql/request_setting.h"
#include "server/sql/sql.h"

namespace freshet::test {
namespace {

Row row(int64_t hour, const char* s, int64_t n) {
  return {Value(Timestamp{hour * 3'600'000}),
          Value(s),
          Value("t"),
          Value(n),
          Value(0.5),
          Value(Decimal{n * 100, 2}),
          Value(true)};
}

// A sealed segment of 1970-01-01 with a cube, one of the day after without,
// and a live one.
DatasetSnapshot history() {
  auto schema = sales_schema();
  auto timeline = std::make_shared<Timeline>();
  SealOptions with_cube;
  CubeSpec cube;
  cube.name = "by_s";
  cube.granularity = *Granularity::parse("hour");
  cube.dimensions = {"s"};
  cube.measures = {{"n", kCubeSum}};
  with_cube.cubes = {cube};
  std::vector<Row> first, second;
  for (int i = 0; i < 100; ++i) {
    first.push_back(row(i % 24, i % 2 ? "x" : "y", i));
    second.push_back(row(24 + i % 24, i ? "z" : "q", i));
  }
  timeline->sealed = {sealed_segment(schema, first, with_cube),
                      sealed_segment(schema, second)};
  timeline->live = {live_segment(schema, {row(50, "x", 7)})};
  DatasetSnapshot out;
  out.schema = schema;
  out.timeline = timeline;
  return out;
}

struct Engine {
  OneDataset catalog{"sales", history()};
  std::unique_ptr<Runner> runner = Runner::create(catalog, 1);
  std::unique_ptr<Sql> sql = Sql::create(*runner);

  Result<QueryResult> ask(std::string text, std::vector<Value> parameters = {},
                          Limits limits = {}) {
    SqlRequest request;
    request.text = std::move(text);
    request.parameters = std::move(parameters);
    request.limits = limits;
    return sql->run(request);
  }
  Value value(std::string text, std::vector<Value> parameters = {}) {
    auto result = ask(std::move(text), std::move(parameters));
    std::string message = result ? "" : result.error().message;
    REQUIRE_MESSAGE(result.has_value(), message);
    REQUIRE(result->rows.size() == 1);
    return result->rows[0][0];
  }
  JsonArray plan(const std::string& text) {
    auto parsed = parse_json(*value(text).as_string());
    REQUIRE(parsed.has_value());
    return *parsed->as_array();
  }
};

std::string text_of(const JsonValue& node, const char* name) {
  const JsonValue* member = node.find(name);
  REQUIRE(member != nullptr);
  return member->as_string() ? *member->as_string() : "";
}

TEST_CASE("EXPLAIN PLAN FOR says how each segment is read") {
  Engine engine;
  JsonArray plan = engine.plan(
      "EXPLAIN PLAN FOR SELECT s, SUM(n) FROM sales WHERE s <> 'z' GROUP BY s");
  REQUIRE(plan.size() == 1);
  CHECK(text_of(plan[0], "queryType") == "aggregate");
  CHECK(plan[0].find("rows") == nullptr);  // nothing was run
  const JsonArray& segments = *plan[0].find("segments")->as_array();
  REQUIRE(segments.size() == 3);
  CHECK(text_of(segments[0], "reads") == "cube by_s");
  CHECK(text_of(segments[1], "reads") == "rows");
  CHECK(text_of(segments[2], "state") == "live");
  CHECK(*segments[1].find("rows")->as_int() == 100);

  plan = engine.plan(
      "EXPLAIN PLAN FOR SELECT COUNT(*) FROM sales WHERE s = 'q' AND d > 0");
  const JsonArray& chosen = *plan[0].find("segments")->as_array();
  CHECK(text_of(chosen[0], "reads") == "none");  // no such value
  const JsonArray& tests = *chosen[1].find("tests")->as_array();
  REQUIRE(tests.size() == 2);
  CHECK(*tests[0].as_string() == "index: 1 rows");
  CHECK(*tests[1].as_string() == "test: (\"d\" > cast(0 as double))");

  plan = engine.plan(
      "EXPLAIN PLAN FOR SELECT 1 FROM sales WHERE __time >= '1970-01-02'");
  CHECK(plan[0].find("segments")->as_array()->size() == 2);
  CHECK(*plan[0].find("segmentsOutside")->as_int() == 1);
}

TEST_CASE("EXPLAIN names the columns as the user sees them") {
  Engine engine;
  JsonArray plan = engine.plan(
      "EXPLAIN PLAN FOR SELECT s AS \"The store\", SUM(n) AS total, COUNT(*) "
      "FROM sales GROUP BY s ORDER BY MAX(d)");
  const JsonArray& columns = *plan[0].find("columns")->as_array();
  REQUIRE(columns.size() == 3);  // not what only orders the rows
  CHECK(*columns[0].as_string() == "The store");
  CHECK(*columns[1].as_string() == "total");
  CHECK(*columns[2].as_string() == "EXPR$2");
}

TEST_CASE("EXPLAIN ANALYZE adds rows, bytes and time of each step") {
  Engine engine;
  JsonArray plan = engine.plan(
      "EXPLAIN ANALYZE SELECT s FROM sales WHERE n > (SELECT AVG(n) FROM "
      "sales) GROUP BY s");
  REQUIRE(plan.size() == 2);  // the sub-query first
  CHECK(*plan[0].find("rows")->as_int() == 1);
  CHECK(*plan[0].find("rowsScanned")->as_int() == 125);  // 24 of the cube
  CHECK(*plan[1].find("rows")->as_int() == 3);
  CHECK(*plan[1].find("bytes")->as_int() > 0);
  CHECK(plan[1].find("elapsedMs") != nullptr);
  plan = engine.plan(
      "EXPLAIN ANALYZE SELECT a.s, b.c FROM sales a JOIN (SELECT s, COUNT(*) "
      "AS c FROM sales GROUP BY s) b ON a.s = b.s LIMIT 1");
  bool joined = false;
  for (const JsonValue& step : plan) {
    if (text_of(step, "queryType") != "join") continue;
    joined = true;
    CHECK(text_of(step, "how") == "by key");
    CHECK(*step.find("rows")->as_int() == 4);
  }
  CHECK(joined);
}

TEST_CASE("SET before a statement is context") {
  Engine engine;
  CHECK(engine
            .value("SET sqlTimeZone = 'Europe/Madrid'; SELECT "
                   "FLOOR(TIMESTAMP '2026-01-01 00:30:00' TO DAY)")
            .as_timestamp()
            ->ms == parse_iso8601("2025-12-31T23:00:00Z")->ms);
  auto limited = engine.ask(
      "SET sqlOuterLimit = 2; SET unknown = true; SELECT n FROM sales;");
  REQUIRE(limited.has_value());
  CHECK(limited->rows.size() == 2);
  auto approximate = engine.ask(
      "SET useApproximateCountDistinct = TRUE; SELECT COUNT(DISTINCT s) FROM "
      "sales");
  REQUIRE(approximate.has_value());
  CHECK_FALSE(approximate->provenance.exact);
  CHECK(*approximate->rows[0][0].as_long() == 4);
  auto exact = engine.ask("SELECT COUNT(DISTINCT s) FROM sales");
  CHECK(exact->provenance.exact);
  auto bad = engine.ask("SELECT 1;\nSELECT 2");
  CHECK_FALSE(bad.has_value());
  bad = engine.ask("SET timeout = 5;\n  SET sqlTimeZone = 'Mars'; SELECT 1");
  REQUIRE_FALSE(bad.has_value());
  CHECK(bad.error().line == 2);
  CHECK(bad.error().column == 7);
}

TEST_CASE("SET is in force when the answer is written") {
  Engine engine;
  RunningQueries running;
  auto ask = [&](const std::string& text) {
    std::string body = R"({"query":")" + text + R"(","resultFormat":"array"})";
    return answer_druid_sql(*engine.sql, "application/json", body,
                            {{}, running});
  };
  CHECK(ask("SET sqlTimeZone = 'Europe/Madrid'; SELECT TIMESTAMP '2026-01-01'")
            .body == "[[\"2026-01-01T00:00:00.000+01:00\"]]\n");
  CHECK(ask("SELECT TIMESTAMP '2026-01-01'").body ==
        "[[\"2026-01-01T00:00:00.000Z\"]]\n");
  CHECK(ask("SET sqlTimeZone = 'Mars'; SELECT 1").status == 400);
}

TEST_CASE("SET timeout is of the whole request") {
  SqlRequest request;
  request.text = "SET timeout = 5; SET noProjections = true; SELECT 1";
  apply_settings(request);
  CHECK(request.limits.timeout_ms == 5);
  CHECK_FALSE(request.use_cubes);
}

TEST_CASE("parameters stand where constants may") {
  Engine engine;
  CHECK(*engine
             .value("SELECT COUNT(*) FROM sales WHERE s = ? AND n > ? LIMIT ?",
                    {Value("x"), Value(int64_t{50}), Value(int64_t{1})})
             .as_long() == 25);
  CHECK(*engine
             .value("SELECT n FROM sales WHERE s IN (?, ?) ORDER BY n LIMIT 1",
                    {Value("q"), Value("nix")})
             .as_long() == 0);
  CHECK(
      *engine
           .value("SELECT COUNT(*) FROM (VALUES (?), (?)) AS t(a) WHERE a = ?",
                  {Value(int64_t{1}), Value(int64_t{2}), Value(int64_t{2})})
           .as_long() == 1);
  auto missing = engine.ask("SELECT ?", {});
  REQUIRE_FALSE(missing.has_value());
  CHECK(missing.error().message == "no value for parameter 1");
}

TEST_CASE("a join that needs too much memory or too many rows fails whole") {
  Engine engine;
  Limits limits;
  limits.max_memory_bytes = 200'000;
  auto big = engine.ask(
      "SELECT COUNT(*) FROM sales a JOIN sales b ON a.t = b.t", {}, limits);
  REQUIRE_FALSE(big.has_value());
  CHECK(big.error().code == ErrorCode::kLimit);
  CHECK(big.error().message.find("query_max_memory_bytes") !=
        std::string::npos);
  limits = {};
  limits.max_result_rows = 1000;
  big = engine.ask("SELECT 1 FROM sales a CROSS JOIN sales b", {}, limits);
  REQUIRE_FALSE(big.has_value());
  CHECK(big.error().code == ErrorCode::kLimit);
  CHECK(*engine.value("SELECT COUNT(*) FROM sales a JOIN sales b ON a.t = b.t")
             .as_long() == 201 * 201);
}

TEST_CASE("rows that are kept to the end of a statement count together") {
  Engine engine;  // 201 rows
  Limits limits;
  limits.max_memory_bytes = 500'000;
  const std::string one = "SELECT n AS a, n + 1 AS b, n + 2 AS c FROM sales";
  std::string parts = one, named, sums;
  for (int i = 0; i < 40; ++i) {
    const std::string name = "w" + std::to_string(i);
    parts += " UNION ALL " + one;
    named += (i ? ", " : "WITH ") + name + " AS (" + one + " LIMIT 200)";
    sums += (i ? " UNION ALL " : " ") + ("SELECT SUM(c) AS s FROM " + name);
  }
  CHECK(
      engine.ask("SELECT COUNT(*) FROM (" + one + ")", {}, limits).has_value());
  for (const std::string& many :
       {"SELECT COUNT(*), SUM(c) FROM (" + parts + ")", named + sums}) {
    auto answer = engine.ask(many, {}, limits);
    REQUIRE_FALSE(answer.has_value());
    CHECK(answer.error().message.find("query_max_memory_bytes") !=
          std::string::npos);
  }
}

// A live segment that has one row more whenever a table is looked for.
class Growing final : public DatasetCatalog {
 public:
  std::optional<DatasetSnapshot> snapshot(std::string_view) const override {
    DatasetSnapshot out;
    out.schema = live_->schema();
    out.timeline = timeline_;
    return out;
  }
  std::vector<std::string> names() const override {
    ColumnBatch batch(live_->schema());
    batch.set_long(0, 0);
    batch.set_string(1, batch.keep("x"));
    batch.set_long(3, 1);
    batch.commit_row();
    live_->append(batch);
    return {"sales"};
  }

 private:
  const std::shared_ptr<LiveSegment> live_ =
      live_segment(sales_schema(), {row(0, "x", 1)});
  const std::shared_ptr<const Timeline> timeline_ = [this] {
    Timeline timeline;
    timeline.live = {live_};
    return std::make_shared<const Timeline>(std::move(timeline));
  }();
};

TEST_CASE("a statement sees one snapshot of a dataset it reads twice") {
  Growing catalog;
  auto runner = Runner::create(catalog, 1);
  auto sql = Sql::create(*runner);
  for (const char* text :
       {"SELECT COUNT(*) FROM sales UNION SELECT COUNT(*) FROM sales",
        "SELECT COUNT(*) FROM sales GROUP BY GROUPING SETS ((), ()) "
        "UNION SELECT SUM(n) FROM sales",
        "SELECT COUNT(*) - (SELECT COUNT(*) FROM sales) FROM sales",
        "SELECT DISTINCT c FROM (SELECT COUNT(*) AS c FROM sales GROUP BY "
        "ROLLUP(s)) x",
        "SELECT DISTINCT c FROM (SELECT (SELECT COUNT(*) FROM sales) - (SELECT "
        "SUM(n) FROM sales) AS c UNION SELECT 0) x",
        "WITH t AS (SELECT COUNT(*) AS c FROM sales) SELECT DISTINCT c FROM "
        "(SELECT c FROM t UNION ALL SELECT COUNT(*) FROM sales) x"}) {
    CAPTURE(text);
    SqlRequest request;
    request.text = text;
    auto result = sql->run(request);
    REQUIRE(result.has_value());
    CHECK(result->rows.size() == 1);
  }
}

TEST_CASE("metadata tables answer any SQL") {
  Engine engine;
  CHECK(*engine
             .value("SELECT COUNT(*) FROM INFORMATION_SCHEMA.TABLES t JOIN "
                    "INFORMATION_SCHEMA.COLUMNS c ON t.TABLE_NAME = "
                    "c.TABLE_NAME WHERE t.TABLE_SCHEMA = 'druid'")
             .as_long() == 7);
  CHECK(*engine.value("SELECT SUM(num_rows) FROM sys.segments").as_long() ==
        201);
  CHECK(*engine.value("SELECT metrics FROM sys.segments WHERE is_realtime = 1")
             .as_string() == "n,d,m");
  CHECK(*engine
             .value("SELECT COUNT(*) FROM INFORMATION_SCHEMA.ROUTINES WHERE "
                    "ROUTINE_NAME IN ('TIME_FLOOR', 'STDDEV_POP', 'LAG', "
                    "'LOOKUP', 'REGEXP_LIKE', 'NVL')")
             .as_long() == 6);
  CHECK(*engine
             .value("SELECT TABLE_NAME FROM (SELECT TABLE_NAME, ROW_NUMBER() "
                    "OVER (ORDER BY TABLE_NAME) AS n FROM "
                    "INFORMATION_SCHEMA.TABLES WHERE TABLE_SCHEMA = 'sys') "
                    "WHERE n = 1")
             .as_string() == "segments");
}

TEST_CASE("faults have the place of what is at fault") {
  Engine engine;
  struct Faulty {
    const char* text;
    int line, column;
  };
  for (const Faulty& f : std::vector<Faulty>{
           {"SELECT SUM(n) +\n 9223372036854775807 FROM sales", 1, 15},
           {"SELECT n FROM sales WHERE\n (s, n) IN ((1, 2),\n (1, 2, 3))", 3,
            2},
           {"SELECT 1;\nSELECT 2", 2, 1},
           {"SET timeout = -5;\nSELECT 1", 1, 5},
           {"SET x = 1;\n SET y TO 2; SELECT 1", 2, 2},
           {"", 1, 1},
           {"SET a = 1;\n", 2, 1},
           {"SELECT __time + INTERVAL '1-13' YEAR TO MONTH FROM sales", 1, 17},
           {"SELECT * FROM\nTABLE(APPEND('sales', 'sale'))", 2, 7},
           {"SELECT COUNT(*) FROM sales GROUP BY\n CUBE(n, n+1, n+2, n+3, n+4, "
            "n+5, n+6, n+7, n+8)",
            2, 2},
           {"SELECT REPEAT(s, 999999999) FROM sales", 1, 8},
           {"SELECT n,\n SUM(n) OVER (ORDER BY s RANGE 1 PRECEDING) FROM sales",
            2, 2},
           {"SELECT * FROM (VALUES (1),\n ('a'))", 2, 3}}) {
    CAPTURE(f.text);
    auto result = engine.ask(f.text);
    REQUIRE_FALSE(result.has_value());
    CAPTURE(result.error().message);
    CHECK(result.error().line == f.line);
    CHECK(result.error().column == f.column);
  }
}

}  // namespace
}  // namespace freshet::test
