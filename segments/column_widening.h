// Column widening: a segment stays as it was written, but its column's type may
// have become wider since. What a value stored before is in the type of now, as
// expressions cast it: exact, or the nearest double.
#pragma once

#include <cstdint>
#include <optional>

#include "segments/schema.h"

namespace freshet {

// Whether values stored as `stored` may be read as `now`: the same type, long
// to decimal to double, a decimal of more digits.
bool may_become(ColumnType stored, ColumnType now);

// The value in units of `now`; nothing if these exceed 64 bits. REQUIRES:
// may_become(), both integer-backed.
std::optional<int64_t> widened_units(int64_t units, ColumnType stored,
                                     ColumnType now);

// REQUIRES: `stored` is a long or decimal.
double widened_double(int64_t units, ColumnType stored);

}  // namespace freshet
