// Filter: a query's row condition, split into parts that can be answered
// without evaluating an expression per row. Made once per query, immutable.
#pragma once

#include <limits>
#include <vector>

#include "segments/time.h"
#include "server/query/expression.h"

namespace freshet {

// low <= column <= high, over the int64 form of an integer-backed column;
// null is not in it.
struct RangeTest {
  ExpressionPtr column;
  int64_t low = std::numeric_limits<int64_t>::min();
  int64_t high = std::numeric_limits<int64_t>::max();
};

struct Filter {
  bool never = false;               // no row can pass
  std::vector<RangeTest> ranges;    // one per column
  std::vector<ExpressionPtr> rest;  // other conjuncts, resolved booleans
  // Of __time, as far as the ranges tell; rows outside cannot pass.
  Interval interval;

  // REQUIRES: `condition` is resolved and boolean, or null; `time` is the
  // resolved __time column.
  static Result<Filter> split(const ExpressionPtr& condition,
                              const ExpressionPtr& time, Interval interval);
};

}  // namespace freshet
