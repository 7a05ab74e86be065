// A value as one of its type's wider types, as common_type() has them.
#pragma once

#include "server/query/expression_type.h"
#include "server/query/value.h"

namespace freshet {

// A long or decimal as a double or as a decimal of at least its scale; any
// other value as it is.
Value widened(Value value, ExpressionType type);

}  // namespace freshet
