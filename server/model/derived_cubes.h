// Cubes that follow from what is asked: the totals of the KPIs, the tiles of
// the dashboards and the alert rules. Those that no cube of the dataset serves
// yet get one, if it would stay much smaller than the rows.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "server/model/model.h"

namespace freshet {

// Of a derived cube, and derived ones of a dataset.
inline constexpr size_t kMostCubeDimensions = 5;
inline constexpr size_t kMostDerivedCubes = 3;

// Adds cubes "auto_1", ... to the datasets of a model without faults, and says
// of each KPI which cubes serve it and what reads rows.
void derive_cubes(Model& model);

// Whether the cube has the dimensions, and what the aggregates need of its
// measures: whether it serves a query also depends on its times.
bool cube_keeps(const CubeSpec& cube, const std::set<std::string>& dimensions,
                const std::vector<Aggregate>& aggregates);

}  // namespace freshet
