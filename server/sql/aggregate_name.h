#pragma once

#include <string_view>

namespace freshet {

// Whether a function of this name (lower case) is an aggregate, in SQL or in
// KPI formulas.
bool is_aggregate_name(std::string_view name);

}  // namespace freshet
