#include "server/query/widen_value.h"

#include <span>

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

Status widen_column(QueryResult& result, size_t column, ExpressionType type,
                    const QueryControl& control) {
  if (result.columns[column].type == type) return {};
  result.columns[column].type = type;
  auto& rows = result.rows;
  return in_runs(rows.size(), &control, [&](size_t begin, size_t count) {
    for (auto& row : std::span(rows).subspan(begin, count)) {
      row[column] = widened(std::move(row[column]), type);
    }
  });
}

}  // namespace freshet
