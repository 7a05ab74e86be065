#include "segments/column_widening.h"

namespace freshet {

bool may_become(ColumnType stored, ColumnType now) {
  if (stored == now) return true;
  if (!stored.is_numeric() || stored.kind == ColumnKind::kDouble) return false;
  if (now.kind == ColumnKind::kDouble) return true;
  return now.kind == ColumnKind::kDecimal &&
         (stored.kind == ColumnKind::kLong || now.scale >= stored.scale);
}

std::optional<int64_t> widened_units(int64_t units, ColumnType stored,
                                     ColumnType now) {
  // Only decimals have a scale; that of all others is 0.
  const int64_t factor = kPowersOfTen[now.scale - stored.scale];
  if (__builtin_mul_overflow(units, factor, &units)) return std::nullopt;
  return units;
}

// The power is an exact double: one rounding in all for units below 2^53.
double widened_double(int64_t units, ColumnType stored) {
  return static_cast<double>(units) /
         static_cast<double>(kPowersOfTen[stored.scale]);
}

}  // namespace freshet
