// Rollup: rows of equal dimensions and bucket of time, kept as one row of
// states: number of rows, sums, least and greatest values of the measures.
//
// What one row of a rolled-up segment says is said by a cube's row as well, so
// the table is the cube's (cube.h): the spec's dimensions are all columns that
// are no measure, `__time` is the start of the bucket, the rest are states.
#pragma once

#include <memory>
#include <string>

#include "segments/cube.h"

namespace freshet {

inline constexpr std::string_view kRollupName = "rollup";

struct Rollup {
  CubeSpec spec;  // its name is kRollupName
  Schema source;  // of the rows: __time, the dimensions, the measures
};

// What a spec over rows of `schema` makes. kInvalid if a column is missing or
// of a type that does not fit.
Result<Rollup> rollup_of(const CubeSpec& spec, const Schema& schema);

// Canonical: equal text means that rows may be added up. "" for null.
std::string to_text(const Rollup* rollup);

// The rows of `segment`, which is rolled up by `spec` already or not at all, as
// a rolled-up segment in memory; rows in no order. Holds 16 bytes a row of the
// segment while it groups them, then 4, and the table twice. Hidden rows are
// the caller's to leave out.
Result<std::shared_ptr<const Segment>> roll_up(const Segment& segment,
                                               const CubeSpec& spec);

}  // namespace freshet
