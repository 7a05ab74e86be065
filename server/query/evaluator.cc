#include "server/query/evaluator.h"

#include <algorithm>

#include "server/query/query_control.h"

namespace freshet {
namespace {

// Arguments of AND and OR that are computed before they are joined: thousands
// of them must not be in memory together.
constexpr size_t kJoined = 16;

VectorPtr apply(const Function& function, const Expression& e,
                const std::vector<VectorPtr>& arguments, RowSource& rows,
                EvaluationContext& context) {
  bool constant = std::all_of(arguments.begin(), arguments.end(),
                              [](const VectorPtr& v) { return v->constant; });
  size_t size = constant ? 1 : rows.size();
  auto out = function.evaluate({e, arguments, size, context});
  if (constant) {
    out->constant = true;
    out->size = rows.size();
  }
  return out;
}

Result<VectorPtr> evaluate_call(const Expression& e, RowSource& rows,
                                EvaluationContext& context) {
  const Function* function = find_function(e.name);
  if (!function) return Error{ErrorCode::kInternal, "not resolved: " + e.name};
  if (context.control) TRY(context.control->check());
  const bool joins = e.name == "and" || e.name == "or";
  std::vector<VectorPtr> arguments;
  for (const auto& argument : e.arguments) {
    TRY_ASSIGN(VectorPtr value, evaluate_vector(*argument, rows, context));
    arguments.push_back(std::move(value));
    if (joins && arguments.size() == kJoined) {
      arguments = {apply(*function, e, arguments, rows, context)};
    }
  }
  return apply(*function, e, arguments, rows, context);
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
