#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include "server/sql/sql.h"

#include <doctest/doctest.h>

#include <chrono>
#include <random>

#include "query_data.h"
#include "server/sql/parser.h"
#include "server/sql/planner.h"
#include "server/sql/rewrite.h"
#include "server/sql/running_queries.h"

namespace freshet::test {
namespace {

const DatasetSnapshot& sales() {
  static const DatasetSnapshot kSales = [] {
    auto schema = sales_schema();
    auto timeline = std::make_shared<Timeline>();
    timeline->live.push_back(live_segment(
        schema,
        {{Value(Timestamp{0}), Value("x"), Value("y"), Value(int64_t{1}),
          Value(0.5), Value(Decimal{150, 2}), Value(true)}}));
    DatasetSnapshot out;
    out.schema = schema;
    out.timeline = timeline;
    return out;
  }();
  return kSales;
}

Result<PlannedQuery> plan(std::string_view text) {
  auto parsed = parse_sql(text);
  if (!parsed) return parsed.error();
  TranslationScope scope;
  scope.now = Timestamp{1'000'000'000'000};
  return plan_select(*parsed->select, dataset_relation("sales", sales()),
                     scope);
}

Query query(std::string_view text) {
  auto planned = plan(text);
  std::string message = planned ? "" : planned.error().message;
  REQUIRE_MESSAGE(planned.has_value(), message);
  return planned->query;
}

std::vector<std::string> names(std::string_view text) {
  auto planned = plan(text);
  REQUIRE(planned.has_value());
  return planned->names;
}

TEST_CASE("time bounds become the interval and leave the filter") {
  Query q = query(
      "SELECT COUNT(*) FROM sales WHERE __time >= TIME_PARSE('2026-01-01') "
      "AND \"__time\" < TIMESTAMP '2026-01-02 00:00:00' AND n = 1");
  CHECK(to_iso8601(q.interval.start) == "2026-01-01T00:00:00.000Z");
  CHECK(to_iso8601(q.interval.end) == "2026-01-02T00:00:00.000Z");
  CHECK(to_text(*q.filter) == R"(("n" = 1))");
  q = query("SELECT 1 FROM sales WHERE __time <= MILLIS_TO_TIMESTAMP(5)");
  CHECK(q.interval.end.ms == 6);
  CHECK(q.filter == nullptr);
  q = query("SELECT 1 FROM sales WHERE '1970-01-01T00:00:00.007' < __time");
  CHECK(q.interval.start.ms == 8);
  q = query(
      "SELECT 1 FROM sales WHERE __time >= CURRENT_TIMESTAMP - INTERVAL '1' "
      "DAY");
  CHECK(q.interval.start.ms == 1'000'000'000'000 - 86'400'000);
  q = query("SELECT 1 FROM sales WHERE n = 1 OR __time > '2026-01-01'");
  CHECK(q.interval == Interval{});
  CHECK(q.filter != nullptr);
  auto bad = plan("SELECT 1 FROM sales WHERE __time > 'yesterday'");
  CHECK_FALSE(bad.has_value());
}

TEST_CASE("output names") {
  CHECK(names("SELECT n, N AS Foo, n + 1, COUNT(*) FROM sales GROUP BY n") ==
        std::vector<std::string>{"n", "Foo", "EXPR$2", "EXPR$3"});
  CHECK(names("SELECT n, n, S FROM sales") ==
        std::vector<std::string>{"n", "n0", "s"});
  CHECK(names("SELECT n AS \"SUM(x)\", s AS Value FROM sales") ==
        std::vector<std::string>{"SUM(x)", "Value"});
  std::string longer(100, 'A');
  CHECK(names("SELECT n AS " + longer + " FROM sales")[0] == longer);
  CHECK(names("SELECT n Total FROM sales")[0] == "Total");
}

TEST_CASE("groups are found in items, having and order") {
  Query q = query(
      "SELECT TIME_FLOOR(__time, 'PT1H') AS t, SUM(m) / COUNT(*) AS r "
      "FROM sales GROUP BY 1 HAVING SUM(m) > 1 ORDER BY r DESC, 1");
  REQUIRE(q.groups.size() == 1);
  CHECK(q.aggregates.size() == 2);
  CHECK(to_text(*q.select[0].expression) == R"("g0")");
  CHECK(to_text(*q.select[1].expression) == R"(("a0" / "a1"))");
  CHECK(to_text(*q.having) == R"(("a0" > 1))");
  REQUIRE(q.order_by.size() == 2);
  CHECK(q.order_by[0].name == "c1");
  CHECK(q.order_by[0].descending);
  CHECK(q.order_by[1].name == "c0");
  q = query("SELECT s FROM sales ORDER BY n");
  CHECK(q.select.size() == 2);  // the second is hidden
}

TEST_CASE("Calcite's forms") {
  CHECK(query("SELECT FLOOR(__time TO HOUR) FROM sales")
            .select[0]
            .expression->granularity.to_string() == "PT1H");
  CHECK(query("SELECT CEIL(__time TO month) FROM sales")
            .select[0]
            .expression->name == "time_ceil");
  CHECK(query("SELECT FLOOR(d) FROM sales").select[0].expression->name ==
        "floor");
  CHECK(to_text(*query("SELECT TIMESTAMPADD(DAY, 5, __time) FROM sales")
                     .select[0]
                     .expression) == R"(("__time" + (5 * 86400000)))");
  CHECK(to_text(*query("SELECT __time - INTERVAL '2' WEEK FROM sales")
                     .select[0]
                     .expression) == R"(("__time" + -1209600000))");
  CHECK(to_text(*query("SELECT __time + INTERVAL '1' MONTH FROM sales")
                     .select[0]
                     .expression) == R"(add_months("__time", 1))");
}

TEST_CASE("errors point to the place in the original text") {
  auto at = [](std::string_view text) {
    auto planned = plan(text);
    REQUIRE_FALSE(planned.has_value());
    return planned.error();
  };
  Error e = at("SELECT n,\n  nn FROM sales");
  CHECK(e.line == 2);
  CHECK(e.column == 3);
  e = at("SELECT FLOOR(__time TO HOUR), m_ FROM sales");
  CHECK(e.message == "unknown column (did you mean m?): m_");
  CHECK(e.column == 31);
  e = at("SELECT ñ + FROM sales");
  CHECK(e.line == 1);
  CHECK(e.column == 13);  // in bytes
  CHECK(at("SELECT s, COUNT(*) FROM sales").message ==
        "neither in GROUP BY nor in an aggregate: s");
  CHECK(at("SELECT * FROM a NATURAL JOIN b").code == ErrorCode::kUnsupported);
  CHECK(at("DROP TABLE sales").code == ErrorCode::kUnsupported);
}

TEST_CASE("malformed SQL gives errors") {
  OneDataset catalog("sales", sales());
  auto runner = Runner::create(catalog, 1);
  auto sql = Sql::create(*runner);
  auto ask = [&](const std::string& text) {
    SqlRequest request;
    request.text = text;
    return sql->run(request);
  };
  for (const char* bad : {"",
                          ";",
                          "SELECT",
                          "SELECT FROM",
                          "SELECT 1 FROM",
                          "SELECT (",
                          "'",
                          "\"",
                          "SELECT 'a",
                          "/*",
                          "SELECT 1; SELECT 2",
                          "SELECT ?",
                          "SELECT $9",
                          "SELECT * FROM nope",
                          "SELECT * FROM sales LIMIT -1",
                          "SELECT * FROM sales LIMIT x",
                          "SELECT 1 ORDER BY 2",
                          "SELECT SUM(SUM(n)) FROM sales",
                          "SELECT SUM(*) FROM sales",
                          "SELECT n FROM sales GROUP BY SUM(n)",
                          "SELECT COUNT(n, s) FROM sales",
                          "SELECT n FROM sales WHERE COUNT(*) > 1",
                          "SELECT nofunc(n) FROM sales",
                          "SELECT CAST(n AS nothing) FROM sales",
                          "SELECT n + s FROM sales",
                          "SELECT 7d",
                          "SELECT INTERVAL '1' DAY",
                          "SELECT * ",
                          "INSERT INTO t",
                          "SELECT n FROM sales UNION SELECT s FROM sales",
                          "SELECT \x01",
                          "WITH x AS (",
                          "SELECT 1 UNION ALL SELECT 1, 2",
                          "SELECT a.n FROM sales",
                          "SELECT TIME_FLOOR(__time, 'P1X') FROM sales",
                          "\xff\xfe",
                          "SELECT EXTRACT(nix FROM __time) FROM sales",
                          "SELECT [1]",
                          "SELECT * FROM sales, sales",
                          "SELECT TIMESTAMP 'x'"}) {
    CAPTURE(bad);
    CHECK_FALSE(ask(bad).has_value());
  }
  CHECK(ask("SELECT 1;").has_value());
}

TEST_CASE("text of any depth and size is refused, not crashed on") {
  auto refused = [](const std::string& text) {
    auto parsed = parse_sql(text);
    return !parsed.has_value();
  };
  auto repeated = [](const char* piece, size_t n) {
    std::string out;
    for (size_t i = 0; i < n; ++i) out += piece;
    return out;
  };
  CHECK(refused("SELECT " + std::string(100'000, '(') + "1" +
                std::string(100'000, ')')));
  CHECK(refused("SELECT 1" + repeated(" + 1", 200'000)));
  CHECK(refused("SELECT " + repeated("- ", 200'000) + "1"));
  CHECK(refused("SELECT " + repeated("NOT ", 100'000) + "true"));
  CHECK(refused("SELECT " + repeated("CASE WHEN true THEN ", 20'000) + "1" +
                repeated(" END", 20'000)));
  CHECK(refused("SELECT 1" + repeated(" UNION ALL SELECT 1, 2", 30'000)));
  CHECK(refused("SELECT a" + repeated(" BETWEEN 1 AND NOT a", 30'000)));
  CHECK(refused("SELECT a.and" + repeated(" + a.and", 30'000)));
  CHECK(refused("SELECT 1" + repeated("::int", 100'000)));
  CHECK(refused("SELECT " + repeated("f(", 50'000)));
  CHECK(refused(std::string(Limits{}.max_statement_bytes + 1, ' ')));
  std::string list = "SELECT 1 WHERE 1 IN (0" + repeated(", 1", 100'000) + ")";
  CHECK(parse_sql(list).has_value());
  CHECK(parse_sql("SELECT 1 WHERE a = 1" + repeated(" OR a = 2", 5'000))
            .has_value());
}

TEST_CASE("random tokens never crash the parser or the planner") {
  static const char* kPieces[] = {"SELECT",
                                  "FROM",
                                  "sales",
                                  "n",
                                  "s",
                                  ",",
                                  "(",
                                  ")",
                                  "COUNT",
                                  "*",
                                  "SUM",
                                  "+",
                                  "-",
                                  "WHERE",
                                  "GROUP",
                                  "BY",
                                  "ORDER",
                                  "1",
                                  "'x'",
                                  "AND",
                                  "OR",
                                  "NOT",
                                  "IN",
                                  "LIKE",
                                  "CASE",
                                  "WHEN",
                                  "THEN",
                                  "END",
                                  "AS",
                                  "\"q\"",
                                  "IS",
                                  "NULL",
                                  "LIMIT",
                                  "?",
                                  "FLOOR",
                                  "TO",
                                  "HOUR",
                                  "EXTRACT",
                                  "CAST",
                                  "INTERVAL",
                                  "DAY",
                                  "=",
                                  "<",
                                  "__time",
                                  "UNION",
                                  "ALL",
                                  "HAVING",
                                  "::",
                                  ".",
                                  "[",
                                  "]",
                                  "BETWEEN",
                                  "TIMESTAMPADD",
                                  "1.5",
                                  "WITH"};
  for (unsigned seed = 1; seed <= 4000; ++seed) {
    std::mt19937 random(seed);
    std::string text = random() % 4 ? "SELECT " : "";
    size_t length = random() % 25;
    for (size_t i = 0; i < length; ++i) {
      text += kPieces[random() % std::size(kPieces)];
      if (random() % 8) text += ' ';
    }
    CAPTURE(seed);
    (void)plan(text);
    (void)parse_formula(text);
  }
}

// Two datasets with the same row and different histories.
class TwoDatasets final : public DatasetCatalog {
 public:
  std::optional<DatasetSnapshot> snapshot(
      std::string_view name) const override {
    DatasetSnapshot out = sales();
    out.as_of = Timestamp{name == "a" ? 2000 : 1000};
    out.lag_ms = name == "a" ? 5 : 7;
    out.complete = name == "a";
    out.late_or_rejected = name == "a" ? 3 : 4;
    return out;
  }
  std::vector<std::string> names() const override { return {"a", "b"}; }
};

TEST_CASE("the provenance is of everything that was read") {
  TwoDatasets catalog;
  auto runner = Runner::create(catalog, 1);
  auto sql = Sql::create(*runner);
  auto provenance = [&](const char* text) {
    SqlRequest request;
    request.text = text;
    auto result = sql->run(request);
    REQUIRE(result.has_value());
    return result->provenance;
  };
  for (const char* both :
       {"SELECT n FROM a UNION ALL SELECT n FROM b",
        "SELECT n FROM b UNION ALL SELECT n FROM a ORDER BY 1 LIMIT 1",
        "SELECT SUM(n) FROM a WHERE s IN (SELECT s FROM b)",
        "SELECT COUNT(*) FROM (SELECT n FROM a UNION ALL SELECT n FROM b)"}) {
    CAPTURE(both);
    Provenance p = provenance(both);
    CHECK(p.as_of.ms == 1000);
    CHECK(p.lag_ms == 7);
    CHECK_FALSE(p.complete);
    CHECK(p.late_or_rejected == 7);
    CHECK(p.segments == 2);
    CHECK(p.rows_scanned == 2);
    CHECK(p.served_by == std::vector<std::string>{"live"});
  }
  Provenance twice = provenance("SELECT n FROM a UNION ALL SELECT n FROM a");
  CHECK(twice.as_of.ms == 2000);
  CHECK(twice.complete);
  CHECK(twice.late_or_rejected == 3);  // of one dataset, once
  CHECK(provenance("SELECT 1").served_by.empty());
}

TEST_CASE("many tests of a column are one set, and its constants") {
  Query q = query("SELECT 1 FROM sales WHERE s = 'a' OR n = 1 OR s = 'b'");
  CHECK(to_text(*q.filter) == "((\"n\" = 1) or (\"s\" in ('a', 'b')))");
  q = query("SELECT 1 FROM sales WHERE n <> 1 AND n <> 2");
  CHECK(to_text(*q.filter) == "(not (\"n\" in (1, 2)))");
  // Equal where it is written twice.
  CHECK(plan("SELECT n = 1 OR n = 2 FROM sales GROUP BY n = 1 OR n = 2")
            .has_value());
  // Aggregates are placeholders then, whose names may be those of columns.
  q = query("SELECT 1 FROM sales GROUP BY s HAVING SUM(n) = 1 OR SUM(n) = 2");
  CHECK(to_text(*q.having) == "((\"a0\" = 1) or (\"a0\" = 2))");
  std::string many = "SELECT 1 FROM sales WHERE s = 'x'";
  for (int i = 0; i < 30'000; ++i) many += " OR s = 'y'";
  CHECK(plan(many).has_value());
  many = "SELECT 1 FROM sales WHERE s = 'x'";
  for (int i = 0; i < 30'000; ++i) many += " OR s < 'y'";
  auto refused = plan(many);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == ErrorCode::kLimit);
  CHECK(refused.error().message.find("query_max_statement_nodes") !=
        std::string::npos);
}

TEST_CASE("the outer limit is a limit of the query itself") {
  OneDataset catalog("sales", sales());
  auto runner = Runner::create(catalog, 1);
  auto sql = Sql::create(*runner);
  auto rows = [&](const char* text, uint64_t most) -> int {
    SqlRequest request;
    request.text = text;
    request.outer_limit = most;
    request.parameters = {Value(int64_t{2})};
    // More rows than this would fail the query if they were made.
    request.limits.max_result_rows = 2;
    auto result = sql->run(request);
    return result ? static_cast<int>(result->rows.size()) : -1;
  };
  const char* four =
      "SELECT n FROM sales UNION ALL SELECT n FROM sales ORDER BY 1";
  CHECK(rows(four, 1) == 1);
  CHECK(rows("SELECT n FROM sales", 0) == 0);
  CHECK(rows("SELECT n FROM sales LIMIT 1", 5) == 1);
  CHECK(rows("SELECT n FROM sales LIMIT 5", 1) == 1);
  CHECK(rows("SELECT n FROM sales LIMIT ALL", 1) == 1);
  CHECK(rows("SELECT n FROM sales LIMIT ?", 1) == 1);
  CHECK(rows("SELECT n FROM sales LIMIT -1", 1) == -1);
}

TEST_CASE("running queries are cancelled by id") {
  RunningQueries running;
  {
    RunningQueries::Handle one(running, "q"), two(running, "q");
    RunningQueries::Handle other(running, "r");
    CHECK_FALSE(running.cancel("other"));
    CHECK(running.cancel("q"));
    CHECK(one.flag()->load());
    CHECK(two.flag()->load());
    CHECK_FALSE(other.flag()->load());
    CHECK(running.size() == 3);
  }
  CHECK(running.size() == 0);
  CHECK_FALSE(running.cancel("q"));
}

TEST_CASE("what waited for its turn until its time was over is told so") {
  RunningQueries running;
  Limits limits;
  limits.timeout_ms = 1000;
  const Error late{ErrorCode::kDeadline, "too long"};
  auto told = [&](std::chrono::milliseconds waited, const Error& error) {
    limits.begun = std::chrono::steady_clock::now() - waited;
    return RunningQueries::Handle(running, "q").told(error, limits).message;
  };
  using std::chrono::milliseconds;
  CHECK(told(milliseconds(900), late).find("waited 900 ms for its turn") !=
        std::string::npos);
  CHECK(told(milliseconds(100), late) == "too long");
  CHECK(told(milliseconds(900), {ErrorCode::kLimit, "too much"}) == "too much");
  limits.begun = {};
  CHECK(RunningQueries::Handle(running, "q").told(late, limits).message ==
        "too long");
}

TEST_CASE("a query is cancelled when its client has left, within 100 ms") {
  RunningQueries running;
  std::atomic<bool> left{false};
  auto gone = [&] { return left.load(); };
  absl::Duration least = absl::InfiniteDuration();  // on a busy machine, too
  // The thread must wake up again after it had nothing to look after.
  for (int round = 0; round < 3; ++round) {
    left = false;
    RunningQueries::Handle stays(running, "a", [] { return false; });
    RunningQueries::Handle leaves(running, "b", gone);
    absl::SleepFor(absl::Milliseconds(60));
    CHECK_FALSE(leaves.flag()->load());
    left = true;
    absl::Time begin = absl::Now();
    while (!leaves.flag()->load() && absl::Now() - begin < absl::Seconds(5)) {
      absl::SleepFor(absl::Milliseconds(1));
    }
    CHECK(leaves.flag()->load());
    least = std::min(least, absl::Now() - begin);
    CHECK_FALSE(stays.flag()->load());
  }
  CHECK(least < absl::Milliseconds(100));
}

TEST_CASE("cancel_all stops those that run and those that come") {
  RunningQueries running;
  RunningQueries::Handle before(running, "a");
  running.cancel_all();
  RunningQueries::Handle after(running, "b");
  CHECK(before.flag()->load());
  CHECK(after.flag()->load());
}

}  // namespace
}  // namespace freshet::test
