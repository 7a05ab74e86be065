#pragma once

#include <string_view>
#include <vector>

namespace freshet {

// Whether a function of this name (lower case) is an aggregate, in SQL or in
// KPI formulas.
bool is_aggregate_name(std::string_view name);
// Whether it makes a sketch, which only other functions look into.
bool is_sketch_name(std::string_view name);
// Whether it takes the value at the least or greatest __time.
bool goes_by_time(std::string_view name);
// All of them but the forms of formulas; lower case.
std::vector<std::string_view> aggregate_names();

}  // namespace freshet
