#include "server/query/widen_value.h"

#include <fmt/format.h>

#include <span>

namespace freshet {

Result<Value> widen(Value value, ExpressionType type) {
  if (value.is_null()) return value;
  if (type.type == ValueType::kDouble) return Value(value.to_double());
  if (type.type != ValueType::kDecimal) return value;
  Decimal d;
  if (value.as_long()) d = Decimal{*value.as_long(), 0};
  if (value.as_decimal()) d = *value.as_decimal();
  for (; d.scale < type.scale; ++d.scale) {
    if (__builtin_mul_overflow(d.units, __int128{10}, &d.units)) {
      return invalid(fmt::format("number out of range as {}: {}",
                                 type_name(type), value.to_text()));
    }
  }
  return Value(d);
}

Value widened(Value value, ExpressionType type) {
  return *widen(std::move(value), type);
}

Status widen_column(QueryResult& result, size_t column, ExpressionType type,
                    const QueryControl& control) {
  if (result.columns[column].type == type) return {};
  result.columns[column].type = type;
  auto& rows = result.rows;
  return in_runs(
      rows.size(), &control, [&](size_t begin, size_t count) -> Status {
        for (auto& row : std::span(rows).subspan(begin, count)) {
          TRY_ASSIGN(row[column], widen(std::move(row[column]), type));
        }
        return {};
      });
}

}  // namespace freshet
