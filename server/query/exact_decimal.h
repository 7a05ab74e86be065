// Numbers that people write, with all their digits.
#pragma once

#include <optional>
#include <string_view>

#include "server/query/value.h"

namespace freshet {

inline constexpr int kMaxExactDigits = 36;

// "0.10" as 10 at scale 2, "-1.5e3" as -1500 at scale 0. Nothing for what is
// no number, or has more than kMaxExactDigits digits, or so many behind the
// point.
std::optional<Decimal> exact_decimal(std::string_view text);

}  // namespace freshet
