// The words for a range of time, as dashboards and KPI requests know them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace freshet {

// "today", "yesterday", "mtd", ...; without the ranges of a length.
const std::vector<std::string>& range_names();

// "last_7d" or "-4h": a length that ends now.
struct RangeLength {
  int64_t ms = 0;
  // "last_" and whole days: calendar days, today being the last of them;
  // otherwise exactly the last `ms`.
  int64_t calendar_days = 0;
};
std::optional<RangeLength> parse_range_length(std::string_view text);

}  // namespace freshet
