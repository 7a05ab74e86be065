// Expressions of libpg_query's tree.
#include <absl/strings/ascii.h>
#include <fmt/core.h>

#include <algorithm>

#include "server/sql/interval_literal.h"
#include "server/sql/letters.h"
#include "server/sql/number_literal.h"
#include "server/sql/syntax_node.h"
#include "server/sql/tree_access.h"
#include "server/sql/tree_reader.h"

namespace freshet {

using Kind = SqlExpression::Kind;

SqlExpression TreeReader::at(const JsonValue& node, Kind kind) const {
  SqlExpression made;
  made.kind = kind;
  int64_t location = std::max<int64_t>(0, tree_int(node, "location"));
  sql_.place(static_cast<size_t>(location), made.line, made.column);
  return made;
}

SqlPtr TreeReader::call_of(SqlExpression made, std::string name,
                           Arguments args) const {
  made.kind = Kind::kCall;
  made.name = std::move(name);
  made.arguments = std::move(args);
  return std::make_shared<SqlExpression>(std::move(made));
}

Result<TreeReader::Arguments> TreeReader::list(const JsonValue* array) const {
  Arguments out;
  if (array == nullptr || array->as_array() == nullptr) return out;
  for (const JsonValue& node : *array->as_array()) {
    TRY_ASSIGN(SqlPtr made, expression(node));
    out.push_back(std::move(made));
  }
  return out;
}

Result<SqlPtr> TreeReader::expression(const JsonValue& wrapped) const {
  const JsonObject* object = wrapped.as_object();
  if (object == nullptr || object->size() != 1) {
    return unsupported(wrapped, "this expression is");
  }
  const std::string& kind = (*object)[0].first;
  const JsonValue& node = (*object)[0].second;
  if (kind == "ColumnRef") return column(node);
  if (kind == "A_Const") return constant(node);
  if (kind == "A_Expr") return operation(node);
  if (kind == "FuncCall") return function(node);
  if (kind == "BoolExpr") return connective(node);
  if (kind == "TypeCast") return cast(node);
  if (kind == "CaseExpr") return case_of(node);
  if (kind == "NullTest") return test(node, "nulltesttype");
  if (kind == "BooleanTest") return test(node, "booltesttype");
  if (kind == "SubLink") return sublink(node);
  if (kind == "SQLValueFunction") return time_value(node);
  if (kind == "CoalesceExpr") return variadic(node, "coalesce");
  if (kind == "MinMaxExpr") {
    bool greatest = tree_string(node, "op") == "IS_GREATEST";
    return variadic(node, greatest ? "greatest" : "least");
  }
  if (kind == "GroupingFunc") return variadic(node, "grouping");
  if (kind == "RowExpr") return row(node);
  if (kind == "A_ArrayExpr") return array(node);
  if (kind == "ParamRef") {
    SqlExpression made = at(node, Kind::kParameter);
    made.parameter = static_cast<int>(tree_int(node, "number"));
    return SqlPtr(std::make_shared<SqlExpression>(std::move(made)));
  }
  return unsupported(node, fmt::format("{} is", kind));
}

Result<SqlPtr> TreeReader::variadic(const JsonValue& node,
                                    std::string name) const {
  TRY_ASSIGN(Arguments args, list(node.find("args")));
  return call_of(at(node, Kind::kCall), std::move(name), std::move(args));
}

Result<SqlPtr> TreeReader::column(const JsonValue& node) const {
  const JsonArray& fields = tree_array(node, "fields");
  SqlExpression made = at(node, Kind::kColumn);
  std::vector<std::string> names = names_at(node);
  if (!fields.empty() && fields.back().find("A_Star")) {
    made.kind = Kind::kStar;
    if (names.size() >= fields.size()) names.resize(fields.size() - 1);
    if (!names.empty()) made.qualifier = names.back();
    return SqlPtr(std::make_shared<SqlExpression>(std::move(made)));
  }
  // U&"..." is spelled by PostgreSQL only.
  if (names.size() != fields.size() || fields.empty()) {
    names.clear();
    for (const JsonValue& f : fields) names.emplace_back(tree_name(f));
  }
  if (names.empty()) return unsupported(node, "this name is");
  made.name = names.back();
  if (names.size() > 1) made.qualifier = names[names.size() - 2];
  return SqlPtr(std::make_shared<SqlExpression>(std::move(made)));
}

// The tree leaves out negative integers' values ("-5" folds to {}).
std::string TreeReader::number_at(const JsonValue& node) const {
  size_t i = sql_.token_at(static_cast<size_t>(tree_int(node, "location")));
  bool negative = false;
  for (; i < sql_.tokens.size(); ++i) {
    const Token& token = sql_.tokens[i];
    if (token.is_symbol("-")) negative = !negative;
    if (token.kind == Token::Kind::kNumber) {
      return (negative ? "-" : "") + std::string(token.text);
    }
    if (!token.is_symbol("-") && !token.is_symbol("(")) break;
  }
  return std::to_string(tree_int(*node.find("ival"), "ival"));
}

Result<SqlPtr> TreeReader::constant(const JsonValue& node) const {
  SqlExpression made = at(node, Kind::kLiteral);
  if (node.find("ival")) {
    made.literal = number_literal(number_at(node));
  } else if (const JsonValue* number = node.find("fval")) {
    made.literal = number_literal(std::string(tree_string(*number, "fval")));
  } else if (const JsonValue* text = node.find("sval")) {
    made.literal = Value(std::string(tree_string(*text, "sval")));
  } else if (const JsonValue* truth = node.find("boolval")) {
    made.literal = Value(tree_bool(*truth, "boolval"));
  } else if (!tree_bool(node, "isnull")) {
    return unsupported(node, "this constant is");
  }
  return SqlPtr(std::make_shared<SqlExpression>(std::move(made)));
}

Result<SqlPtr> TreeReader::connective(const JsonValue& node) const {
  std::string_view op = tree_string(node, "boolop");
  TRY_ASSIGN(Arguments args, list(node.find("args")));
  const char* name =
      op == "AND_EXPR" ? "and" : (op == "OR_EXPR" ? "or" : "not");
  return call_of(at(node, Kind::kCall), name, std::move(args));
}

namespace {

bool is_equality(std::string_view op) {
  return op == "=" || op == "<>" || op == "is_distinct_from" ||
         op == "is_not_distinct_from";
}

}  // namespace

Result<SqlPtr> TreeReader::operation(const JsonValue& node) const {
  std::string_view kind = tree_string(node, "kind");
  const JsonArray& name_list = tree_array(node, "name");
  std::string op(name_list.empty() ? "" : tree_name(name_list.back()));
  SqlExpression made = at(node, Kind::kCall);
  if (kind == "AEXPR_IN" || kind.starts_with("AEXPR_BETWEEN") ||
      kind.starts_with("AEXPR_NOT_BETWEEN")) {
    return in_or_between(node, std::move(made));
  }
  if (kind == "AEXPR_LIKE" || kind == "AEXPR_ILIKE") {
    return like(node, std::move(made));
  }
  Arguments args;
  for (const char* side : {"lexpr", "rexpr"}) {
    if (const JsonValue* operand = node.find(side)) {
      TRY_ASSIGN(SqlPtr argument, expression(*operand));
      args.push_back(std::move(argument));
    }
  }
  if (kind.starts_with("AEXPR_OP_A") && args.size() == 2) {
    return with_elements(std::move(made), op, args, kind == "AEXPR_OP_ALL");
  }
  if (kind == "AEXPR_DISTINCT") op = "is_distinct_from";
  if (kind == "AEXPR_NOT_DISTINCT") op = "is_not_distinct_from";
  if (kind == "AEXPR_NULLIF") op = "nullif";
  if (op == "!=") op = "<>";
  if (args.size() == 2 && is_call_of(*args[0], "row") && is_equality(op)) {
    return rows_equal(std::move(made), op, args);
  }
  if (args.size() == 1 && op == "-") op = "neg";
  if (args.size() == 1 && op == "+") return args[0];
  static constexpr std::string_view kKnown[] = {"+",
                                                "-",
                                                "*",
                                                "/",
                                                "%",
                                                "neg",
                                                "=",
                                                "<>",
                                                "<",
                                                "<=",
                                                ">",
                                                ">=",
                                                "||",
                                                "nullif",
                                                "is_distinct_from",
                                                "is_not_distinct_from"};
  if (std::find(std::begin(kKnown), std::end(kKnown), op) == std::end(kKnown)) {
    return unsupported(node, fmt::format("operator {} is", op));
  }
  return call_of(std::move(made), std::move(op), std::move(args));
}

Result<SqlPtr> TreeReader::like(const JsonValue& node,
                                SqlExpression made) const {
  const JsonValue* left = node.find("lexpr");
  const JsonValue* right = node.find("rexpr");
  if (left == nullptr || right == nullptr) {
    return unsupported(node, "this LIKE is");
  }
  TRY_ASSIGN(SqlPtr subject, expression(*left));
  TRY_ASSIGN(SqlPtr pattern, expression(*right));
  Arguments args = {subject, pattern};
  if (pattern->kind == Kind::kCall && pattern->name == "like_escape") {
    args = {subject, pattern->arguments[0], pattern->arguments[1]};
  }
  if (tree_string(node, "kind") == "AEXPR_ILIKE") {
    for (SqlPtr& a : args) a = call_of(made, "lower", {a});
  }
  SqlPtr call = call_of(made, "like", std::move(args));
  const JsonArray& name_list = tree_array(node, "name");
  bool negated = !name_list.empty() && tree_name(name_list[0]).starts_with('!');
  return negated ? call_of(made, "not", {call}) : call;
}

Result<SqlPtr> TreeReader::function(const JsonValue& node) const {
  if (!tree_array(node, "agg_order").empty() ||
      tree_bool(node, "agg_within_group")) {
    return unsupported(node, "ORDER BY inside an aggregate is");
  }
  if (tree_bool(node, "func_variadic")) {
    return unsupported(node, "VARIADIC is");
  }
  const JsonArray& names = tree_array(node, "funcname");
  std::string name = names.empty() ? "" : to_lower(tree_name(names.back()));
  SqlExpression made = at(node, Kind::kCall);
  TRY_ASSIGN(Arguments args, list(node.find("args")));
  made.star = tree_bool(node, "agg_star");
  made.distinct = tree_bool(node, "agg_distinct");
  if (const JsonValue* filter = node.find("agg_filter")) {
    TRY_ASSIGN(made.filter, expression(*filter));
  }
  if (const JsonValue* over = node.find("over")) {
    TRY_ASSIGN(made.over, window(*over));
  }
  if (tree_string(node, "funcformat") == "COERCE_SQL_SYNTAX") {
    // POSITION(a IN b) comes as position(b, a); TRIM as btrim.
    if (name == "position" && args.size() == 2) std::swap(args[0], args[1]);
    // t AT TIME ZONE z comes as timezone(z, t).
    if (name == "timezone") return unsupported(node, "AT TIME ZONE is");
  }
  return call_of(std::move(made), std::move(name), std::move(args));
}

Result<SqlPtr> TreeReader::cast(const JsonValue& node) const {
  const JsonValue* argument = node.find("arg");
  const JsonValue* type = node.find("typeName");
  if (argument == nullptr || type == nullptr) {
    return unsupported(node, "this cast is");
  }
  TRY_ASSIGN(SqlPtr inner, expression(*argument));
  const JsonArray& names = tree_array(*type, "names");
  std::string name = names.empty() ? "" : to_lower(tree_name(names.back()));
  // TIMESTAMP '...' has no place of its own: its type has.
  SqlExpression made =
      at(tree_int(node, "location") < 0 ? *type : node, Kind::kCast);
  const JsonArray& modifiers = tree_array(*type, "typmods");
  if (!tree_array(*type, "arrayBounds").empty()) {
    return unsupported(node, "an array type is");
  }
  if (name == "interval") {
    const std::string* text = inner->literal.as_string();
    if (text == nullptr || !modifiers.empty()) {
      return unsupported(*type, "this form of INTERVAL is");
    }
    auto span = parse_interval_literal(*text);
    if (!span) {
      return Error{span.error().code, span.error().message, made.line,
                   made.column};
    }
    made.kind = Kind::kInterval;
    made.span = *span;
    return SqlPtr(std::make_shared<SqlExpression>(std::move(made)));
  }
  made.type_name = name;
  if (tree_int(node, "location") >= 0) {
    const Token& token = sql_.tokens[sql_.token_at(
        static_cast<size_t>(tree_int(node, "location")))];
    bool tries = token.is_word("try_cast") || token.is_word("safe_cast");
    if (tries) made.name = "try_cast";
  }
  if (modifiers.size() == 2) {
    const JsonValue* scale = modifiers[1].find("A_Const");
    const JsonValue* number = scale ? scale->find("ival") : nullptr;
    if (number) made.scale = static_cast<int>(tree_int(*number, "ival"));
  }
  made.arguments = {std::move(inner)};
  return SqlPtr(std::make_shared<SqlExpression>(std::move(made)));
}

Result<SqlPtr> TreeReader::case_of(const JsonValue& node) const {
  SqlExpression made = at(node, Kind::kCall);
  SqlPtr subject;
  if (const JsonValue* argument = node.find("arg")) {
    TRY_ASSIGN(subject, expression(*argument));
  }
  Arguments args;
  for (const JsonValue& entry : tree_array(node, "args")) {
    const JsonValue* when = entry.find("CaseWhen");
    const JsonValue* test = when ? when->find("expr") : nullptr;
    const JsonValue* result = when ? when->find("result") : nullptr;
    if (test == nullptr || result == nullptr) {
      return unsupported(node, "this CASE is");
    }
    TRY_ASSIGN(SqlPtr condition, expression(*test));
    TRY_ASSIGN(SqlPtr value, expression(*result));
    if (subject) condition = call_of(made, "=", {subject, condition});
    args.push_back(std::move(condition));
    args.push_back(std::move(value));
  }
  if (const JsonValue* otherwise = node.find("defresult")) {
    TRY_ASSIGN(SqlPtr value, expression(*otherwise));
    args.push_back(std::move(value));
  }
  return call_of(std::move(made), "case", std::move(args));
}

Result<SqlPtr> TreeReader::test(const JsonValue& node,
                                std::string_view kind_key) const {
  const JsonValue* argument = node.find("arg");
  if (argument == nullptr) return unsupported(node, "this test is");
  TRY_ASSIGN(SqlPtr subject, expression(*argument));
  std::string name = to_lower(tree_string(node, kind_key));
  if (name == "is_unknown") name = "is_null";
  if (name == "is_not_unknown") name = "is_not_null";
  return call_of(at(node, Kind::kCall), std::move(name), {subject});
}

Result<SqlPtr> TreeReader::time_value(const JsonValue& node) const {
  std::string_view op = tree_string(node, "op");
  if (op.starts_with("SVFOP_CURRENT_TIMESTAMP") ||
      op.starts_with("SVFOP_LOCALTIMESTAMP")) {
    return call_of(at(node, Kind::kCall), "current_timestamp", {});
  }
  if (op == "SVFOP_CURRENT_DATE") {
    return call_of(at(node, Kind::kCall), "current_date", {});
  }
  return unsupported(node, fmt::format("{} is", op));
}

}  // namespace freshet
