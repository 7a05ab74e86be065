#include <doctest/doctest.h>

#include "server/sql/sql.h"

namespace freshet {
namespace {

Formula formula(std::string_view text) {
  auto parsed = parse_formula(text);
  std::string message = parsed ? "" : parsed.error().message;
  REQUIRE_MESSAGE(parsed.has_value(), message);
  return *parsed;
}

Error formula_error(std::string_view text) {
  auto parsed = parse_formula(text);
  REQUIRE_FALSE(parsed.has_value());
  return parsed.error();
}

using Function = Aggregate::Function;

TEST_CASE("equal aggregates are computed once") {
  Formula f = formula("(sum(net) - sum(cost)) / sum(net)");
  REQUIRE(f.aggregates.size() == 2);
  CHECK(f.aggregates[0].function == Function::kSum);
  CHECK(f.aggregates[0].name == "a0");
  CHECK(f.aggregates[0].argument->name == "net");
  CHECK(to_text(*f.value) == R"((("a0" - "a1") / "a0"))");
}

TEST_CASE("distinct, filters and quantiles") {
  Formula f = formula("count(distinct txn_id) filter (where channel = 'web')");
  REQUIRE(f.aggregates.size() == 1);
  CHECK(f.aggregates[0].function == Function::kCountDistinct);
  CHECK(to_text(*f.aggregates[0].filter) == R"(("channel" = 'web'))");
  CHECK(formula("distinct(member)").aggregates[0].function ==
        Function::kCountDistinct);
  CHECK(formula("1.0 * distinct(a) / count(distinct (b))").aggregates.size() ==
        2);
  Formula p = formula("p95(x) - p50(x)");
  REQUIRE(p.aggregates.size() == 2);
  CHECK(p.aggregates[0].function == Function::kQuantile);
  CHECK(p.aggregates[0].parameter == 0.95);
  CHECK(formula("count(*)").aggregates[0].argument == nullptr);
}

TEST_CASE("the newest value per key, summed") {
  Formula f = formula("sum(last(on_hand by sku, Location))");
  REQUIRE(f.aggregates.size() == 1);
  CHECK(f.aggregates[0].function == Function::kLastPerKeySum);
  CHECK(f.aggregates[0].argument->name == "on_hand");
  REQUIRE(f.aggregates[0].keys.size() == 2);
  CHECK(f.aggregates[0].keys[1]->name == "Location");
  CHECK(formula("last(price)").aggregates[0].function == Function::kLast);
}

TEST_CASE("windows are formulas of their own") {
  using Kind = FormulaWindow::Kind;
  Formula f = formula(
      "rolling(sum(net) / [visits], 7d) - to_date(sum(net), month) + sum(net)");
  CHECK(to_text(*f.value) == R"((("{w0}" - "{w1}") + "a0"))");
  REQUIRE(f.windows.size() == 2);
  CHECK(f.windows[0].kind == Kind::kRolling);
  CHECK(f.windows[0].span == "7d");
  CHECK(f.windows[0].inner.kpis == std::vector<std::string>{"visits"});
  CHECK(to_text(*f.windows[0].inner.value) == R"(("a0" / "[visits]"))");
  CHECK(f.windows[1].span == "month");
  CHECK(f.kpis.empty());
  CHECK(f.aggregates.size() == 1);
  Formula first = formula("sum(first(x by k)) filter (where y = 1)");
  REQUIRE(first.windows.size() == 1);
  CHECK(first.windows[0].kind == Kind::kOpening);
  const Aggregate& level = first.windows[0].inner.aggregates[0];
  CHECK(level.function == Function::kLastPerKeySum);
  CHECK(to_text(*level.filter) == R"(("y" = 1))");
  Formula nested = formula("same_stores(before(sum(x), 364d))");
  CHECK(nested.windows[0].inner.windows[0].kind == Kind::kBefore);
}

TEST_CASE("a mean is a sum over a count") {
  Formula f = formula("avg(x) filter (where y = 1) - 1");
  REQUIRE(f.aggregates.size() == 2);
  CHECK(f.aggregates[0].function == Function::kSum);
  CHECK(f.aggregates[1].function == Function::kCount);
  CHECK(to_text(*f.aggregates[1].filter) == R"(("y" = 1))");
  CHECK(to_text(*f.value) == R"((("a0" / nullif("a1", 0)) - 1))");
}

TEST_CASE("other KPIs and days()") {
  Formula f = formula("[stock_value] / ([cogs] / days()) + [cogs]");
  CHECK(f.aggregates.empty());
  CHECK(f.kpis == std::vector<std::string>{"stock_value", "cogs"});
  CHECK(to_text(*f.value) ==
        R"((("[stock_value]" / ("[cogs]" / days())) + "[cogs]"))");
}

TEST_CASE("bad formulas say what and where") {
  CHECK(formula_error("sum(net) / price").message ==
        "a column must be inside an aggregate, such as sum(): price");
  CHECK(formula_error("sum(net) / price").column == 12);
  CHECK(formula_error("rolling(sum(net))").message ==
        "expected rolling(EXPR, 7d)");
  CHECK(formula_error("sum(rolling(net, 7d))").message ==
        "rolling() stands around aggregates, not inside sum()");
  CHECK(formula_error("rolling(net, 7d)").message ==
        "a column must be inside an aggregate, such as sum(): net");
  CHECK(formula_error("first(x by k)").code == ErrorCode::kUnsupported);
  for (const char* bad :
       {"", " ", "sum(", "sum(net) from t", "sum(net), 1", "sum(sum(x))",
        "sum(net) as x", "*", "1; 2", "sum(a) where b", "[net", "sum(*)"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_formula(bad).has_value());
  }
}

TEST_CASE("expressions of filters and derived columns") {
  auto e = parse_expression("qty * price - discount");
  REQUIRE(e.has_value());
  CHECK(to_text(**e) == R"((("qty" * "price") - "discount"))");
  CHECK(to_text(**parse_expression("Qty <> 0 and a in ('x','y')")) ==
        R"((("a" in ('x', 'y')) and ("Qty" <> 0)))");
  CHECK(to_text(**parse_expression("-5 + - 3 + 3000000000 + -1.50")) ==
        "(((-5 + -3) + 3000000000) + -1.50)");
  CHECK_FALSE(parse_expression("sum(x)").has_value());
  CHECK_FALSE(parse_expression("(select 1)").has_value());
}

}  // namespace
}  // namespace freshet
