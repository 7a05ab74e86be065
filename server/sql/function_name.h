// Names of SQL's functions: of the engine, and of the translator's own.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace freshet {

// The engine's name of a function that SQL calls otherwise; else `sql`.
std::string engine_name(std::string_view sql);
// All that SQL can call, without operators and aggregates; sorted, lower case.
std::vector<std::string> scalar_function_names();
bool is_window_name(std::string_view name);

// What to use in place of a function of Druid that there is no use for here; ""
// for others, and where `near`, the nearest name, is one of its family.
std::string_view instead_of(std::string_view name, std::string_view near);

}  // namespace freshet
