// `cubes:` of a dataset: what is pre-aggregated when its segments are sealed;
// and `rollup:`, what is kept instead of its rows.
#pragma once

#include <optional>
#include <vector>

#include "segments/cube.h"
#include "server/model/model_reader.h"

namespace freshet {

// Faults go to the map's list; the result is then of no use. `rollup` is what
// read_rollup gave, or null.
std::vector<CubeSpec> read_cubes(ConfigMap& map, const Schema& schema,
                                 const CubeSpec* rollup);
std::optional<CubeSpec> read_rollup(ConfigMap& dataset, const Schema& schema,
                                    const std::vector<std::string>& sort_by);

}  // namespace freshet
