// resolve(): names to columns and functions, types bottom-up.
#include <absl/strings/ascii.h>
#include <fmt/format.h>

#include <algorithm>

#include "server/json/json_value.h"
#include "server/query/expression_type.h"
#include "server/query/function_table.h"
#include "server/query/resolve_names.h"

namespace freshet {
namespace {

Error unknown(std::string_view what, std::string_view name,
              const std::vector<std::string>& known) {
  std::string nearest = nearest_name(name, known);
  std::string hint =
      nearest.empty() ? "" : fmt::format(" (did you mean '{}'?)", nearest);
  return invalid(fmt::format("unknown {}{}: {}", what, hint, name));
}

Error at_place(Error error, const Expression& e) {
  error.line = e.line;
  error.column = e.column;
  return error;
}

bool same_letters(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](unsigned char x, unsigned char y) {
                      return absl::ascii_tolower(x) == absl::ascii_tolower(y);
                    });
}

struct Scope {
  std::span<const TypedName> names;
  std::string_view what;
};

Result<ExpressionPtr> resolve_column(const Expression& e, const Scope& scope) {
  auto at = find_name(e.name, scope.names);
  if (!at) return at_place(unknown_name(scope.what, e.name, scope.names), e);
  auto made = std::make_shared<Expression>(e);
  made->name = scope.names[*at].name;
  made->type = scope.names[*at].type;
  return ExpressionPtr(made);
}

Result<ExpressionPtr> resolve_call(const Expression& e, const Scope& scope) {
  auto made = std::make_shared<Expression>(e);
  for (ExpressionPtr& argument : made->arguments) {
    TRY_ASSIGN(argument, resolve_names(argument, scope.names, scope.what));
  }
  const Function* function = find_function(e.name);
  if (!function) {
    return at_place(unknown("function", e.name, function_names()), e);
  }
  int count = static_cast<int>(e.arguments.size());
  if (count < function->min_arguments ||
      (function->max_arguments >= 0 && count > function->max_arguments)) {
    return Error{ErrorCode::kInvalid,
                 fmt::format("'{}' takes {}{} arguments, not {}", e.name,
                             function->min_arguments,
                             function->max_arguments == function->min_arguments
                                 ? ""
                                 : (function->max_arguments < 0
                                        ? " or more"
                                        : fmt::format(" to {}",
                                                      function->max_arguments)),
                             count),
                 e.line, e.column};
  }
  TRY_ASSIGN(made->type, function->check(*made));
  return ExpressionPtr(made);
}

}  // namespace

std::optional<size_t> find_name(std::string_view name,
                                std::span<const TypedName> names) {
  std::optional<size_t> loose;
  for (size_t i = 0; i < names.size(); ++i) {
    if (names[i].name == name) return i;
    if (!loose && same_letters(names[i].name, name)) loose = i;
  }
  return loose;
}

Error unknown_name(std::string_view what, std::string_view name,
                   std::span<const TypedName> known) {
  std::vector<std::string> names;
  for (const TypedName& entry : known) names.push_back(entry.name);
  return unknown(what, name, names);
}

Result<ExpressionPtr> resolve_names(const ExpressionPtr& expression,
                                    std::span<const TypedName> names,
                                    std::string_view what) {
  switch (expression->kind) {
    case Expression::Kind::kColumn:
      return resolve_column(*expression, {names, what});
    case Expression::Kind::kLiteral: {
      auto made = std::make_shared<Expression>(*expression);
      made->type.type = made->literal.type();
      const Decimal* decimal = made->literal.as_decimal();
      made->type.scale = decimal ? decimal->scale : uint8_t{0};
      return ExpressionPtr(made);
    }
    case Expression::Kind::kCall:
      return resolve_call(*expression, {names, what});
  }
  return invalid("expression of no known kind");
}

Result<ExpressionPtr> resolve(const ExpressionPtr& expression,
                              const Schema& schema) {
  std::vector<TypedName> names;
  for (const ColumnSpec& spec : schema.columns) {
    names.push_back({spec.name, expression_type(spec.type)});
  }
  return resolve_names(expression, names, "column");
}

}  // namespace freshet
