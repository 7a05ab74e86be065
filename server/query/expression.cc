#include "server/query/expression.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string_view>

#include "server/query/expression_type.h"
#include "server/query/value_map.h"
#include "server/query/value_set.h"

namespace freshet {

ExpressionPtr column(std::string name) {
  auto made = std::make_shared<Expression>();
  made->kind = Expression::Kind::kColumn;
  made->name = std::move(name);
  return made;
}

ExpressionPtr literal(Value value) {
  auto made = std::make_shared<Expression>();
  made->kind = Expression::Kind::kLiteral;
  made->type.type = value.type();
  if (const Decimal* decimal = value.as_decimal()) {
    made->type.scale = decimal->scale;
  }
  made->literal = std::move(value);
  return made;
}

ExpressionPtr call(std::string name, std::vector<ExpressionPtr> arguments) {
  auto made = std::make_shared<Expression>();
  made->kind = Expression::Kind::kCall;
  made->name = std::move(name);
  made->arguments = std::move(arguments);
  return made;
}

namespace {

// Whether `e` is COLUMN `test` CONSTANT.
bool is_test(const Expression& e, std::string_view test) {
  return e.kind == Expression::Kind::kCall && e.name == test &&
         e.arguments.size() == 2 &&
         e.arguments[0]->kind == Expression::Kind::kColumn &&
         e.arguments[1]->kind == Expression::Kind::kLiteral &&
         !e.arguments[1]->literal.is_null();
}

}  // namespace

ExpressionPtr connect(std::string name, std::vector<ExpressionPtr> conditions) {
  const bool all = name == "and";
  // Constants of one type only, so that each is compared as it was.
  std::map<std::pair<std::string, ValueType>, std::vector<ExpressionPtr>> tests;
  std::vector<ExpressionPtr> out;
  for (ExpressionPtr& condition : conditions) {
    if (is_test(*condition, all ? "<>" : "=")) {
      const auto& arguments = condition->arguments;
      tests[{arguments[0]->name, arguments[1]->literal.type()}].push_back(
          std::move(condition));
    } else {
      out.push_back(std::move(condition));
    }
  }
  for (auto& [column, same] : tests) {
    if (same.size() == 1) {
      out.push_back(std::move(same[0]));
      continue;
    }
    auto in = std::make_shared<Expression>(*same[0]);
    in->name = "in";
    in->arguments.resize(1);
    for (const ExpressionPtr& test : same) {
      in->arguments.push_back(test->arguments[1]);
    }
    out.push_back(all ? call("not", {std::move(in)}) : std::move(in));
  }
  return out.size() == 1 ? out[0] : call(std::move(name), std::move(out));
}

void collect_columns(const Expression& expression,
                     std::vector<std::string>& out) {
  if (expression.kind == Expression::Kind::kColumn &&
      std::find(out.begin(), out.end(), expression.name) == out.end()) {
    out.push_back(expression.name);
  }
  for (const auto& argument : expression.arguments) {
    collect_columns(*argument, out);
  }
}

namespace {

std::string quoted(std::string_view text, char quote) {
  std::string out(1, quote);
  for (char c : text) {
    if (c == quote) out += quote;
    out += c;
  }
  out += quote;
  return out;
}

std::string literal_text(const Value& value) {
  switch (value.type()) {
    case ValueType::kString:
      return quoted(*value.as_string(), '\'');
    case ValueType::kTimestamp:
      return "TIMESTAMP '" + value.to_text() + "'";
    case ValueType::kDouble: {
      // "2" would read as a long: keep the two apart.
      std::string text = value.to_text();
      bool plain = text.find_first_not_of("-.0123456789") == std::string::npos;
      return plain ? text + "e0" : text;
    }
    case ValueType::kDecimal:
      // "2" would read as a long here, too.
      return value.to_text() + (value.as_decimal()->scale == 0 ? "." : "");
    default:
      return value.to_text();
  }
}

bool is_infix(std::string_view name) {
  static constexpr std::string_view kInfix[] = {
      "+", "-", "*", "/", "%", "=", "<>", "<", "<=", ">", ">=", "and", "or"};
  return std::find(std::begin(kInfix), std::end(kInfix), name) !=
         std::end(kInfix);
}

std::string joined(const Expression& expression, std::string_view separator,
                   size_t from = 0) {
  std::string out;
  for (size_t i = from; i < expression.arguments.size(); ++i) {
    if (i > from) out += separator;
    out += to_text(*expression.arguments[i]);
  }
  return out;
}

std::string set_text(const ValueSet& set) {
  std::string out;
  for (const Value& value : set.values()) {
    if (!out.empty()) out += ", ";
    out += literal_text(value);
  }
  if (set.has_null()) out += out.empty() ? "null" : ", null";
  return out;
}

std::string case_text(const Expression& e) {
  std::string out = "case";
  size_t i = 0;
  for (; i + 1 < e.arguments.size(); i += 2) {
    out += " when " + to_text(*e.arguments[i]) + " then " +
           to_text(*e.arguments[i + 1]);
  }
  if (i < e.arguments.size()) out += " else " + to_text(*e.arguments[i]);
  return out + " end";
}

std::string call_text(const Expression& e) {
  const auto& args = e.arguments;
  if (is_infix(e.name) && args.size() >= 2) {
    return "(" + joined(e, " " + e.name + " ") + ")";
  }
  if (e.name == "case") return case_text(e);
  if (args.size() >= 1) {
    std::string first = to_text(*args[0]);
    if (e.name == "is_null") return "(" + first + " is null)";
    if (e.name == "is_not_null") return "(" + first + " is not null)";
    if (e.name == "not") return "(not " + first + ")";
    if (e.name == "neg") return "(- " + first + ")";
    if (e.name == "in") {
      return "(" + first + " in (" +
             (e.set ? set_text(*e.set) : joined(e, ", ", 1)) + "))";
    }
    if (e.name == "between" && args.size() == 3) {
      return "(" + first + " between " + joined(e, " and ", 1) + ")";
    }
    if (e.name == "cast") {
      return "cast(" + first + " as " + type_name(e.cast_type) +
             (e.widens ? ", exact" : "") +
             (e.zone == absl::UTCTimeZone() ? ""
                                            : ", '" + e.zone.name() + "'") +
             ")";
    }
  }
  std::string out = e.name + "(" + joined(e, ", ");
  bool zoned = e.zone != absl::UTCTimeZone();
  if (e.map) out += ", " + quoted(e.map->identity, '\'');
  if (e.name.starts_with("time_floor") || e.name.starts_with("time_ceil")) {
    out += ", '" + e.granularity.to_string() + "'";
    zoned = true;
  }
  if (zoned) out += ", '" + e.zone.name() + "'";
  return out + ")";
}

}  // namespace

std::string to_text(const Expression& expression) {
  switch (expression.kind) {
    case Expression::Kind::kColumn:
      return quoted(expression.name, '"');
    case Expression::Kind::kLiteral:
      return literal_text(expression.literal);
    case Expression::Kind::kCall:
      return call_text(expression);
  }
  return "";
}

}  // namespace freshet
