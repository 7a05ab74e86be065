#pragma once

#include "server/query/expression.h"

namespace freshet {

// Same kind, names, literals, lookups and arguments; places in the text do not
// matter.
bool same_expression(const Expression& a, const Expression& b);
bool same_expression(const ExpressionPtr& a, const ExpressionPtr& b);

}  // namespace freshet
