// The order in which a segment's conditions are asked.
#include "server/query/segment_filter.h"

#include <doctest/doctest.h>

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

}  // namespace
}  // namespace freshet::test
