// CubeBuilder: a segment's rows -> the table of a cube.
#pragma once

#include <memory>

#include "segments/cube.h"

namespace freshet {

// The cube's table as a segment that is yet to be written, rows in no order,
// and the spec of what was built: a state `distinct` that would list more ids
// than a quarter of the rows is left out. No table where the cube would have
// more than half as many rows as the segment, or the segment lacks a column or,
// being rolled up, a state: then it would not pay, or not be right.
//
// Holds 16 bytes a row of the segment while it groups them, then 4, and the
// states of one measure at a time; sketches no more than 8 bytes a row.
struct BuiltCube {
  CubeSpec spec;
  std::shared_ptr<const Segment> table;
};
Result<BuiltCube> build_cube(const Segment& segment, const CubeSpec& spec);

// The table of a rollup, whatever its size. REQUIRES: the segment is not rolled
// up or by `spec`.
Result<std::shared_ptr<const Segment>> build_rollup(const Segment& segment,
                                                    const CubeSpec& spec);

}  // namespace freshet
