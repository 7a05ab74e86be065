#include "server/druid/native_expression.h"

#include <absl/strings/ascii.h>
#include <fmt/format.h>

#include <algorithm>

#include "server/druid/native_member.h"
#include "server/sql/parser.h"
#include "server/sql/token.h"

namespace freshet {
namespace {

// "" or what of another statement is in `node`.
const char* foreign_part(const SqlExpression& node) {
  if (node.kind == SqlExpression::Kind::kSubquery) return "a sub-query";
  if (node.kind == SqlExpression::Kind::kParameter) return "a parameter";
  if (node.over) return "a window";
  for (const SqlPtr& argument : node.arguments) {
    if (const char* found = foreign_part(*argument); *found) return found;
  }
  return node.filter ? foreign_part(*node.filter) : "";
}

// What stands between tokens is blank, or a comment.
Status check_comments(std::string_view text) {
  TRY_ASSIGN(std::vector<Token> tokens, tokenize(text));
  size_t at = 0;
  auto blank = [&](size_t end) {
    std::string_view gap = text.substr(at, end - at);
    return std::all_of(gap.begin(), gap.end(), absl::ascii_isspace);
  };
  for (const Token& token : tokens) {
    if (!blank(token.offset)) return invalid("SQL takes a part for a comment");
    at = token.offset + token.text.size();
  }
  if (!blank(text.size())) return invalid("SQL takes a part for a comment");
  return {};
}

Status check_alone(std::string_view text) {
  TRY(check_comments(text));
  TRY_ASSIGN(SqlPtr parsed,
             parse_sql_expression(text, SqlDialect::kExpression));
  // A clause that may follow a SELECT's last item may not follow a value's.
  Result<SqlPtr> inside =
      parse_sql_expression(fmt::format("({})", text), SqlDialect::kExpression);
  if (!inside) return inside.error();
  const char* foreign = foreign_part(*parsed);
  if (*foreign) return invalid(fmt::format("it has {}", foreign));
  return {};
}

}  // namespace

Result<std::string> native_expression(const JsonValue& node) {
  TRY_ASSIGN(std::string text, native_text(node, "expression"));
  Status alone = check_alone(text);
  if (alone) return "(" + text + ")";
  return invalid(
      fmt::format("not an expression ({}): {}", alone.error().message, text));
}

}  // namespace freshet
