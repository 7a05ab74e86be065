// Functions that are more than a call of the engine's function of a like name.
#include <fmt/core.h>

#include "server/query/lookup_source.h"
#include "server/sql/interval_text.h"
#include "server/sql/translator.h"

namespace freshet {
Result<ExpressionPtr> Translator::translate_special(const SqlExpression& node) {
  const std::string& f = node.name;
  if (f == "lookup") return lookup_of(node);
  if (f == "time_in_interval") return within_interval(node);
  if (f == "nvl2") {
    TRY(check_arguments(node, 3, 3));
    TRY_ASSIGN(Arguments a, translate_all(node));
    return made_call(node, "case",
                     {made_call(node, "is_not_null", {a[0]}), a[1], a[2]});
  }
  if (f == "if" || f == "iff") {
    TRY(check_arguments(node, 2, 3));
    TRY_ASSIGN(Arguments a, translate_all(node));
    return made_call(node, "case", std::move(a));
  }
  if (f == "log" && node.arguments.size() == 2) return logarithm_of(node);
  if (f == "timezone") {
    return sql_error(ErrorCode::kUnsupported, "AT TIME ZONE is not supported",
                     node);
  }
  return ExpressionPtr();
}

// LOOKUP(key, 'products' | 'products.category' [, instead of what is missing]),
// or with the name first: of two texts the name is the one that is a lookup's.
Result<ExpressionPtr> Translator::lookup_of(const SqlExpression& node) {
  TRY(check_arguments(node, 2, 3));
  auto is_text = [&](size_t i) {
    const SqlExpression& argument = *node.arguments[i];
    return argument.kind == SqlExpression::Kind::kLiteral &&
           argument.literal.as_string() != nullptr;
  };
  auto is_lookup = [&](size_t i) {
    return find_lookup(scope_.lookups, *node.arguments[i]->literal.as_string())
        .has_value();
  };
  bool first = is_text(0) && (!is_text(1) || (is_lookup(0) && !is_lookup(1)));
  size_t name_at = first ? 0 : 1;
  TRY_ASSIGN(ExpressionPtr key, translate(*node.arguments[1 - name_at]));
  TRY_ASSIGN(std::string name, text_argument(node, name_at));
  auto map = find_lookup(scope_.lookups, name);
  if (!map) {
    return sql_error(map.error().code, map.error().message,
                     *node.arguments[name_at]);
  }
  auto value = made(node, Expression::Kind::kCall);
  value->name = "lookup_value";
  value->zone = absl::UTCTimeZone();
  value->map = *map;
  value->arguments = {std::move(key)};
  if (node.arguments.size() < 3) return ExpressionPtr(value);
  TRY_ASSIGN(ExpressionPtr instead, translate(*node.arguments[2]));
  return made_call(node, "coalesce",
                   {ExpressionPtr(value), std::move(instead)});
}

// LOG(base, x), which Superset makes of LOG10(x).
Result<ExpressionPtr> Translator::logarithm_of(const SqlExpression& node) {
  TRY_ASSIGN(Arguments a, translate_all(node));
  const int64_t* base = a[0]->kind == Expression::Kind::kLiteral
                            ? a[0]->literal.as_long()
                            : nullptr;
  if (base && *base == 10) return made_call(node, "log10", {a[1]});
  if (base && *base == 2) return made_call(node, "log2", {a[1]});
  return made_call(
      node, "/",
      {made_call(node, "ln", {a[1]}), made_call(node, "ln", {a[0]})});
}

// TIME_IN_INTERVAL(t, '2026-01-01/P1M')
Result<ExpressionPtr> Translator::within_interval(const SqlExpression& node) {
  TRY(check_arguments(node, 2, 2));
  TRY_ASSIGN(ExpressionPtr time, translate(*node.arguments[0]));
  TRY_ASSIGN(std::string text, text_argument(node, 1));
  auto interval = parse_interval(text, scope_.zone);
  if (!interval) {
    return sql_error(interval.error().code, interval.error().message,
                     *node.arguments[1]);
  }
  auto bound = [&](const char* comparison, Timestamp edge) {
    return made_call(node, comparison, {time, made_literal(node, Value(edge))});
  };
  return made_call(node, "and",
                   {bound(">=", interval->start), bound("<", interval->end)});
}

}  // namespace freshet
