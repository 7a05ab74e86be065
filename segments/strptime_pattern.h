// Patterns of time as people write them for strptime, for absl::ParseTime.
#pragma once

#include <string>
#include <string_view>

namespace freshet {

// `pattern` with %Y as a year of four digits: Abseil alone would take all the
// digits of 20261128 for the year of "%Y%m%d".
std::string strptime_pattern(std::string_view pattern);

}  // namespace freshet
