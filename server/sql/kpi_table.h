// The virtual tables kpi.NAME: the dimensions of a KPI, its __time, and the
// column `value`. A SELECT over one becomes a SELECT over its dataset, with the
// KPI's formula in place of `value`, so that a ratio is worked out from its
// sums at whatever level is asked for. Of a KPI by cells, COUNT(*) stands in
// place of the formula, and FROM has the KPI's name: its groups are cells.
#pragma once

#include "server/sql/sql.h"
#include "server/sql/syntax.h"

namespace freshet {

bool is_kpi_table(const FromItem& from);

// The statement over the dataset. `value` alone, MEASURE(value) and AGG(value)
// are the KPI; SUM(value) too, if the KPI is an amount. A SELECT of `value`
// without GROUP BY groups by its other columns; * is every dimension, __time
// and the value. Aggregates and windows beside which the value is not asked
// for, as COUNT(*), are of the rows that * gives. A window beside it goes over
// the values of the groups: SUM(value) OVER () adds them, those of a ratio too;
// MEASURE(value) OVER () is that sum, and of an amount only. Names that only
// the SELECT gives are known in GROUP BY, HAVING and ORDER BY. kNotFound names
// the nearest KPI; kInvalid a column that is none of its dimensions. REQUIRES:
// is_kpi_table(statement.from).
Result<SelectStatement> expand_kpi_table(const SelectStatement& statement,
                                         const KpiTables& tables);

}  // namespace freshet
