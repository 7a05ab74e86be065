// Steps of calendar days and months from an instant, in a zone.
#pragma once

#include <absl/time/time.h>

#include <cstdint>

namespace freshet {

// The same wall-clock time `days` later; where the clock skips it or has it
// twice, by the offset before the change. Milliseconds since 1970 UTC; at
// most 10,000 years from it.
int64_t plus_days(int64_t ms, int64_t days, const absl::TimeZone& zone);
// The same, `months` later; a day past the month's end becomes its last.
int64_t plus_months(int64_t ms, int64_t months, const absl::TimeZone& zone);

}  // namespace freshet
