// The value of a KPI at each of some groups: what the tables kpi.NAME of SQL
// ask of KPIs that no SELECT over rows gives. The numbers are those of answers.
#pragma once

#include <memory>

#include "server/model/model.h"
#include "server/sql/kpi_cells.h"

namespace freshet {

// kNotFound: unknown KPI; kInvalid: too many buckets; otherwise the errors of
// Kpis::answer.
Result<KpiCells> kpi_cells(Runner& runner, std::shared_ptr<const Model> model,
                           const KpiCellQuestion& question);

}  // namespace freshet
