// The SQL that computes a KPI, for people and BI tools.
#pragma once

#include <string>

#include "server/model/model.h"

namespace freshet {

// SELECT ... FROM its dataset, over all time; "" for formulas that one plain
// SELECT cannot say: levels, percentiles, KPIs over KPIs.
std::string kpi_sql(const KpiModel& kpi);

}  // namespace freshet
