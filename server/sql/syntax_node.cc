#include "server/sql/syntax_node.h"

namespace freshet {
namespace {

std::shared_ptr<SqlExpression> made(const SqlExpression& place,
                                    SqlExpression::Kind kind) {
  auto out = std::make_shared<SqlExpression>();
  out->kind = kind;
  out->line = place.line;
  out->column = place.column;
  return out;
}

}  // namespace

bool is_call_of(const SqlExpression& node, std::string_view name) {
  return node.kind == SqlExpression::Kind::kCall && node.name == name;
}

SqlPtr sql_call(const SqlExpression& place, std::string name,
                std::vector<SqlPtr> arguments) {
  auto out = made(place, SqlExpression::Kind::kCall);
  out->name = std::move(name);
  out->arguments = std::move(arguments);
  return out;
}

SqlPtr sql_column(const SqlExpression& place, std::string name) {
  auto out = made(place, SqlExpression::Kind::kColumn);
  out->name = std::move(name);
  return out;
}

SqlPtr sql_literal(const SqlExpression& place, Value value) {
  auto out = made(place, SqlExpression::Kind::kLiteral);
  out->literal = std::move(value);
  return out;
}

}  // namespace freshet
