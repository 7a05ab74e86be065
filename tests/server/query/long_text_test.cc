// Functions that make long texts, or read them, over one block: they can be
// stopped and are charged to their query.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "query_data.h"
#include "server/query/block_rows.h"
#include "server/query/partial.h"

namespace freshet::test {
namespace {

constexpr uint32_t kRows = kBlockRows;

Value number(int64_t n) { return Value(n); }

// n and s are other in each row; t is null in every seventh.
const std::shared_ptr<const Segment>& made_segment() {
  static const std::shared_ptr<const Segment> kMade = [] {
    std::vector<Row> rows;
    for (int64_t i = 0; i < int64_t{kRows}; ++i) {
      Value t = i % 7 == 0 ? Value() : Value(fmt::format("ü{}", i));
      rows.push_back({Value(Timestamp{i}), Value(fmt::format("txn-{:08}", i)),
                      std::move(t), number(i), Value(0.5), Value(Decimal{1, 2}),
                      Value(true)});
    }
    return sealed_segment(sales_schema(), rows);
  }();
  return kMade;
}

ExpressionPtr resolved(const ExpressionPtr& expression) {
  auto result = resolve(expression, *sales_schema());
  REQUIRE_MESSAGE(result.has_value(), result.error().message);
  return *result;
}

ExpressionPtr text(const char* value) { return literal(Value(value)); }

ExpressionPtr repeated(const char* name, int64_t times) {
  return call("repeat", {column(name), literal(number(times))});
}

std::unique_ptr<SegmentContext> context_of(const ExpressionPtr& expression,
                                           QueryControl& control) {
  RowExpressions expressions;
  collect_columns(*expression, expressions.columns);
  auto made = SegmentContext::create(made_segment(), expressions, control);
  REQUIRE_MESSAGE(made.has_value(), made.error().message);
  return std::move(*made);
}

// An expression's values for all rows; the looks at `control` it took.
Result<VectorPtr> values_of(const ExpressionPtr& written, QueryControl& control,
                            uint64_t* looks = nullptr) {
  const ExpressionPtr expression = resolved(written);
  auto context = context_of(expression, control);
  BlockRows rows(*context);
  rows.reset(0, {}, true);
  const uint64_t before = control.looks();
  auto values = rows.evaluate(*expression);
  if (looks) *looks = control.looks() - before;
  return values;
}

TEST_CASE("a function of long texts looks at its query's control") {
  const ExpressionPtr text_of_row = repeated("s", 400);  // 4800 bytes
  const uint64_t bytes = uint64_t{kRows} * 4800;
  const std::vector<ExpressionPtr> wanted = {
      text_of_row,
      call("length", {text_of_row}),
      call("like", {text_of_row, text("%x%")}),
      call("=", {text_of_row, repeated("t", 400)}),
      call("concat", {column("s"), text(std::string(4800, 'y').c_str())}),
      call("regexp_replace", {text_of_row, text("[0-9]"), text("xx")}),
      call("regexp_like", {text_of_row, text("[a-c]x")}),
      call("lpad", {column("s"), literal(number(4800))}),
      call("replace",
           {column("s"), text("t"), text(std::string(4800, 'y').c_str())})};
  for (const ExpressionPtr& expression : wanted) {
    CAPTURE(to_text(*expression));
    QueryControl control({}, nullptr);
    uint64_t looks = 0;
    auto values = values_of(expression, control, &looks);
    REQUIRE_MESSAGE(values.has_value(), values.error().message);
    CHECK(looks >= bytes / (1 << 18));
  }
}

TEST_CASE("a block of long texts ends when its time is over") {
  (void)made_segment();
  Limits limits;
  limits.timeout_ms = 20;
  QueryControl control(limits, nullptr);
  auto values = values_of(
      call("regexp_replace", {repeated("s", 1000), text("[0-9]"), text("xx")}),
      control);
  REQUIRE(!values.has_value());
  CHECK(values.error().code == ErrorCode::kDeadline);
  CHECK(control.elapsed_ms() < 500);
}

TEST_CASE("texts that functions make are charged to their query") {
  Limits limits;
  limits.max_memory_bytes = 8 << 20;
  ServerMemory server{0};
  {
    QueryControl control(limits, nullptr, &server);
    const std::string long_text(30'000, 'y');
    auto joined = values_of(
        call("length", {call("||", {column("s"), text(long_text.c_str())})}),
        control);
    REQUIRE(!joined.has_value());
    CHECK(joined.error().code == ErrorCode::kLimit);
  }
  {
    QueryControl control(limits, nullptr, &server);
    auto values = values_of(call("length", {repeated("s", 3000)}), control);
    REQUIRE(!values.has_value());
    CHECK(values.error().code == ErrorCode::kLimit);
    CHECK(values.error().message.find("query_max_memory_bytes") !=
          std::string::npos);
  }
  CHECK(server == 0);
  {
    QueryControl control(limits, nullptr, &server);
    auto values = values_of(call("length", {repeated("s", 20)}), control);
    REQUIRE(values.has_value());
    CHECK((*values)->longs[5] == 240);
  }
  CHECK(server == 0);
}

TEST_CASE("arguments that wait for the others are charged") {
  std::vector<ExpressionPtr> many;
  for (int64_t i = 0; i < 100; ++i) {
    many.push_back(call("+", {column("n"), literal(number(i))}));
  }
  Limits limits;
  limits.max_memory_bytes = 1 << 20;
  QueryControl control(limits, nullptr);
  auto values = values_of(call("greatest", many), control);
  REQUIRE(!values.has_value());
  CHECK(values.error().code == ErrorCode::kLimit);
}

TEST_CASE("values do not depend on how many rows are evaluated together") {
  // Short and long texts, nulls, and texts out of range.
  const ExpressionPtr times = call(
      "case",
      {call("=",
            {call("%", {column("n"), literal(number(3))}), literal(number(0))}),
       call("%", {column("n"), literal(number(11'000))}), literal(number(2))});
  const ExpressionPtr long_text = call("repeat", {column("t"), times});
  const std::vector<ExpressionPtr> wanted = {
      call("concat", {long_text, column("s")}), call("length", {long_text}),
      call("regexp_extract", {long_text, text("[0-9]+")}),
      call("lpad", {column("s"), call("*", {column("n"), times})}),
      call("upper", {long_text})};
  for (const ExpressionPtr& written : wanted) {
    CAPTURE(to_text(*written));
    const ExpressionPtr expression = resolved(written);
    QueryControl control({}, nullptr);
    auto context = context_of(expression, control);
    BlockRows rows(*context);
    rows.reset(0, {}, true);
    auto together = rows.evaluate(*expression);
    REQUIRE_MESSAGE(together.has_value(), together.error().message);
    Arena arena;
    EvaluationContext unwatched{arena};  // in one piece
    auto alone = evaluate_vector(*expression, rows, unwatched);
    REQUIRE(alone.has_value());
    REQUIRE((*together)->size == (*alone)->size);
    bool same = true;
    for (size_t i = 0; i < kRows; ++i) {
      same = same && lanes_equal(**together, i, **alone, i);
    }
    CHECK(same);
  }
}

}  // namespace
}  // namespace freshet::test
