// Functions over ARRAY[...]: membership. Columns have one value, so that those
// over Druid's multi-value columns are over that one.
#include <fmt/core.h>

#include "server/sql/syntax_node.h"
#include "server/sql/translator.h"

namespace freshet {
namespace {

bool is_array(const SqlExpression& node) { return is_call_of(node, "array"); }

Error array_expected(const SqlExpression& call, size_t argument) {
  return sql_error(ErrorCode::kUnsupported,
                   fmt::format("argument {} of {} must be ARRAY[...]",
                               argument + 1, call.name),
                   *call.arguments[argument]);
}

}  // namespace

// x IN (elements); false without any.
Result<ExpressionPtr> Translator::element_of(const SqlExpression& node,
                                             const SqlExpression& value,
                                             const SqlExpression& array) {
  TRY_ASSIGN(Arguments in, translate_all(array));
  if (in.empty()) return made_literal(node, Value(false));
  TRY_ASSIGN(ExpressionPtr x, translate(value));
  in.insert(in.begin(), std::move(x));
  return made_call(node, "in", std::move(in));
}

Result<ExpressionPtr> Translator::translate_array(const SqlExpression& node) {
  const std::string& f = node.name;
  if (f == "array") {
    return sql_error(
        ErrorCode::kUnsupported,
        "ARRAY[...] is no value by itself; it is allowed in = ANY, "
        "<> ALL, UNNEST, ARRAY_CONTAINS, SCALAR_IN_ARRAY, "
        "MV_CONTAINS, MV_OVERLAP and MV_FILTER_ONLY",
        node);
  }
  if (f == "row") {
    return sql_error(ErrorCode::kUnsupported,
                     "a row (a, b) is no value by itself; it is allowed in =, "
                     "<>, IN and GROUP BY",
                     node);
  }
  const bool only = f == "mv_filter_only", none = f == "mv_filter_none";
  if (f == "scalar_in_array" || f == "mv_overlap" || only || none) {
    TRY(check_arguments(node, 2, 2));
    if (!is_array(*node.arguments[1])) return array_expected(node, 1);
    TRY_ASSIGN(ExpressionPtr in,
               element_of(node, *node.arguments[0], *node.arguments[1]));
    if (!only && !none) return in;
    TRY_ASSIGN(ExpressionPtr value, translate(*node.arguments[0]));
    if (none) in = made_call(node, "not", {std::move(in)});
    return made_call(node, "case", {std::move(in), std::move(value)});
  }
  if (f == "array_contains") {
    TRY(check_arguments(node, 2, 2));
    if (!is_array(*node.arguments[0])) return array_expected(node, 0);
    return element_of(node, *node.arguments[1], *node.arguments[0]);
  }
  if (f == "mv_contains") {
    // One value equals all of an array.
    TRY(check_arguments(node, 2, 2));
    TRY_ASSIGN(ExpressionPtr value, translate(*node.arguments[0]));
    const SqlExpression& wanted = *node.arguments[1];
    Arguments tests = {made_literal(node, Value(true))};
    for (const SqlPtr& element : is_array(wanted)
                                     ? wanted.arguments
                                     : std::vector<SqlPtr>{node.arguments[1]}) {
      TRY_ASSIGN(ExpressionPtr other, translate(*element));
      tests.push_back(made_call(node, "=", {value, std::move(other)}));
    }
    return made_call(node, "and", std::move(tests));
  }
  if (f == "array_length") {
    TRY(check_arguments(node, 1, 1));
    if (!is_array(*node.arguments[0])) return array_expected(node, 0);
    size_t length = node.arguments[0]->arguments.size();
    return made_literal(node, Value(static_cast<int64_t>(length)));
  }
  return ExpressionPtr();
}

}  // namespace freshet
