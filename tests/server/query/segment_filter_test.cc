// The order in which a segment's conditions are asked.
#include "server/query/segment_filter.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "query_data.h"
#include "server/query/query_control.h"
#include "server/query/resolve_names.h"

namespace freshet::test {
namespace {

ExpressionPtr resolved(const ExpressionPtr& expression) {
  auto result = resolve(expression, *sales_schema());
  REQUIRE_MESSAGE(result.has_value(), result.error().message);
  return *result;
}

TEST_CASE("a condition that fails on rows of another is asked last from then") {
  std::vector<Row> rows;
  for (int64_t i = 0; i < 2 * int64_t{kBlockRows}; ++i) {
    // Beyond int64 in the product for every second row.
    int64_t n = i % 2 == 0 ? i % 7 : int64_t{1} << 40;
    rows.push_back({Value(Timestamp{i}), Value("s"), Value("t"), Value(n),
                    Value(0.5), Value(Decimal{1, 2}), Value(true)});
  }
  auto segment = sealed_segment(sales_schema(), rows);
  auto big = literal(Value(int64_t{1} << 40));
  auto fails = resolved(
      call(">=", {call("*", {column("n"), big}), literal(Value(int64_t{0}))}));
  auto excludes = resolved(call("<", {call("+", {column("n"), column("n")}),
                                      literal(Value(int64_t{9}))}));
  Filter filter;
  filter.rest = {fails, excludes};
  filter.interval = {kMinTimestamp, kMaxTimestamp};
  QueryControl control({}, nullptr);
  RowExpressions expressions;
  expressions.columns = {"n"};
  expressions.evaluated = filter.rest;
  auto context = SegmentContext::create(segment, expressions, control);
  REQUIRE(context.has_value());
  auto made = SegmentFilter::create(filter, **context);
  REQUIRE(made.has_value());
  using Texts = std::vector<std::string>;
  std::string first = "test: " + to_text(*fails);
  std::string second = "test: " + to_text(*excludes);
  CHECK(made->describe() == Texts{first, second});
  BlockRows block(**context);
  std::vector<uint16_t> positions;
  uint64_t looked_at = 0;
  for (uint32_t number : {0u, 1u}) {
    auto some = made->select(number, block, positions, looked_at);
    REQUIRE_MESSAGE(some.has_value(), some.error().message);
    CHECK(*some);
    CHECK(made->describe() == Texts{second, first});
    uint32_t right = 0;  // 0 to 4 of even rows
    for (uint32_t i = 0; i < kBlockRows; ++i) {
      uint32_t row = number * kBlockRows + i;
      right += row % 2 == 0 && row % 7 <= 4;
    }
    CHECK(block.size() == right);
  }
  // Where nothing excludes the rows, the error is that of the first.
  filter.rest = {fails, resolved(call("<", {call("*", {big, column("n")}),
                                            literal(Value(int64_t{9}))}))};
  auto failing = SegmentFilter::create(filter, **context);
  REQUIRE(failing.has_value());
  auto once = failing->select(0, block, positions, looked_at);
  auto again = failing->select(1, block, positions, looked_at);
  REQUIRE(!once.has_value());
  REQUIRE(!again.has_value());
  CHECK(once.error().message == again.error().message);
}

// Values, each in three rows.
std::shared_ptr<const Segment> segment_of_values(int count) {
  std::vector<Row> rows;
  for (int i = 0; i < 3 * count; ++i) {
    rows.push_back({Value(Timestamp{i}), Value("s" + std::to_string(i / 3)),
                    Value("t"), Value(int64_t{i}), Value(0.5),
                    Value(Decimal{1, 2}), Value(true)});
  }
  return sealed_segment(sales_schema(), rows);
}

TEST_CASE("what is computed for a dictionary stops and is charged") {
  auto segment = segment_of_values(20'000);
  auto cancel = std::make_shared<std::atomic<bool>>(false);
  QueryControl control({}, cancel);
  RowExpressions expressions;
  expressions.columns = {"s"};
  auto context = SegmentContext::create(segment, expressions, control);
  REQUIRE(context.has_value());
  auto upper = resolved(call("upper", {column("s")}));
  const Column* s = (*context)->column("s").column;
  int calls = 0;
  uint32_t seen = 0;
  auto use = [&](uint32_t first, const Vector& values) -> Status {
    CHECK(first == seen);
    seen += static_cast<uint32_t>(values.size);
    ++calls;
    return {};
  };
  CHECK((*context)->evaluate_dictionary(*upper, *s, use).has_value());
  CHECK(seen == 20'001);  // null, too
  CHECK(calls > 1);
  cancel->store(true);
  seen = 0;
  calls = 0;
  auto stopped = (*context)->evaluate_dictionary(*upper, *s, use);
  REQUIRE_FALSE(stopped.has_value());
  CHECK(stopped.error().code == ErrorCode::kCancelled);
  CHECK(calls <= 1);
  // What is kept for the whole dictionary counts as the query's memory.
  Limits limits;
  limits.max_memory_bytes = 10 << 20;
  QueryControl small(limits, nullptr);
  auto longer =
      resolved(call("repeat", {column("s"), literal(Value(int64_t{1000}))}));
  expressions.evaluated = {longer};
  auto refused = SegmentContext::create(segment, expressions, small);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == ErrorCode::kLimit);
}

TEST_CASE("a long list of values is found by look-ups and by a walk alike") {
  auto segment = segment_of_values(5'000);
  for (int count : {3, 4'000}) {
    std::vector<ExpressionPtr> arguments{column("s")};
    for (int i = 0; i < count; ++i) {
      arguments.push_back(literal(Value("s" + std::to_string(i * 2))));
    }
    Filter filter;
    filter.rest = {resolved(call("in", std::move(arguments)))};
    filter.interval = {kMinTimestamp, kMaxTimestamp};
    QueryControl control({}, nullptr);
    RowExpressions expressions;
    expressions.columns = {"s"};
    auto context = SegmentContext::create(segment, expressions, control);
    REQUIRE(context.has_value());
    auto made = SegmentFilter::create(filter, **context);
    REQUIRE(made.has_value());
    BlockRows rows(**context);
    std::vector<uint16_t> positions;
    uint64_t looked_at = 0;
    size_t found = 0;
    for (uint32_t block = 0; block < segment->num_blocks(); ++block) {
      auto some = made->select(block, rows, positions, looked_at);
      REQUIRE(some.has_value());
      if (*some) found += rows.size();
    }
    CHECK(found == 3 * static_cast<size_t>(std::min(count, 2'500)));
  }
}

// t follows from s: s is "c0" to "c699" and null, t one of 40 and null.
std::vector<Row> rows_of_places() {
  std::vector<Row> rows;
  for (int i = 0; i < 9 * static_cast<int>(kBlockRows) + 100; ++i) {
    const int city = i * 7919 % 701;
    const int nation = city % 41;
    rows.push_back(
        {Value(Timestamp{i}),
         city == 700 ? Value() : Value("c" + std::to_string(city)),
         nation == 40 ? Value() : Value("n" + std::to_string(nation)),
         Value(int64_t{i}), Value(0.5), Value(Decimal{1, 2}), Value(true)});
  }
  return rows;
}

// The values of n in the rows that pass.
std::vector<int64_t> passing(const std::shared_ptr<const Segment>& segment,
                             std::vector<ExpressionPtr> conditions) {
  QueryControl control({}, nullptr);
  Filter filter;
  filter.rest = std::move(conditions);
  filter.interval = {kMinTimestamp, kMaxTimestamp};
  RowExpressions expressions;
  expressions.columns = {"s", "t", "n"};
  expressions.evaluated = filter.rest;
  auto context = SegmentContext::create(segment, expressions, control);
  REQUIRE(context.has_value());
  auto made = SegmentFilter::create(filter, **context);
  REQUIRE(made.has_value());
  BlockRows block(**context);
  std::vector<uint16_t> positions;
  std::vector<int64_t> out;
  uint64_t looked_at = 0;
  for (uint32_t number = 0; number < segment->num_blocks(); ++number) {
    if (made->never()) break;
    auto some = made->select(number, block, positions, looked_at);
    REQUIRE(some.has_value());
    if (!*some) continue;
    std::vector<int64_t> values;
    block.read_longs(*(*context)->column("n").column, values);
    out.insert(out.end(), values.begin(), values.end());
  }
  return out;
}

TEST_CASE("conditions on a column that follows from another") {
  const std::vector<Row> rows = rows_of_places();
  auto schema = std::make_shared<Schema>(*sales_schema());
  schema->columns[2].high_cardinality = false;  // such have ids of their own
  auto sealed = sealed_segment(schema, rows);
  auto live = live_segment(schema, rows)->snapshot();
  auto derived = (*sealed->column("t"))->derived();
  REQUIRE(derived.has_value());
  auto text = [](const std::string& value) { return literal(Value(value)); };
  auto t = column("t"), s = column("s");
  const std::vector<ExpressionPtr> conditions = {
      resolved(call("<", {t, text("n2")})),      // a range of t, not of s
      resolved(call("like", {t, text("n%3")})),  // gaps
      resolved(call("<>", {t, text("n17")})),    // nearly all
      resolved(call("is_null", {t})),            //
      resolved(call("not", {call("is_null", {t})})),
      resolved(call("=", {t, text("n5")})),
      resolved(call("like", {s, text("c1%")})),
      resolved(call("<", {column("n"), literal(Value(int64_t{9000}))})),
  };
  size_t some = 0;
  for (const ExpressionPtr& a : conditions) {
    for (const ExpressionPtr& b : conditions) {
      CAPTURE(to_text(*a));
      CAPTURE(to_text(*b));
      const std::vector<int64_t> expected = passing(live, {a, b});
      some += !expected.empty();
      CHECK(passing(sealed, {a, b}) == expected);
    }
  }
  CHECK(some > 40);
}

}  // namespace
}  // namespace freshet::test
