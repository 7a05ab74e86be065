#include "server/sql/translator.h"

#include <absl/strings/ascii.h>
#include <fmt/core.h>

#include <algorithm>
#include <numbers>

#include "server/json/json_value.h"
#include "server/query/function_table.h"
#include "server/sql/aggregate_name.h"
#include "server/sql/function_name.h"
#include "server/sql/letters.h"

namespace freshet {
namespace {

using Kind = SqlExpression::Kind;

Result<ExpressionType> cast_type_of(const SqlExpression& node) {
  const std::string& n = node.type_name;
  if (n == "varchar" || n == "bpchar" || n == "char" || n == "text" ||
      n == "string") {
    return ExpressionType{ValueType::kString};
  }
  if (n == "int8" || n == "int4" || n == "int2" || n == "long" ||
      n == "bigint" || n == "integer" || n == "tinyint") {
    return ExpressionType{ValueType::kLong};
  }
  if (n == "numeric" && node.scale && *node.scale >= 0 && *node.scale <= 18) {
    return ExpressionType{ValueType::kDecimal,
                          static_cast<uint8_t>(*node.scale)};
  }
  if (n == "float8" || n == "float4" || n == "double" || n == "numeric" ||
      n == "float" || n == "real") {
    return ExpressionType{ValueType::kDouble};
  }
  if (n == "bool" || n == "boolean") return ExpressionType{ValueType::kBool};
  if (n == "timestamp" || n == "timestamptz" || n == "date") {
    return ExpressionType{ValueType::kTimestamp};
  }
  return sql_error(ErrorCode::kInvalid, fmt::format("unknown type: {}", n),
                   node);
}

template <class Names>
Error unknown_function(const SqlExpression& node, std::string_view what,
                       const Names& names) {
  std::string near = nearest_name(
      node.name, std::vector<std::string>(names.begin(), names.end()));
  if (std::string_view instead = instead_of(node.name, near);
      !instead.empty()) {
    return sql_error(
        ErrorCode::kUnsupported,
        fmt::format("not supported here; {}: {}", instead, node.name), node);
  }
  return sql_error(
      ErrorCode::kInvalid,
      fmt::format(
          "{}{}: {}", what,
          near.empty() ? "" : fmt::format(" (did you mean '{}'?)", near),
          node.name),
      node);
}

size_t size_of(const Expression& expression) {
  size_t nodes = 1;
  for (const auto& argument : expression.arguments) nodes += size_of(*argument);
  return nodes;
}

}  // namespace

Error sql_error(ErrorCode code, std::string what, const SqlExpression& node) {
  return Error{code, std::move(what), node.line, node.column};
}

Status check_arguments(const SqlExpression& call, size_t least, size_t most) {
  if (call.arguments.size() >= least && call.arguments.size() <= most) {
    return {};
  }
  return sql_error(ErrorCode::kInvalid,
                   fmt::format("wrong number of arguments of {}: {}", call.name,
                               call.arguments.size()),
                   call);
}

bool has_aggregate(const SqlExpression& expression) {
  if (expression.kind == Kind::kCall && !expression.over &&
      (is_aggregate_name(expression.name) || expression.name == "grouping")) {
    return true;
  }
  return std::any_of(expression.arguments.begin(), expression.arguments.end(),
                     [](const SqlPtr& a) { return has_aggregate(*a); });
}

bool qualifies(const VisibleColumn& column, const SqlExpression& node) {
  if (node.qualifier.empty()) return !column.merged;
  return column.qualifier.empty() ||
         same_letters(column.qualifier, node.qualifier);
}

Result<const VisibleColumn*> find_visible(
    const std::vector<VisibleColumn>& columns, const SqlExpression& node) {
  const VisibleColumn* found = nullptr;
  for (bool exact : {true, false}) {
    for (const VisibleColumn& c : columns) {
      bool same = exact ? c.name == node.name : same_letters(c.name, node.name);
      if (!same || !qualifies(c, node)) continue;
      // Of one table the first; of several tables none.
      if (found && found->qualifier != c.qualifier) {
        return sql_error(
            ErrorCode::kInvalid,
            fmt::format("a column of both {} and {}, say which: {}",
                        found->qualifier, c.qualifier, node.name),
            node);
      }
      if (!found) found = &c;
    }
    if (found) break;
  }
  return found;
}

void split_tests(const SqlPtr& where, std::vector<SqlPtr>& out) {
  if (!where) return;
  if (where->kind != Kind::kCall || where->name != "and") {
    out.push_back(where);
    return;
  }
  for (const SqlPtr& part : where->arguments) split_tests(part, out);
}

SqlPtr join_tests(std::vector<SqlPtr> tests) {
  if (tests.empty()) return nullptr;
  if (tests.size() == 1) return tests[0];
  auto all = std::make_shared<SqlExpression>();
  all->kind = Kind::kCall;
  all->name = "and";
  all->line = tests[0]->line;
  all->column = tests[0]->column;
  all->arguments = std::move(tests);
  return all;
}

const SelectItem* Translator::find_alias(const SqlExpression& node) const {
  if (node.kind != Kind::kColumn || !node.qualifier.empty()) return nullptr;
  const SelectItem* found = nullptr;
  for (const SelectItem& item : aliases_) {
    if (item.alias.empty()) continue;
    if (item.alias == node.name) return &item;
    if (!found && same_letters(item.alias, node.name)) found = &item;
  }
  return found;
}

bool Translator::has_column(const SqlExpression& node) const {
  if (!scope_.columns) return false;
  auto found = find_visible(*scope_.columns, node);
  return found && *found;
}

std::optional<size_t> Translator::aggregate_of(const Expression& node) const {
  auto at = placeholders_.find(&node);
  if (at == placeholders_.end()) return std::nullopt;
  return at->second;
}

Result<ExpressionPtr> Translator::scalar(const SqlPtr& node) {
  allow_aggregates_ = false;
  return translate(*node);
}

Result<ExpressionPtr> Translator::over_aggregates(const SqlPtr& node) {
  allow_aggregates_ = true;
  auto result = translate(*node);
  allow_aggregates_ = false;
  return result;
}

std::shared_ptr<Expression> Translator::made(const SqlExpression& node,
                                             Expression::Kind kind) const {
  auto out = std::make_shared<Expression>();
  out->kind = kind;
  out->line = node.line;
  out->column = node.column;
  out->zone = scope_.zone;
  return out;
}

ExpressionPtr Translator::made_call(const SqlExpression& node, std::string name,
                                    Arguments arguments) const {
  auto out = made(node, Expression::Kind::kCall);
  out->name = std::move(name);
  out->arguments = std::move(arguments);
  return out;
}

ExpressionPtr Translator::made_literal(const SqlExpression& node,
                                       Value value) const {
  auto out = made(node, Expression::Kind::kLiteral);
  out->zone = absl::UTCTimeZone();
  out->type.type = value.type();
  if (const Decimal* d = value.as_decimal()) out->type.scale = d->scale;
  out->literal = std::move(value);
  return out;
}

ExpressionPtr Translator::made_cast(const SqlExpression& node,
                                    ExpressionPtr argument,
                                    ExpressionType type) const {
  auto out = made(node, Expression::Kind::kCall);
  out->name = "cast";
  out->cast_type = type;
  out->arguments = {std::move(argument)};
  return out;
}

Result<ExpressionPtr> Translator::translate(const SqlExpression& node) {
  if (node.kind == Kind::kLiteral) return made_literal(node, node.literal);
  TRY(count_node(node));
  switch (node.kind) {
    case Kind::kColumn:
      return translate_column(node);
    case Kind::kLiteral:
      break;
    case Kind::kCall:
      return translate_call(node);
    case Kind::kCast:
      return translate_cast(node);
    case Kind::kSubquery:
      return translate_subquery(node);
    case Kind::kParameter: {
      size_t i = static_cast<size_t>(node.parameter);
      if (!scope_.parameters || i < 1 || i > scope_.parameters->size()) {
        return sql_error(ErrorCode::kInvalid,
                         fmt::format("no value for parameter {}", i), node);
      }
      return made_literal(node, (*scope_.parameters)[i - 1]);
    }
    case Kind::kInterval:
      return sql_error(ErrorCode::kInvalid,
                       "an INTERVAL can only be added to or taken from a time",
                       node);
    case Kind::kStar:
      break;
  }
  return sql_error(ErrorCode::kInvalid, "* is not a value here", node);
}

// CASE x WHEN ... repeats x: nested ones would grow without end.
Status Translator::count_node(const SqlExpression& node, size_t nodes) {
  nodes_ += nodes;
  if (nodes_ <= scope_.limits.max_statement_nodes) return {};
  Error error =
      limit_error(scope_.limits, &Limits::max_statement_nodes,
                  "the statement has more names, operators and functions",
                  "write x IN (...) instead of many tests, or ask in parts");
  error.line = node.line;
  error.column = node.column;
  return error;
}

Result<ExpressionPtr> Translator::translate_column(const SqlExpression& node) {
  const SelectItem* alias = alias_depth_ == 0 ? find_alias(node) : nullptr;
  if (alias) {
    ++alias_depth_;
    auto result = translate(*alias->expression);
    --alias_depth_;
    return result;
  }
  auto out = made(node, Expression::Kind::kColumn);
  out->zone = absl::UTCTimeZone();
  out->name = node.name;
  if (!scope_.columns) return ExpressionPtr(out);
  bool known_table =
      node.qualifier.empty() || same_letters(node.qualifier, scope_.table) ||
      same_letters(node.qualifier, scope_.alias) ||
      std::any_of(scope_.columns->begin(), scope_.columns->end(),
                  [&](const VisibleColumn& c) {
                    return same_letters(c.qualifier, node.qualifier);
                  });
  if (!known_table) {
    return sql_error(ErrorCode::kInvalid,
                     fmt::format("unknown table: {}", node.qualifier), node);
  }
  TRY_ASSIGN(const VisibleColumn* c, find_visible(*scope_.columns, node));
  if (c && c->computed) {
    TRY(count_node(node, size_of(*c->computed)));
    return c->computed;
  }
  if (c) {
    out->name = c->physical;
    return ExpressionPtr(out);
  }
  if (node.qualifier.empty() && same_letters(node.name, "pi")) {
    return made_literal(node, Value(std::numbers::pi));
  }
  std::vector<std::string> known;
  for (const VisibleColumn& c : *scope_.columns) {
    if (qualifies(c, node)) known.push_back(c.name);
  }
  std::string near = nearest_name(node.name, known);
  return sql_error(
      ErrorCode::kInvalid,
      fmt::format("unknown column{}: {}",
                  near.empty() ? "" : fmt::format(" (did you mean {}?)", near),
                  node.name),
      node);
}

Result<Translator::Arguments> Translator::translate_all(
    const SqlExpression& node, size_t from) {
  Arguments out;
  for (size_t i = from; i < node.arguments.size(); ++i) {
    TRY_ASSIGN(ExpressionPtr argument, translate(*node.arguments[i]));
    out.push_back(std::move(argument));
  }
  return out;
}

Result<ExpressionPtr> Translator::translate_call(const SqlExpression& node) {
  if (node.over) {
    return sql_error(
        ErrorCode::kInvalid,
        fmt::format("a window is not allowed here: {} OVER", node.name), node);
  }
  TRY_ASSIGN(ExpressionPtr sketch, translate_sketch(node));
  if (sketch) return sketch;
  if (is_aggregate_name(node.name)) return translate_aggregate(node);
  if (node.star || node.distinct || node.filter) {
    return unknown_function(node, "not an aggregate", aggregate_names());
  }
  TRY_ASSIGN(ExpressionPtr time, translate_time(node));
  if (time) return time;
  TRY_ASSIGN(ExpressionPtr special, translate_special(node));
  if (special) return special;
  TRY_ASSIGN(ExpressionPtr array, translate_array(node));
  if (array) return array;
  if (node.name == "and" || node.name == "or") return translate_tests(node);
  if (is_window_name(node.name)) {
    return sql_error(ErrorCode::kInvalid,
                     fmt::format("{} needs OVER (...)", node.name), node);
  }
  std::string name = engine_name(node.name);
  if (scope_.columns && !find_function(name) && name != "grouping") {
    std::vector<std::string> known = scalar_function_names();
    for (std::string_view a : aggregate_names()) known.emplace_back(a);
    return unknown_function(node, "unknown function", known);
  }
  TRY_ASSIGN(Arguments arguments, translate_all(node));
  return made_call(node, std::move(name), std::move(arguments));
}

// AND and OR. Tests of a column with constants count as constants, since they
// become sets; those of an aggregate do not, since its placeholder may have the
// name of a column.
Result<ExpressionPtr> Translator::translate_tests(const SqlExpression& node) {
  Arguments tests, others;
  const char* merged = node.name == "and" ? "<>" : "=";
  for (const SqlPtr& part : node.arguments) {
    TRY_ASSIGN(ExpressionPtr condition, translate(*part));
    const auto& sides = condition->arguments;
    bool joins = condition->name == merged && sides.size() == 2 &&
                 sides[0]->kind == Expression::Kind::kColumn &&
                 sides[1]->kind == Expression::Kind::kLiteral &&
                 !aggregate_of(*sides[0]);
    if (joins) nodes_ -= 2;
    (joins ? tests : others).push_back(std::move(condition));
  }
  if (tests.size() > 1) {
    ExpressionPtr joined = connect(node.name, std::move(tests));
    tests = joined->name == node.name ? joined->arguments : Arguments{joined};
  }
  others.insert(others.end(), tests.begin(), tests.end());
  if (others.size() == 1) return others[0];
  return made_call(node, node.name, std::move(others));
}

Result<ExpressionPtr> Translator::translate_cast(const SqlExpression& node) {
  TRY_ASSIGN(ExpressionType type, cast_type_of(node));
  const SqlExpression& inner = *node.arguments[0];
  TRY_ASSIGN(ExpressionPtr argument, translate(inner));
  ExpressionPtr out;
  const std::string* text = inner.literal.as_string();
  if (type.type == ValueType::kTimestamp && text) {
    auto time = parse_iso8601(*text, scope_.zone);
    const bool tries = node.name == "try_cast";
    if (!time && !tries) {
      return sql_error(ErrorCode::kInvalid, time.error().message, inner);
    }
    out = time ? made_literal(node, Value(*time))
               : made_cast(node, made_literal(node, Value()), type);
  } else {
    out = made_cast(node, std::move(argument), type);
  }
  if (node.type_name != "date") return out;
  return floored(node, std::move(out), Granularity(Granularity::Unit::kDay, 1));
}

}  // namespace freshet
