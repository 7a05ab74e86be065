// What the cubes cost that serve a KPI.
#include "segments/cube.h"
#include "server/kpi/kpi.h"

namespace freshet {

CubeCosts cube_costs(const KpiModel& kpi, const DatasetCatalog& catalog) {
  CubeCosts out;
  for (const std::string& name : kpi.cubes) {
    CubeCost& cost = out[name];
    size_t dot = name.find('.');
    auto snapshot = catalog.snapshot(name.substr(0, dot));
    if (!snapshot || !snapshot->timeline) continue;
    for (const auto& segment : snapshot->timeline->sealed) {
      auto cubes = segment->cubes();
      if (!cubes || !*cubes) continue;
      for (const Cube& cube : **cubes) {
        if (cube.spec.name != name.substr(dot + 1)) continue;
        cost.bytes += cube.table->size_bytes();
        cost.rows += cube.table->num_rows();
        cost.data_bytes += segment->size_bytes();
        ++cost.segments;
      }
    }
  }
  return out;
}

}  // namespace freshet
