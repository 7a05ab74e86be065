#include "server/query/expression_type.h"

#include <fmt/format.h>

#include <algorithm>

namespace freshet {

std::string type_name(ExpressionType type) {
  switch (type.type) {
    case ValueType::kNull:
      return "null";
    case ValueType::kBool:
      return "bool";
    case ValueType::kLong:
      return "long";
    case ValueType::kDouble:
      return "double";
    case ValueType::kDecimal:
      return fmt::format("decimal({})", type.scale);
    case ValueType::kString:
      return "string";
    case ValueType::kTimestamp:
      return "timestamp";
  }
  return "null";
}

ExpressionType expression_type(ColumnType type) {
  switch (type.kind) {
    case ColumnKind::kString:
      return {ValueType::kString};
    case ColumnKind::kLong:
      return {ValueType::kLong};
    case ColumnKind::kDouble:
      return {ValueType::kDouble};
    case ColumnKind::kDecimal:
      return {ValueType::kDecimal, type.scale};
    case ColumnKind::kBool:
      return {ValueType::kBool};
    case ColumnKind::kTimestamp:
      return {ValueType::kTimestamp};
  }
  return {};
}

std::optional<ExpressionType> common_type(ExpressionType a, ExpressionType b) {
  if (a == b || b.type == ValueType::kNull) return a;
  if (a.type == ValueType::kNull) return b;
  if (!is_numeric(a) || !is_numeric(b)) return std::nullopt;
  if (a.type == ValueType::kDouble || b.type == ValueType::kDouble) {
    return ExpressionType{ValueType::kDouble};
  }
  return ExpressionType{ValueType::kDecimal, std::max(a.scale, b.scale)};
}

}  // namespace freshet
