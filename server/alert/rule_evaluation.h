// Asks the KPI of one rule for its values by the data's clock.
#pragma once

#include <utility>
#include <vector>

#include "server/alert/alert_state.h"
#include "server/alert/data_clock.h"
#include "server/kpi/kpi.h"

namespace freshet {

struct RuleValues {
  // Where the clock stands; kMinTimestamp: nothing was read yet.
  Timestamp as_of = kMinTimestamp;
  // One per value of `by` that has rows in the window; one without labels if
  // there is no `by`. Null: no data, or fewer than min_rows rows of its own.
  std::vector<std::pair<AlertLabels, KpiNumber>> values;
};

// Values of `rule` over `window` up to where `clock`, its own, stands at `now`,
// by one query. kLimit above 10,000 instances.
Result<RuleValues> evaluate_rule(Kpis& kpis, const AlertModel& rule,
                                 DataClock& clock, Timestamp now,
                                 CancelFlag cancel);

}  // namespace freshet
