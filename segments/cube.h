// Cube: a pre-aggregated table inside a sealed segment. One row for each
// combination of the dimensions' values and bucket of time that the segment's
// rows have, with mergeable states of the measures.
//
// The table is read as any Segment. Its columns, in this order:
//   __time               start of the bucket
//   a dimension          as in the segment, same name, type and nulls
//   #rows                rows of the segment behind this row
//   X#count              rows with a non-null X
//   X#sum_high, X#sum    sum of X in 128 bits: high * 2^64 + sum (signed)
//   X#min, X#max         of X's type; null if X#count is 0
//   X#first_time, X#first, X#last_time, X#last   X at the least / greatest
//                        time (of equal times, any); null as above
//   X#distinct           ids of X in the segment's dictionary, see id_list.h
//   X#hll, X#quantiles   sketches, as bytes
// A measure has X#count and those of the others that its `states` name.
#pragma once

#include <string>
#include <vector>

#include "segments/segment.h"

namespace freshet {

enum CubeState : uint32_t {
  kCubeSum = 1,  // long or decimal
  kCubeMin = 2,  // any number, bool or timestamp
  kCubeMax = 4,
  kCubeFirst = 8,  // any type
  kCubeLast = 16,
  kCubeDistinct = 32,        // strings: exact
  kCubeApproxDistinct = 64,  // any type
  kCubeQuantiles = 128,      // numbers
  kCubeAllStates = 255,
};

struct CubeMeasure {
  std::string column;
  uint32_t states = 0;  // of CubeState
  bool operator==(const CubeMeasure&) const = default;
};

struct CubeSpec {
  std::string name;
  std::vector<std::string> dimensions;  // of any type but double
  Granularity granularity;
  std::string zone = "UTC";
  std::vector<CubeMeasure> measures;
  bool operator==(const CubeSpec&) const = default;

  const CubeMeasure* measure(std::string_view column) const;
};

// Canonical: equal text means equal spec.
std::string to_text(const CubeSpec& spec);

// What a measure of the type keeps unless its states are named: for a long or
// decimal sum, least and greatest; for a double the latter two, since a sum of
// doubles depends on its order. 0 for what is no measure.
uint32_t default_cube_states(ColumnType type);
// Which states a column of the type can have.
uint32_t possible_cube_states(ColumnType type);

inline constexpr std::string_view kCubeRows = "#rows";

// The same of a rollup, whose dictionaries are gone with its rows, so that it
// has no exact distinct values; but it has sums of doubles, since there is
// nothing else to add up.
uint32_t default_rollup_states(ColumnType type);
uint32_t possible_rollup_states(ColumnType type);

// Columns of the table of `spec` over a segment with `schema`. kInvalid if a
// dimension or measure is missing there or of a type that does not fit.
Result<Schema> cube_schema(const CubeSpec& spec, const Schema& schema);
// The same of a rollup; X#sum of a double is a double, without X#sum_high.
Result<Schema> rollup_schema(const CubeSpec& spec, const Schema& schema);

// A cube of an open segment; lives as long as the segment.
struct Cube {
  CubeSpec spec;
  absl::TimeZone zone;
  std::shared_ptr<const Segment> table;
};

}  // namespace freshet
