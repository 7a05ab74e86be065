// What a range is compared with.
#pragma once

#include <optional>
#include <string>

#include "server/kpi/calendar.h"
#include "server/kpi/kpi.h"

namespace freshet {

struct Comparison {
  std::string kind;
  Interval range;  // as much of `whole` as has passed of the asked range
  Interval whole;
  // How far back, if by the calendar; nothing for FROM/TO.
  std::optional<CalendarStep> step;
};

// When the clock has gone on from `from` as far as it has between `start` and
// `reached`, nights of DST or not.
Timestamp same_elapsed(Timestamp from, Timestamp start, Timestamp reached,
                       const absl::TimeZone& zone);

// Nothing for "" and "none". kInvalid for an unknown kind or a reversed
// FROM/TO.
Result<std::optional<Comparison>> plan_comparison(const KpiRequest& request,
                                                  Interval range, Timestamp now,
                                                  const absl::TimeZone& zone);

}  // namespace freshet
