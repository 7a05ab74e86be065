// The steps of reading one KPI that have a file of their own.
#pragma once

#include "server/model/config_map.h"
#include "server/model/model.h"

namespace freshet {

// `formula`, checked against `schema`, which is null if the dataset is not
// known. `lookups` are what lookup() may name.
void read_formula(ConfigMap& map, KpiModel& kpi, const Schema* schema,
                  const LookupSource* lookups);
// `target`. REQUIRES: the dimensions of `kpi` were read.
void read_target(ConfigMap& map, KpiModel& kpi, const LookupSource* lookups);

}  // namespace freshet
