#include "server/query/widen_value.h"

namespace freshet {

Value widened(Value value, ExpressionType type) {
  if (value.is_null()) return value;
  if (type.type == ValueType::kDouble) return Value(value.to_double());
  if (type.type != ValueType::kDecimal) return value;
  Decimal d;
  if (value.as_long()) d = Decimal{*value.as_long(), 0};
  if (value.as_decimal()) d = *value.as_decimal();
  for (; d.scale < type.scale; ++d.scale) d.units *= 10;
  return Value(d);
}

}  // namespace freshet
