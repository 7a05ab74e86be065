// RenamedSegment: a segment read by the names that its dataset's columns have
// now. A file stays as it was written, so a renamed column has its former name
// there; whoever reads a Timeline meets the present one alone.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "segments/segment.h"

namespace freshet {

// A column and the names it had before, the newest first.
struct ColumnAliases {
  std::string column;
  std::vector<std::string> aliases;
  bool operator==(const ColumnAliases&) const = default;
};
using DatasetAliases = std::vector<ColumnAliases>;

// A column that the segment lacks is that of the first of its aliases which the
// segment has; its cubes and its rollup say the present names, too. Under the
// former names column() still finds them, for queries that were planned before.
// REQUIRES: `segment` has no aliases and hides no rows. Itself if `aliases` is
// null or empty.
std::shared_ptr<const Segment> with_aliases(
    std::shared_ptr<const Segment> segment,
    std::shared_ptr<const DatasetAliases> aliases);

// The segment by the names it was written with.
std::shared_ptr<const Segment> without_aliases(
    const std::shared_ptr<const Segment>& segment);

}  // namespace freshet
