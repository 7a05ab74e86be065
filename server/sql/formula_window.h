// The functions of formulas whose last argument is a span of time: 7d, month.
#pragma once

#include <string_view>

namespace freshet {

inline constexpr std::string_view kFormulaWindows[] = {
    "rolling", "to_date", "before", "time_avg", "time_min", "time_max"};
inline constexpr std::string_view kSameStores = "same_stores";

}  // namespace freshet
