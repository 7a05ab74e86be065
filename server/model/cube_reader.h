// `cubes:` of a dataset: what is pre-aggregated when its segments are sealed.
#pragma once

#include <vector>

#include "segments/cube.h"
#include "server/model/model_reader.h"

namespace freshet {

// Faults go to the map's list; the result is then of no use.
std::vector<CubeSpec> read_cubes(ConfigMap& map, const Schema& schema);

}  // namespace freshet
