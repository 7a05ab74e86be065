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

std::vector<SqlPtr> sql_parts(const SqlExpression& node) {
  std::vector<SqlPtr> out = node.arguments;
  if (node.filter) out.push_back(node.filter);
  if (!node.over) return out;
  const auto& partition = node.over->partition_by;
  out.insert(out.end(), partition.begin(), partition.end());
  for (const SortItem& key : node.over->order_by) out.push_back(key.expression);
  return out;
}

Result<SqlPtr> with_parts(
    const SqlExpression& node,
    const std::function<Result<SqlPtr>(const SqlPtr&)>& change) {
  auto out = std::make_shared<SqlExpression>(node);
  for (SqlPtr& part : out->arguments) {
    TRY_ASSIGN(part, change(part));
  }
  if (node.filter) {
    TRY_ASSIGN(out->filter, change(node.filter));
  }
  if (!node.over) return SqlPtr(std::move(out));
  auto window = std::make_shared<SqlWindow>(*node.over);
  for (SqlPtr& key : window->partition_by) {
    TRY_ASSIGN(key, change(key));
  }
  for (SortItem& key : window->order_by) {
    TRY_ASSIGN(key.expression, change(key.expression));
  }
  out->over = std::move(window);
  return SqlPtr(std::move(out));
}

}  // namespace freshet
