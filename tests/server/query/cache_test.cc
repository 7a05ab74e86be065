// What is kept of sealed segments: the same answers, taken only where they
// hold, and no more bytes than allowed. Of live ones: live_cache_test.cc.
#include <doctest/doctest.h>

#include "query_data.h"
#include "segments/masked_segment.h"
#include "server/query/partial_cache.h"

namespace freshet::test {
namespace {

using F = Aggregate::Function;
constexpr int64_t kHour = 3'600'000;

std::vector<Row> hours(int count, int64_t begin = 0) {
  std::vector<Row> rows;
  for (int i = 0; i < count; ++i) {
    rows.push_back({Value(Timestamp{begin + i * kHour}),
                    Value("s" + std::to_string(i % 7)), Value("t"),
                    Value(int64_t{i}), Value(0.5), Value(Decimal{i, 2}),
                    Value(i % 2 == 0)});
  }
  return rows;
}

struct Fixture {
  PartialCache cache{1 << 20};
  DatasetSnapshot data;
  std::shared_ptr<Timeline> timeline = std::make_shared<Timeline>();
  OneDataset catalog{"sales", {}};
  std::unique_ptr<Runner> runner = Runner::create(catalog, 2, &cache);

  Fixture() {
    data.schema = sales_schema();
    data.timeline = timeline;
  }
  QueryResult run(const Query& query) {
    auto result = runner->run_on(query, data);
    REQUIRE_MESSAGE(result.has_value(), result.error().message);
    return std::move(*result);
  }
};

Query sum_by_store() {
  Query query;
  query.groups = {{"s", column("s")}};
  query.aggregates.resize(2);
  query.aggregates[0].name = "rows";
  query.aggregates[1].name = "n";
  query.aggregates[1].function = F::kSum;
  query.aggregates[1].argument = column("n");
  query.order_by = {{"s", false, {}}};
  return query;
}

bool from_cache(const QueryResult& result) {
  return result.provenance.served_by.at(0) == "cache";
}

TEST_CASE("a sealed segment is read once, a few live rows every time") {
  Fixture f;
  f.timeline->sealed = {sealed_segment(f.data.schema, hours(5000))};
  f.timeline->live = {live_segment(f.data.schema, hours(10))};
  QueryResult first = f.run(sum_by_store());
  CHECK_FALSE(from_cache(first));
  QueryResult second = f.run(sum_by_store());
  CHECK(second.provenance.served_by ==
        std::vector<std::string>{"cache", "live"});
  CHECK(second.rows == first.rows);
  CHECK(second.provenance.rows_scanned == 10);
  CHECK(second.provenance.rows_matched == 5010);
  CHECK(f.cache.totals().hits == 1);
  CHECK(f.cache.totals().entries == 1);

  f.timeline->live = {live_segment(f.data.schema, hours(24))};
  QueryResult third = f.run(sum_by_store());
  CHECK(from_cache(third));
  CHECK(third.provenance.rows_matched == 5024);
}

TEST_CASE("a small answer of many sealed segments is kept whole") {
  Fixture f;
  auto add = [&](int n) {
    f.timeline = std::make_shared<Timeline>(*f.timeline);
    f.timeline->sealed.push_back(
        sealed_segment(f.data.schema, hours(100, n * 100 * kHour)));
    f.data.timeline = f.timeline;
  };
  // Of seven each is looked up, of eight none.
  for (int n = 0; n < 7; ++n) add(n);
  f.run(sum_by_store());
  CHECK(f.run(sum_by_store()).provenance.rows_matched == 700);
  CHECK(f.cache.totals().hits == 7);
  add(7);
  const QueryResult first = f.run(sum_by_store());
  CHECK(f.cache.totals().hits == 14);
  const QueryResult again = f.run(sum_by_store());
  CHECK(f.cache.totals().hits == 14);
  CHECK(again.rows == first.rows);
  CHECK(again.provenance.served_by == std::vector<std::string>{"cache"});
  CHECK(again.provenance.rows_matched == 800);
  // Another one is another answer, as is any with rows that others follow.
  add(8);
  CHECK(f.run(sum_by_store()).provenance.rows_matched == 900);
  CHECK(f.cache.totals().hits == 22);
  f.timeline->live = {live_segment(f.data.schema, hours(10))};
  f.run(sum_by_store());
  CHECK(f.run(sum_by_store()).provenance.rows_matched == 910);
  CHECK(f.cache.totals().hits == 40);
  // What is to be read anew is.
  f.timeline->live.clear();
  Query anew = sum_by_store();
  anew.use_cache = false;
  CHECK(f.run(anew).provenance.rows_scanned == 900);
}

TEST_CASE("another order, limit or HAVING takes the same; a filter does not") {
  Fixture f;
  f.timeline->sealed = {sealed_segment(f.data.schema, hours(5000))};
  f.run(sum_by_store());
  Query query = sum_by_store();
  query.order_by = {{"n", true, {}}};
  query.limit = 2;
  CHECK(from_cache(f.run(query)));
  CHECK(f.run(query).rows.size() == 2);
  query = sum_by_store();
  query.filter = call("=", {column("b"), literal(Value(true))});
  CHECK_FALSE(from_cache(f.run(query)));
  query.filter = call("=", {column("b"), literal(Value(false))});
  CHECK_FALSE(from_cache(f.run(query)));
  query = sum_by_store();
  query.aggregates[1].function = F::kMax;
  CHECK_FALSE(from_cache(f.run(query)));
}

TEST_CASE("constants that are written alike are of two types") {
  Fixture f;
  f.timeline->sealed = {sealed_segment(f.data.schema, hours(5000))};
  for (const Value& value : {Value(int64_t{7}), Value(Decimal{7, 0})}) {
    Query query = sum_by_store();
    auto first = call("=", {column("s"), literal(Value("s1"))});
    query.groups = {{"s", call("case", {first, literal(value)})}};
    QueryResult result = f.run(query);
    CHECK_FALSE(from_cache(result));
    REQUIRE(result.rows.size() == 2);
    for (const auto& row : result.rows) {
      CHECK((row[0].is_null() || row[0].type() == value.type()));
    }
    CHECK(from_cache(f.run(query)));
  }
}

TEST_CASE("bounds of time are part of the key only where they cut a segment") {
  Fixture f;
  f.timeline->sealed = {
      sealed_segment(f.data.schema, hours(5000)),
      sealed_segment(f.data.schema, hours(5000, 5000 * kHour))};
  Query query = sum_by_store();
  query.interval = {Timestamp{0}, Timestamp{7000 * kHour}};
  f.run(query);
  query.interval = {Timestamp{0}, Timestamp{7001 * kHour}};
  QueryResult moved = f.run(query);
  CHECK(moved.provenance.served_by ==
        std::vector<std::string>{"cache", "segments"});
  CHECK(moved.provenance.rows_matched == 7001);
}

TEST_CASE("rows that were hidden since are not in the answer") {
  Fixture f;
  auto segment = sealed_segment(f.data.schema, hours(5000));
  f.timeline->sealed = {segment};
  f.run(sum_by_store());
  auto hide = [&](std::vector<uint32_t> rows) {
    f.timeline->sealed = {with_hidden(
        segment, std::make_shared<const Bitmap>(Bitmap::of_sorted(rows)))};
    return f.run(sum_by_store());
  };
  QueryResult fewer = hide({0, 7});
  CHECK_FALSE(from_cache(fewer));
  CHECK(fewer.provenance.rows_matched == 4998);
  QueryResult others = hide({1, 2});  // as many, but not the same
  CHECK_FALSE(from_cache(others));
  CHECK(others.rows != fewer.rows);
  CHECK(from_cache(hide({0, 7})));
}

TEST_CASE("the switches of a query") {
  Fixture f;
  f.timeline->sealed = {sealed_segment(f.data.schema, hours(5000))};
  Query query = sum_by_store();
  query.populate_cache = false;
  f.run(query);
  CHECK_FALSE(from_cache(f.run(query)));
  query.populate_cache = true;
  f.run(query);
  query.use_cache = false;
  CHECK_FALSE(from_cache(f.run(query)));
  query.use_cache = true;
  CHECK(from_cache(f.run(query)));
  query.why_not = true;  // a reason is found by preparing the segment
  CHECK_FALSE(from_cache(f.run(query)));
}

TEST_CASE("groups or keys as many as rows, and scans are not kept") {
  Fixture f;
  f.timeline->sealed = {sealed_segment(f.data.schema, hours(5000))};
  Query query = sum_by_store();
  query.groups = {{"n", column("n")}};
  query.order_by.clear();
  query.aggregates.resize(1);
  f.run(query);
  CHECK_FALSE(from_cache(f.run(query)));
  query = sum_by_store();
  query.aggregates[1].function = F::kLastPerKeySum;
  query.aggregates[1].keys = {column("n")};
  f.run(query);
  CHECK(f.cache.totals().entries == 0);
  CHECK(from_cache(f.run(query)));  // but the answer is, as a whole
  Query scan;
  scan.kind = Query::Kind::kScan;
  scan.limit = 3;
  f.run(scan);
  CHECK_FALSE(from_cache(f.run(scan)));
  CHECK(f.cache.totals().entries == 0);
}

TEST_CASE("the least recently used leave when the bytes are over the limit") {
  Fixture f;
  f.timeline->sealed = {sealed_segment(f.data.schema, hours(5000))};
  auto of = [](int64_t bound) {
    Query query = sum_by_store();
    query.filter = call(">", {column("n"), literal(Value(bound))});
    return query;
  };
  f.run(of(0));
  const uint64_t one = f.cache.totals().bytes;
  REQUIRE(one > 0);
  for (int64_t i = 1; f.cache.totals().evicted == 0; ++i) {
    REQUIRE(i < 100'000);
    f.run(of(i));
    CHECK(f.cache.totals().bytes <= f.cache.max_bytes());
    CHECK(from_cache(f.run(of(0))));  // in use, so it stays
  }
  CHECK_FALSE(from_cache(f.run(of(1))));
  CHECK(from_cache(f.run(of(0))));
}

}  // namespace
}  // namespace freshet::test
