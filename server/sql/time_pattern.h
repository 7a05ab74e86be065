// Joda-Time patterns of TIME_FORMAT: "yyyy-MM-dd HH:mm".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "segments/result.h"

namespace freshet {

struct TimePatternPart {
  std::string field;  // as in extract_FIELD, or empty: `text` itself
  int width = 0;      // at least this many digits, filled with zeros
  std::string text;
};

// kUnsupported names a letter we have no field for (names of months, zones).
Result<std::vector<TimePatternPart>> parse_time_pattern(
    std::string_view pattern);

}  // namespace freshet
