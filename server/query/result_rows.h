// ResultRows: rows of a result before they are put in order: the output
// columns and what they are ordered by.
#pragma once

#include <vector>

#include "server/query/query_control.h"
#include "server/query/query_plan.h"
#include "server/query/vector.h"

namespace freshet {

struct ResultRows {
  size_t size = 0;
  std::vector<VectorPtr> outputs;
  std::vector<VectorPtr> order;  // as QueryPlan::order
};

// Row numbers in the plan's order (ties by number), the first `wanted` if
// given. Fails as `control` does.
Result<std::vector<uint32_t>> ordered_rows(const QueryPlan& plan,
                                           const ResultRows& rows,
                                           std::optional<uint64_t> wanted,
                                           const QueryControl& control);

// The same rows, but by number.
Result<std::vector<uint32_t>> first_rows(const QueryPlan& plan,
                                         const ResultRows& rows, size_t wanted,
                                         const QueryControl& control);

// Order, offset, limit and DISTINCT over the outputs; kLimit for too many.
Status finish_rows(const QueryPlan& plan, const ResultRows& rows,
                   QueryControl& control, QueryResult& result);

// Outputs and order of the merged groups: `columns` are the groups' values,
// then the aggregates', all of `size` lanes. Applies HAVING.
Result<ResultRows> group_rows(const QueryPlan& plan,
                              std::vector<VectorPtr> columns, size_t size,
                              QueryControl& control, Arena& arena);

}  // namespace freshet
