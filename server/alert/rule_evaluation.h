// Asks the KPI of one rule for its values at the watermark.
#pragma once

#include <utility>
#include <vector>

#include "server/alert/alert_state.h"
#include "server/kpi/kpi.h"

namespace freshet {

struct RuleValues {
  Timestamp as_of = kMinTimestamp;  // kMinTimestamp: nothing was read yet
  // One per value of `by` that has rows in the window; one without labels if
  // there is no `by`. Nothing in it: no data, or fewer than min_rows rows of
  // its own.
  std::vector<std::pair<AlertLabels, std::optional<double>>> values;
};

// Values of `rule` over `window` up to the watermark, by one query. kLimit
// above 10,000 instances.
Result<RuleValues> evaluate_rule(Kpis& kpis, const AlertModel& rule,
                                 CancelFlag cancel);

}  // namespace freshet
