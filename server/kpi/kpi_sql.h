// The SQL that computes a KPI, for people and other engines.
#pragma once

#include <string>

#include "server/model/model.h"

namespace freshet {

// Over one dataset: an aggregation of its rows, without bounds of time. Else,
// and with levels or windows: sub-queries over [:from, :to), with :days for
// days() and the zone :tz where a calendar's period begins in it. kUnsupported
// names the function that has no plain SQL.
Result<std::string> kpi_sql(const Model& model, const KpiModel& kpi);

}  // namespace freshet
