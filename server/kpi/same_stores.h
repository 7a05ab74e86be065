// Which stores same_stores() goes over.
#pragma once

#include <optional>

#include "server/kpi/base_values.h"

namespace freshet {

// Those with data both in `ours` and in the range that the formula itself looks
// back to, as growth does; without a before() in it in `compared`, or 364 days
// before if that is nothing. Nothing for a plan without same_stores().
Result<std::optional<SameStores>> find_same_stores(
    const KpiPlan& plan, AnswerData& data, const AnswerClock& clock,
    Interval ours, std::optional<Interval> compared);

}  // namespace freshet
