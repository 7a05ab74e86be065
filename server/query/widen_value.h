// A value as one of its type's wider types, as common_type() has them.
#pragma once

#include "server/query/expression_type.h"
#include "server/query/query_control.h"
#include "server/query/value.h"

namespace freshet {

// A long or decimal as a double or as a decimal of at least its scale; any
// other value as it is. kInvalid for a decimal beyond 128 bits.
Result<Value> widen(Value value, ExpressionType type);
// The same. REQUIRES: it fits, as any long does at a column's scale.
Value widened(Value value, ExpressionType type);

// Makes a column of `result` one of this type. Fails as widen() and `control`
// do.
Status widen_column(QueryResult& result, size_t column, ExpressionType type,
                    const QueryControl& control);

}  // namespace freshet
