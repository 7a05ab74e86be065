// Which segments of a dataset are worth merging. Pure; see Merger.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "segments/schema.h"
#include "segments/time.h"

namespace freshet {

struct MergeTarget {
  uint64_t rows = 2'000'000;
  uint64_t bytes = uint64_t{256} << 20;
};

struct MergeCandidate {
  std::string id;
  Interval granule;
  uint64_t rows = 0, hidden = 0;
  uint64_t bytes = 0;
  std::string rollup = {};  // SegmentRecord::rollup
};

// The schema of a candidate; null if it must not be merged now. Asked for only
// where everything else speaks for a merge, since a file has to be opened.
using SchemaOf = std::function<const Schema*(const MergeCandidate&)>;

// Sets of ids to merge, each within a granule, rolled up alike and no column of
// two types, none twice.
// `candidates` are in order of arrival, and a set is a run of that order, so
// that rows of one time keep theirs. A set
//  - has segments below half of the target, together at most the target, at
//    least 4 of them (2 in a granule that is not the newest), the largest no
//    larger than the others together: each row is rewritten at most
//    log2(target / first size) times; or
//  - is one segment of which more than a fifth of the rows is hidden.
std::vector<std::vector<std::string>> plan_merges(
    const std::vector<MergeCandidate>& candidates, const MergeTarget& target,
    const SchemaOf& schema_of);

}  // namespace freshet
