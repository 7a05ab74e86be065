// An obviously right query engine: one row at a time, one Value at a time.
#pragma once

#include "query_data.h"

namespace freshet::test {

// `e` on one row, unresolved; covers what the random queries use.
Value naive_value(const Expression& e, const Schema& schema, const Row& row);

// The rows of an aggregate query over `rows`, in order of their groups; no
// having, select, order or limit.
std::vector<Row> naive_aggregate(const Query& query, const Schema& schema,
                                 const std::vector<Row>& rows);

}  // namespace freshet::test
