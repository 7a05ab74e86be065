// The states of measures over rows that are rolled up: what their states add
// up to, by group.
#pragma once

#include <vector>

#include "segments/cube_states.h"

namespace freshet {

// As measure_states(). REQUIRES: the segment is rolled up with all states of
// the measure. kCorrupt for sketches that cannot be read.
Result<std::vector<GroupValues>> merged_states(const Segment& segment,
                                               const CubeGroups& groups,
                                               const CubeMeasure& measure);

// The rows behind those in which the dimension `column` is not null.
Result<GroupValues> counted_rows(const Segment& segment,
                                 const CubeGroups& groups,
                                 const std::string& column);

}  // namespace freshet
