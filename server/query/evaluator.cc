#include "server/query/evaluator.h"

#include <algorithm>

namespace freshet {
namespace {

Result<VectorPtr> evaluate_call(const Expression& e, RowSource& rows,
                                EvaluationContext& context) {
  std::vector<VectorPtr> arguments;
  bool constant = true;
  for (const auto& argument : e.arguments) {
    TRY_ASSIGN(VectorPtr value, evaluate_vector(*argument, rows, context));
    constant = constant && value->constant;
    arguments.push_back(std::move(value));
  }
  const Function* function = find_function(e.name);
  if (!function) return Error{ErrorCode::kInternal, "not resolved: " + e.name};
  size_t size = constant ? 1 : rows.size();
  auto out = function->evaluate({e, arguments, size, context});
  if (constant) {
    out->constant = true;
    out->size = rows.size();
  }
  return VectorPtr(std::move(out));
}

class NoRows final : public RowSource {
 public:
  size_t size() const override { return 1; }
  Result<VectorPtr> column(const Expression& column) override {
    return Error{ErrorCode::kInternal, "not a constant: " + column.name};
  }
};

}  // namespace

Result<VectorPtr> evaluate_vector(const Expression& e, RowSource& rows,
                                  EvaluationContext& context) {
  switch (e.kind) {
    case Expression::Kind::kLiteral:
      return make_constant(e.type, e.literal, rows.size());
    case Expression::Kind::kColumn:
      return rows.column(e);
    case Expression::Kind::kCall:
      break;
  }
  TRY_ASSIGN(VectorPtr known, rows.known(e));
  if (known) return known;
  return evaluate_call(e, rows, context);
}

Result<std::optional<Value>> constant_value(const Expression& expression) {
  std::vector<std::string> columns;
  collect_columns(expression, columns);
  if (!columns.empty()) return std::optional<Value>();
  Arena arena;
  EvaluationContext context{arena};
  NoRows rows;
  TRY_ASSIGN(VectorPtr value, evaluate_vector(expression, rows, context));
  TRY(check_lanes(*value, expression));
  return std::optional<Value>(value->value(0));
}

}  // namespace freshet
