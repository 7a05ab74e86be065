#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include "server/query/expression.h"

#include <doctest/doctest.h>

#include <limits>

#include "query_data.h"
#include "server/query/batch_expression.h"
#include "server/query/evaluator.h"

namespace freshet::test {
namespace {

constexpr int64_t kMost = std::numeric_limits<int64_t>::max();

Value lit(int64_t v) { return Value(v); }
Value money(int64_t units, uint8_t scale = 2) {
  return Value(Decimal{units, scale});
}

// Result of a call of literals; text of the error if it fails.
std::string value_of(std::string name, std::vector<Value> arguments) {
  std::vector<ExpressionPtr> literals;
  for (Value& v : arguments) literals.push_back(literal(v));
  auto resolved = resolve(call(name, literals), Schema{});
  if (!resolved) return resolved.error().message;
  auto value = constant_value(**resolved);
  if (!value) return value.error().message;
  return (**value).to_text();
}

std::string cast_of(Value value, ExpressionType type) {
  auto made = std::make_shared<Expression>(*call("cast", {literal(value)}));
  made->cast_type = type;
  auto resolved = resolve(made, Schema{});
  REQUIRE(resolved.has_value());
  auto out = constant_value(**resolved);
  REQUIRE(out.has_value());
  return (**out).to_text();
}

TEST_CASE("values order across numeric types, nulls first") {
  CHECK(Value::compare(Value(), lit(0)) < 0);
  CHECK(Value::compare(lit(2), money(199)) > 0);
  CHECK(Value::compare(lit(2), money(200)) == 0);
  CHECK(Value::compare(lit(kMost), Value(9.3e18)) < 0);
  CHECK(Value::compare(lit(kMost), lit(kMost - 1)) > 0);
  CHECK(Value::compare(Value("a"), Value("b")) < 0);
  CHECK(Value() == Value());
  CHECK(money(-5).to_text() == "-0.05");
  CHECK(money(123456).to_double() == 1234.56);
}

TEST_CASE("arithmetic is exact, or says so") {
  CHECK(value_of("+", {lit(kMost), lit(1)}).starts_with("number out of range"));
  CHECK(value_of("*", {money(150), money(150)}) == "2.2500");
  CHECK(value_of("*", {money(150), lit(2)}) == "3.00");
  CHECK(value_of("-", {lit(1), money(1)}) == "0.99");
  CHECK(value_of("/", {lit(7), lit(2)}) == "3");
  CHECK(value_of("/", {lit(7), lit(0)}) == "null");
  CHECK(value_of("/", {money(100), lit(4)}) == "0.25");
  CHECK(value_of("%", {lit(-7), lit(4)}) == "-3");
  CHECK(value_of("+", {money(kMost, 0), money(kMost, 0)}) ==
        "18446744073709551614");
  CHECK(value_of("round", {money(125), lit(1)}) == "1.30");
  CHECK(value_of("floor", {money(-125)}) == "-2");
  CHECK(value_of("ceil", {Value(1.2)}) == "2");
  CHECK(value_of("abs", {lit(-3)}) == "3");
  CHECK(value_of("+", {Value("a"), lit(1)}).find("string") !=
        std::string::npos);
}

TEST_CASE("three-valued logic") {
  CHECK(value_of("and", {Value(false), Value()}) == "false");
  CHECK(value_of("and", {Value(true), Value()}) == "null");
  CHECK(value_of("or", {Value(true), Value()}) == "true");
  CHECK(value_of("not", {Value()}) == "null");
  CHECK(value_of("=", {Value(), Value()}) == "null");
  CHECK(value_of("in", {lit(1), lit(2), Value()}) == "null");
  CHECK(value_of("in", {lit(1), lit(1), Value()}) == "true");
  CHECK(value_of("between", {lit(1), lit(2), Value()}) == "false");
  CHECK(value_of("is_distinct_from", {Value(), lit(1)}) == "true");
  CHECK(value_of("coalesce", {Value(), lit(4)}) == "4");
  CHECK(value_of("nullif", {lit(4), lit(4)}) == "null");
  CHECK(value_of("greatest", {lit(1), Value(), lit(3)}) == "3");
  CHECK(value_of("case", {Value(false), lit(1), lit(2)}) == "2");
}

TEST_CASE("strings") {
  CHECK(value_of("like", {Value("50%"), Value("50!%"), Value("!")}) == "true");
  CHECK(value_of("like", {Value("日本"), Value("日_")}) == "true");
  CHECK(value_of("like", {Value("abcbd"), Value("%b_")}) == "true");
  CHECK(value_of("like", {Value("Abc"), Value("a%")}) == "false");
  CHECK(value_of("length", {Value("😀x")}) == "3");
  CHECK(value_of("substring", {Value("zürich"), lit(2), lit(2)}) == "ür");
  CHECK(value_of("substring", {Value("abc"), lit(0), lit(2)}) == "a");
  CHECK(value_of("concat", {Value("a"), lit(1)}) == "a1");
  CHECK(value_of("trim", {Value("  a ")}) == "a");
  CHECK(value_of("trim", {Value("   ")}) == "");
  CHECK(value_of("position", {Value("本"), Value("日本")}) == "2");
  CHECK(value_of("replace", {Value("aXbX"), Value("X"), Value("--")}) ==
        "a--b--");
  CHECK(value_of("upper", {Value("aüß")}) == "AÜß");
  CHECK(value_of("lpad", {Value("7"), lit(3), Value("0")}) == "007");
}

TEST_CASE("casts: what the target cannot hold is null") {
  CHECK(cast_of(Value("12"), {ValueType::kLong}) == "12");
  CHECK(cast_of(Value("x"), {ValueType::kLong}) == "null");
  CHECK(cast_of(Value("1.239"), {ValueType::kDecimal, 2}) == "1.24");
  CHECK(cast_of(Value(1e300), {ValueType::kLong}) == "null");
  CHECK(cast_of(money(-199), {ValueType::kLong}) == "-1");
  CHECK(cast_of(Value("2026-03-29"), {ValueType::kTimestamp}) ==
        "2026-03-29T00:00:00.000Z");
  CHECK(cast_of(lit(1), {ValueType::kBool}) == "true");
  CHECK(cast_of(Value(true), {ValueType::kString}) == "true");
}

TEST_CASE("unknown names come with the nearest one") {
  auto schema = sales_schema();
  auto bad = resolve(call("uper", {column("s")}), *schema);
  REQUIRE(!bad.has_value());
  CHECK(bad.error().message.find("'upper'") != std::string::npos);
  bad = resolve(column("__tim"), *schema);
  REQUIRE(!bad.has_value());
  CHECK(bad.error().message.find("'__time'") != std::string::npos);
  auto loose = resolve(column("M"), *schema);
  REQUIRE(loose.has_value());
  CHECK((*loose)->name == "m");
}

TEST_CASE("batch expressions: derived columns and their errors") {
  auto schema = sales_schema();
  ColumnBatch batch(schema);
  for (int64_t n : {int64_t{2}, int64_t{0}}) {
    batch.set_long(0, 0);
    batch.set_long(3, n);
    batch.set_long(5, 150);
    batch.commit_row();
  }
  auto product = resolve(call("*", {column("n"), column("m")}), *schema);
  auto out = evaluate(**product, batch);
  REQUIRE(out.has_value());
  CHECK(out->longs == std::vector<int64_t>{300, 0});
  auto ratio = resolve(call("/", {literal(lit(4)), column("n")}), *schema);
  auto failed = evaluate(**ratio, batch);
  REQUIRE(!failed.has_value());
  CHECK(failed.error().message == "division by zero");
  auto safe =
      resolve(call("safe_divide", {literal(lit(4)), column("n")}), *schema);
  auto guarded = evaluate(**safe, batch);
  REQUIRE(guarded.has_value());
  CHECK(guarded->nulls == std::vector<uint8_t>{0, 1});
  auto absent =
      evaluate(**resolve(call("upper", {column("s")}), *schema), batch);
  REQUIRE(absent.has_value());
  CHECK(absent->nulls == std::vector<uint8_t>{1, 1});
}

// The parts of times that are in no order, around every change of a zone's
// clocks, as Abseil's civil time tells them.
TEST_CASE("parts of times in zones") {
  struct Part {
    const char* name;
    int64_t (*of)(absl::CivilSecond);
  };
  const Part parts[] = {
      {"extract_second",
       [](absl::CivilSecond t) -> int64_t { return t.second(); }},
      {"extract_minute",
       [](absl::CivilSecond t) -> int64_t { return t.minute(); }},
      {"extract_hour", [](absl::CivilSecond t) -> int64_t { return t.hour(); }},
      {"extract_dow",
       [](absl::CivilSecond t) {
         return static_cast<int64_t>(absl::GetWeekday(t)) + 1;
       }},
      {"extract_day", [](absl::CivilSecond t) -> int64_t { return t.day(); }},
      {"extract_year", [](absl::CivilSecond t) { return t.year(); }},
  };
  for (const char* name : {"UTC", "Europe/Madrid", "America/St_Johns",
                           "Australia/Lord_Howe", "+05:30"}) {
    const absl::TimeZone zone = *load_time_zone(name);
    std::vector<int64_t> seconds = {-5000000000, 0, 13569465599, 13569465600,
                                    20000000000};
    absl::Time at = absl::FromUnixSeconds(-3000000000);
    absl::TimeZone::CivilTransition change;
    while (seconds.size() < 1000 && zone.NextTransition(at, &change)) {
      at = absl::FromCivil(change.to, zone);
      for (int64_t off : {-7200, -1, 0, 1, 1800, 3599, 3600, 7200}) {
        seconds.push_back(absl::ToUnixSeconds(at) + off);
      }
      at += absl::Hours(3);
    }
    ColumnBatch batch(sales_schema());
    for (size_t i = 0; i < seconds.size(); ++i) {
      std::swap(seconds[i], seconds[i * 7919 % seconds.size()]);
    }
    for (int64_t second : seconds) {
      batch.set_long(0, second * 1000 + 999);
      batch.commit_row();
    }
    for (const Part& part : parts) {
      auto made = std::make_shared<Expression>(
          *call(part.name, {column(std::string(kTimeColumn))}));
      made->zone = zone;
      auto out = evaluate(**resolve(made, *sales_schema()), batch);
      REQUIRE(out.has_value());
      for (size_t i = 0; i < seconds.size(); ++i) {
        CAPTURE(name);
        CAPTURE(part.name);
        CAPTURE(seconds[i]);
        REQUIRE(out->longs[i] ==
                part.of(zone.At(absl::FromUnixSeconds(seconds[i])).cs));
      }
    }
  }
}

TEST_CASE("canonical text tells expressions apart") {
  CHECK(to_text(*literal(lit(2))) != to_text(*literal(Value(2.0))));
  CHECK(to_text(*literal(Value("a'b"))) == "'a''b'");
  CHECK(to_text(*call("+", {column("n"), literal(lit(1))})) == "(\"n\" + 1)");
}

}  // namespace
}  // namespace freshet::test
