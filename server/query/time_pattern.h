// Joda-Time patterns, as TIME_FORMAT and TIME_PARSE take them: "yyyy-MM-dd
// HH:mm", "EEE, d MMM yyyy", "yyyy-MM-dd'T'HH:mm:ssZZ". English names.
#pragma once

#include <absl/time/time.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "segments/time.h"

namespace freshet {

class TimePattern {
 public:
  // kInvalid for an empty or very long pattern, an unclosed quote, and letters
  // that Joda does not know.
  static Result<TimePattern> parse(std::string_view pattern);

  std::string format(Timestamp t, const absl::TimeZone& zone) const;
  // Nothing if the whole text is not such a time. Fields that the pattern
  // lacks are those of 1970-01-01T00:00; without an offset it is in `zone`:
  // where the clock skips it, the moment of the skip; where it comes twice, the
  // first, as parse_iso8601 has it.
  std::optional<Timestamp> read(std::string_view text,
                                const absl::TimeZone& zone) const;

 private:
  struct Part {
    char letter = 0;  // 0: `text` itself
    int count = 0;
    std::string text;
  };
  std::vector<Part> parts_;
};

}  // namespace freshet
