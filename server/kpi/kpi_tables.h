// The KPIs of a model as the virtual tables of SQL.
#pragma once

#include <functional>
#include <memory>

#include "server/model/model.h"
#include "server/sql/sql.h"

namespace freshet {

// `model` gives the current model at each call; `runner` must outlive this.
KpiTables kpi_tables(Runner& runner,
                     std::function<std::shared_ptr<const Model>()> model);

// kpi.NAME of one KPI. By cells: levels over all time, windows, days(), another
// time than that of the events, and KPIs over others whose rows are not all of
// one dataset under one condition.
KpiTable kpi_table(const Model& model, const KpiModel& kpi);

}  // namespace freshet
