// What a runner does besides being right: limits, cancel, missing segments,
// missing columns, order, provenance.
#include "server/query/runner.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <limits>

#include "query_data.h"

namespace freshet::test {
namespace {

using F = Aggregate::Function;

Row row(int64_t ms, const char* s, int64_t n, int64_t cents = 0) {
  return {Value(Timestamp{ms}), s ? Value(s) : Value(),   Value("t"), Value(n),
          Value(1.5),           Value(Decimal{cents, 2}), Value(true)};
}

struct Fixture {
  DatasetSnapshot data;
  std::shared_ptr<Timeline> timeline = std::make_shared<Timeline>();
  Fixture() {
    data.schema = sales_schema();
    data.timeline = timeline;
  }
  Result<QueryResult> run(const Query& query, CancelFlag cancel = nullptr) {
    OneDataset catalog("sales", data);
    return Runner::create(catalog, 2)->run_on(query, data, std::move(cancel));
  }
};

std::string texts(const QueryResult& result) {
  std::string out;
  for (const auto& r : result.rows) {
    for (const auto& v : r) out += v.to_text() + ",";
    out += ";";
  }
  return out;
}

std::vector<Row> many(int count) {
  std::vector<Row> rows;
  for (int i = 0; i < count; ++i) {
    rows.push_back(row(i, ("s" + std::to_string(i % 5000)).c_str(), i, i));
  }
  return rows;
}

TEST_CASE("empty input: one row without groups, none with") {
  Fixture f;
  Query query;
  query.aggregates = {aggregate(F::kCount, nullptr, "c"),
                      aggregate(F::kSum, column("n"), "x")};
  CHECK(texts(*f.run(query)) == "0,null,;");
  query.groups = {{"s", column("s")}};
  CHECK(texts(*f.run(query)) == "");
}

TEST_CASE("sums: longs beyond 64 bits fail, decimals stay exact") {
  Fixture f;
  int64_t most = std::numeric_limits<int64_t>::max();
  std::vector<Row> rows{row(1, "a", most, 1'000'000'000'000'000'000),
                        row(2, "a", most, 1'000'000'000'000'000'000),
                        row(3, "a", -most, 8'000'000'000'000'000'007)};
  f.timeline->sealed = {sealed_segment(f.data.schema, rows)};
  Query query;
  query.aggregates = {aggregate(F::kSum, column("n"), "n"),
                      aggregate(F::kSum, column("m"), "m"),
                      aggregate(F::kAvg, column("m"), "a")};
  CHECK(texts(*f.run(query)) ==
        "9223372036854775807,100000000000000000.07,"
        "3.3333333333333332e+16,;");
  f.timeline->live = {live_segment(f.data.schema, {row(4, "a", 1)})};
  auto failed = f.run(query);
  REQUIRE(!failed.has_value());
  CHECK(failed.error().code == ErrorCode::kInvalid);
}

TEST_CASE("having, select, order, limit and offset over groups") {
  Fixture f;
  f.timeline->sealed = {sealed_segment(
      f.data.schema, {row(1, "a", 1), row(2, "b", 5), row(3, nullptr, 2)})};
  f.timeline->live = {
      live_segment(f.data.schema, {row(4, "a", 3), row(5, "c", 9)})};
  Query query;
  query.groups = {{"s", column("s")}};
  query.aggregates = {aggregate(F::kSum, column("n"), "x"),
                      aggregate(F::kCount, nullptr, "c")};
  query.select = {{"s", column("s")},
                  {"mean", call("/", {column("x"), column("c")})}};
  query.order_by = {{"x", true, {}}, {"s", false, {}}};
  auto all = f.run(query);
  REQUIRE(all.has_value());
  CHECK(texts(*all) == "c,9,;b,5,;a,2,;null,2,;");
  CHECK(all->provenance.served_by ==
        std::vector<std::string>{"segments", "live"});
  CHECK(all->provenance.rows_scanned == 5);
  query.having = call(">", {column("x"), literal(Value(int64_t{2}))});
  query.limit = 1;
  query.offset = 1;
  CHECK(texts(*f.run(query)) == "b,5,;");
  query.order_by = {{"s", false, {}}};
  query.having = nullptr;
  query.offset = 0;
  CHECK(texts(*f.run(query)) == "null,2,;");
}

TEST_CASE("the last value per key, summed, over segments") {
  Fixture f;
  f.timeline->sealed = {sealed_segment(
      f.data.schema, {row(10, "a", 5), row(20, "b", 7), row(30, nullptr, 1)})};
  f.timeline->live = {live_segment(
      f.data.schema, {row(15, "a", 6), row(20, "b", 8), row(5, nullptr, 9)})};
  Aggregate stock = aggregate(F::kLastPerKeySum, column("n"), "stock");
  stock.keys = {column("s")};
  Query query;
  query.aggregates = {stock};
  CHECK(texts(*f.run(query)) == "15,;");
  query.interval.end = Timestamp{15};
  CHECK(texts(*f.run(query)) == "14,;");
}

TEST_CASE("scans: time order with a limit, distinct, filters") {
  Fixture f;
  f.timeline->sealed = {sealed_segment(f.data.schema, many(9000))};
  f.timeline->live = {live_segment(f.data.schema, {row(100000, "z", -1)})};
  Query query;
  query.kind = Query::Kind::kScan;
  query.select = {{"n", column("n")}, {"s", column("s")}};
  query.order_by = {{"__time", true, {}}};
  query.limit = 3;
  CHECK(texts(*f.run(query)) == "-1,z,;8999,s3999,;8998,s3998,;");
  query.order_by = {{"__time", false, {}}};
  CHECK(texts(*f.run(query)) == "0,s0,;1,s1,;2,s2,;");
  query.filter = call("=", {column("s"), literal(Value("s7"))});
  CHECK(texts(*f.run(query)) == "7,s7,;5007,s7,;");
  query.order_by.clear();
  query.filter = nullptr;
  CHECK(f.run(query)->rows.size() == 3);
  query.limit = std::nullopt;
  CHECK(f.run(query)->rows.size() == 9001);
  query.select = {{"s", column("s")}};
  query.distinct = true;
  CHECK(f.run(query)->rows.size() == 5001);
  query.limit = 0;
  CHECK(f.run(query)->rows.empty());
}

TEST_CASE("a broken limit fails the query and names the limit") {
  Fixture f;
  f.timeline->sealed = {sealed_segment(f.data.schema, many(20000))};
  Query query;
  query.groups = {{"s", column("s")}};
  query.aggregates = {aggregate(F::kCount, nullptr, "c")};
  auto expect = [&](const char* name, ErrorCode code) {
    auto failed = f.run(query);
    REQUIRE(!failed.has_value());
    CHECK(failed.error().code == code);
    CHECK(failed.error().message.find(name) != std::string::npos);
  };
  query.limits.max_groups = 100;
  expect("max_groups", ErrorCode::kLimit);
  query.limits = Limits{};
  query.limits.max_memory_bytes = 10000;
  expect("max_memory_bytes", ErrorCode::kLimit);
  query.limits = Limits{};
  query.limits.max_result_rows = 100;
  expect("max_result_rows", ErrorCode::kLimit);
  query.limits = Limits{};
  auto cancel = std::make_shared<std::atomic<bool>>(true);
  auto stopped = f.run(query, cancel);
  REQUIRE(!stopped.has_value());
  CHECK(stopped.error().code == ErrorCode::kCancelled);
  cancel->store(false);
  CHECK(f.run(query, cancel).has_value());
}

TEST_CASE("the newest rows are found without reading the others") {
  Fixture f;
  const int count = 20 * kBlockRows;
  f.timeline->sealed = {sealed_segment(f.data.schema, many(count)),
                        sealed_segment(f.data.schema, many(count))};
  for (bool descending : {true, false}) {
    Query query;
    query.kind = Query::Kind::kScan;
    query.select = {{"t", column(std::string(kTimeColumn))},
                    {"n", column("n")},
                    {"s", column("s")}};
    query.order_by = {{"t", descending, {}}};
    query.limit = 4;
    auto result = f.run(query);
    REQUIRE(result.has_value());
    REQUIRE(result->rows.size() == 4);
    const int64_t first = descending ? count - 1 : 0;
    for (const auto& r : result->rows) {
      const int64_t n = *r[1].as_long();
      CHECK(r[0].as_timestamp()->ms == n);
      CHECK(*r[2].as_string() == "s" + std::to_string(n % 5000));
      CHECK(std::abs(n - first) <= 1);  // each is there twice
    }
    CHECK(result->provenance.rows_scanned <= 8 * kBlockRows);
  }
}

TEST_CASE("a limit over any order finds the same rows as the whole order") {
  Fixture f;
  f.timeline->sealed = {sealed_segment(f.data.schema, many(30'000))};
  f.timeline->live = {live_segment(f.data.schema, many(7'000))};
  Query query;
  query.kind = Query::Kind::kScan;
  query.select = {{"s", column("s")}, {"n", column("n")}};
  query.order_by = {{"s", true, {}}, {"n", false, {}}};
  auto whole = f.run(query);
  REQUIRE(whole.has_value());
  REQUIRE(whole->rows.size() == 37'000);
  for (uint64_t limit : {1, 100, 20'000, 36'999}) {
    query.limit = limit;
    auto part = f.run(query);
    REQUIRE(part.has_value());
    REQUIRE(part->rows.size() == limit);
    for (size_t i = 0; i < limit; ++i) {
      REQUIRE(part->rows[i][0].to_text() == whole->rows[i][0].to_text());
      REQUIRE(part->rows[i][1].to_text() == whole->rows[i][1].to_text());
    }
  }
}

TEST_CASE("a missing segment fails only the queries that meet it") {
  Fixture f;
  f.timeline->sealed = {sealed_segment(f.data.schema, many(10))};
  f.timeline->missing = {{"gone",
                          {Timestamp{1000}, Timestamp{2000}},
                          Error{ErrorCode::kCorrupt, "gone.seg: block 3"}}};
  Query query;
  query.aggregates = {aggregate(F::kCount, nullptr, "c")};
  auto failed = f.run(query);
  REQUIRE(!failed.has_value());
  CHECK(failed.error().code == ErrorCode::kCorrupt);
  query.filter = call("<", {column("__time"), literal(Value(Timestamp{1000}))});
  CHECK(texts(*f.run(query)) == "10,;");
}

TEST_CASE("a column that a segment lacks reads null") {
  Fixture f;
  auto old = std::make_shared<Schema>();
  old->columns = {{"__time", {ColumnKind::kTimestamp}},
                  {"n", {ColumnKind::kLong}}};
  f.timeline->sealed = {
      sealed_segment(old, {{Value(Timestamp{1}), Value(int64_t{4})}})};
  f.timeline->live = {live_segment(f.data.schema, {row(2, "a", 3)})};
  Query query;
  query.groups = {{"s", column("s")}};
  query.aggregates = {aggregate(F::kSum, column("n"), "x"),
                      aggregate(F::kCountDistinct, column("s"), "d"),
                      aggregate(F::kMax, column("m"), "m")};
  query.order_by = {{"s", false, {}}};
  CHECK(texts(*f.run(query)) == "null,4,0,null,;a,3,1,0.00,;");
  query.filter = call("is_null", {column("s")});
  CHECK(texts(*f.run(query)) == "null,4,0,null,;");
}

TEST_CASE("unknown datasets and columns are named") {
  Fixture f;
  OneDataset catalog("sales", f.data);
  auto runner = Runner::create(catalog, 1);
  Query query;
  query.dataset = "sale";
  auto failed = runner->run(query);
  REQUIRE(!failed.has_value());
  CHECK(failed.error().code == ErrorCode::kNotFound);
  CHECK(failed.error().message.find("'sales'") != std::string::npos);
  query.filter = column("nope");
  CHECK(f.run(query).error().code == ErrorCode::kInvalid);
  query.filter = column("n");
  CHECK(f.run(query).error().message.find("condition") != std::string::npos);
}

}  // namespace
}  // namespace freshet::test
