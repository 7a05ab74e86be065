// The filter of KPI requests and alerts: "store:S01,S02;channel:!web".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/query/expression.h"

namespace freshet {

// Clauses NAME:VALUE[,VALUE...] joined by ';': all must hold. A '!' before the
// first value excludes the values instead. The word null stands for a missing
// value, two quotes ("") for the empty one. A backslash takes the next
// character as it is, %XX is a byte in hex: so "\null" is the text, and "a\,b"
// one value. Null for an empty text. kInvalid names what is wrong, a dimension
// not in `allowed` with the nearest; `whose` are they: "kpi 'net_sales'".
Result<ExpressionPtr> parse_dimension_filter(
    std::string_view text, const std::vector<std::string>& allowed,
    std::string_view whose);

// Whether a value of the filter's one dimension passes. REQUIRES: `filter` is
// of parse_dimension_filter and names no other dimension.
bool filter_holds(const Expression& filter, const Value& value);

}  // namespace freshet
