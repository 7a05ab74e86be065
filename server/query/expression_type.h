// How expression types combine: names, the types of columns, common types.
#pragma once

#include <optional>
#include <string>

#include "segments/schema.h"
#include "server/query/expression.h"

namespace freshet {

// The greatest scale an expression's decimal may have; a product beyond it is
// computed as double.
inline constexpr int kMaxExpressionScale = 30;

// "long", "decimal(2)", "null", ...
std::string type_name(ExpressionType type);

ExpressionType expression_type(ColumnType type);

inline bool is_numeric(ExpressionType t) {
  return t.type == ValueType::kLong || t.type == ValueType::kDouble ||
         t.type == ValueType::kDecimal;
}

// Whether values are kept as int64 in a Vector: bool, long, timestamp.
inline bool is_long_backed(ExpressionType t) {
  return t.type == ValueType::kBool || t.type == ValueType::kLong ||
         t.type == ValueType::kTimestamp;
}

// The type both convert to without loss, besides long to double: null gives
// way, long < decimal (greater scale) < double. Nothing when there is none.
std::optional<ExpressionType> common_type(ExpressionType a, ExpressionType b);

}  // namespace freshet
