// DISTINCT, INTERSECT and EXCEPT over rows that are already a result.
#pragma once

#include "server/query/query_control.h"
#include "server/query/value_rows.h"

namespace freshet {

// Keeps the first of rows whose first `columns` values are equal. Charges
// `control` for its memory and fails as it does; then the rows are any.
Status drop_repeats(ValueRows& rows, size_t columns, QueryControl& control);

// The same, and of them only rows that are (`common`), or are not, among
// `others`, rows of as many values.
Status keep_common(ValueRows& rows, const ValueRows& others, bool common,
                   QueryControl& control);

}  // namespace freshet
