// The value of a KPI formula over the values of its aggregates: what is done
// once per number shown, not per row. Sums, differences and products of exact
// numbers stay exact; a quotient is a double; a division by zero is null.
#pragma once

#include <functional>
#include <string>

#include "server/query/expression.h"

namespace freshet {

// Value of an aggregate ("a0") or of another KPI ("[net_sales]").
using FormulaColumns = std::function<Value(const std::string& name)>;

struct FormulaValue {
  Value value;
  bool divided_by_zero = false;  // why `value` is null
};

// `days` is what days() gives. REQUIRES: check_formula_value accepts it.
FormulaValue evaluate_formula(const Expression& expression,
                              const FormulaColumns& columns, double days);

// kInvalid for a function that formulas do not have outside of aggregates,
// with the nearest known one, for a literal that is no number, and for a
// condition where a number stands, or the other way round.
Status check_formula_value(const Expression& expression);

// Exact arithmetic of two numbers of any type; null with null.
Value add_numbers(const Value& a, const Value& b);
Value subtract_numbers(const Value& a, const Value& b);

}  // namespace freshet
