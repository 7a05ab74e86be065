// The divisor of a ratio, by which its parts weigh.
#include <algorithm>

#include "server/kpi/kpi_plan.h"

namespace freshet {

bool KpiPlan::is_constant(const Expression& e) const {
  return e.kind == Expression::Kind::kLiteral ||
         (e.kind == Expression::Kind::kCall && e.name != "days" &&
          std::all_of(e.arguments.begin(), e.arguments.end(),
                      [&](const ExpressionPtr& a) { return is_constant(*a); }));
}

KpiPlan::Divisor KpiPlan::find_divisor(size_t node, const Expression& e) const {
  if (is_constant(e)) return {};
  if (e.kind == Expression::Kind::kCall) return divisor_of_call(node, e);
  const Formula& formula = *nodes_[node].formula;
  for (size_t i = 0; i < formula.kpis.size(); ++i) {
    if (e.name != "[" + formula.kpis[i] + "]") continue;
    size_t used = nodes_[node].uses[i];
    return find_divisor(used, *nodes_[used].formula->value);
  }
  return {Divisor::Kind::kMany, 0, nullptr};
}

// Around a quotient of amounts may stand what keeps it a weighted mean of its
// parts: constants, and other quotients with the same divisor.
KpiPlan::Divisor KpiPlan::divisor_of_call(size_t node,
                                          const Expression& e) const {
  const Divisor many{Divisor::Kind::kMany, 0, nullptr};
  if (e.name == "neg") return find_divisor(node, *e.arguments[0]);
  if (e.arguments.size() != 2) return many;
  const Expression& left = *e.arguments[0];
  const Expression& right = *e.arguments[1];
  if (e.name == "/") {
    if (is_constant(right)) return find_divisor(node, left);
    bool amounts = is_amount(nodes_[node], right) &&
                   (is_amount(nodes_[node], left) || is_constant(left));
    return amounts ? Divisor{Divisor::Kind::kOne, node, &right} : many;
  }
  Divisor a = find_divisor(node, left), b = find_divisor(node, right);
  bool scaled = e.name == "*" && (is_constant(left) || is_constant(right));
  if (e.name != "+" && e.name != "-" && !scaled) return many;
  if (a.kind == Divisor::Kind::kNone) return b;
  if (b.kind == Divisor::Kind::kNone) return a;
  bool same = a.kind == Divisor::Kind::kOne && b.kind == Divisor::Kind::kOne &&
              a.node == b.node &&
              to_text(*a.expression) == to_text(*b.expression);
  return same ? a : many;
}

std::optional<double> KpiPlan::divisor(const BaseValues& values,
                                       double days) const {
  size_t last = nodes_.size() - 1;
  Divisor found = find_divisor(last, *nodes_[last].formula->value);
  if (found.kind != Divisor::Kind::kOne) return std::nullopt;
  Value value = evaluate(found.node, *found.expression, values, days).value;
  return value.is_null() ? 0 : value.to_double();
}

}  // namespace freshet
