// resolve(): names to columns and functions, types bottom-up.
#include <absl/strings/ascii.h>
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "server/query/expression_type.h"
#include "server/query/function_table.h"

namespace freshet {
namespace {

size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      bool same = absl::ascii_tolower(a[i]) == absl::ascii_tolower(b[j]);
      size_t next = std::min({row[j] + 1, row[j + 1] + 1, diagonal + !same});
      diagonal = row[j + 1];
      row[j + 1] = next;
    }
  }
  return row.back();
}

Error unknown(std::string_view what, const Expression& e,
              const std::vector<std::string_view>& known) {
  std::string_view nearest;
  size_t best = std::max<size_t>(2, e.name.size() / 2) + 1;
  for (std::string_view name : known) {
    size_t distance = edit_distance(e.name, name);
    if (distance < best) {
      best = distance;
      nearest = name;
    }
  }
  std::string hint =
      nearest.empty() ? "" : fmt::format(" (did you mean '{}'?)", nearest);
  return Error{ErrorCode::kInvalid,
               fmt::format("unknown {}{}: {}", what, hint, e.name), e.line,
               e.column};
}

bool same_letters(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](unsigned char x, unsigned char y) {
                      return absl::ascii_tolower(x) == absl::ascii_tolower(y);
                    });
}

Result<ExpressionPtr> resolve_column(const Expression& e,
                                     const Schema& schema) {
  auto at = schema.find(e.name);
  for (size_t i = 0; !at && i < schema.columns.size(); ++i) {
    if (same_letters(schema.columns[i].name, e.name)) at = i;
  }
  if (!at) {
    std::vector<std::string_view> names;
    for (const auto& spec : schema.columns) names.push_back(spec.name);
    return unknown("column", e, names);
  }
  auto made = std::make_shared<Expression>(e);
  made->name = schema.columns[*at].name;
  made->type = expression_type(schema.columns[*at].type);
  return ExpressionPtr(made);
}

Result<ExpressionPtr> resolve_call(const Expression& e, const Schema& schema) {
  auto made = std::make_shared<Expression>(e);
  for (ExpressionPtr& argument : made->arguments) {
    TRY_ASSIGN(argument, resolve(argument, schema));
  }
  const Function* function = find_function(e.name);
  if (!function) return unknown("function", e, function_names());
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

Result<ExpressionPtr> resolve(const ExpressionPtr& expression,
                              const Schema& schema) {
  switch (expression->kind) {
    case Expression::Kind::kColumn:
      return resolve_column(*expression, schema);
    case Expression::Kind::kLiteral: {
      auto made = std::make_shared<Expression>(*expression);
      made->type.type = made->literal.type();
      const Decimal* decimal = made->literal.as_decimal();
      made->type.scale = decimal ? decimal->scale : uint8_t{0};
      return ExpressionPtr(made);
    }
    case Expression::Kind::kCall:
      return resolve_call(*expression, schema);
  }
  return invalid("expression of no known kind");
}

}  // namespace freshet
