#pragma once

#include <vector>

#include "server/query/expression.h"

namespace freshet {

// Takes out of `conjuncts` those that bound `__time` by a constant
// (comparison, BETWEEN) and gives the interval they leave. Text constants are
// ISO 8601 in `zone`. kInvalid when such a text is no time.
Result<Interval> take_time_bounds(std::vector<ExpressionPtr>& conjuncts,
                                  const absl::TimeZone& zone);

// CAST(x AS TIMESTAMP) is x: Superset writes it everywhere.
const Expression& without_time_cast(const Expression& e);
// Whether it is `__time`, with casts or without.
bool is_row_time(const Expression& e);

// The parts of nested ANDs, in order.
void split_conjuncts(const ExpressionPtr& condition,
                     std::vector<ExpressionPtr>& out);
// Their AND; null for none.
ExpressionPtr join_conjuncts(std::vector<ExpressionPtr> conjuncts);

}  // namespace freshet
