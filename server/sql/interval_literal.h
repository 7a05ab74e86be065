// SQL's interval literals: INTERVAL '1-2' YEAR TO MONTH, INTERVAL '1 day'.
#pragma once

#include <string_view>

#include "server/sql/calendar_unit.h"

namespace freshet {

// What stands after the word INTERVAL, with the quotes left out and the
// qualifier, if any, behind the digits: "3 DAY", "-1-2 YEAR TO MONTH",
// "1 02:03:04.5 DAY TO SECOND", or without one "2 hours 30 minutes", "P1DT12H".
// A sign holds for all fields of a qualified one. kInvalid ends with the text.
Result<TimeSpan> parse_interval_literal(std::string_view text);

}  // namespace freshet
