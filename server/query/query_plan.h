// QueryPlan: a Query checked against a schema: every expression resolved,
// names and limits known. Immutable; lives as long as the query runs.
#pragma once

#include <vector>

#include "server/query/filter.h"
#include "server/query/query.h"
#include "server/query/runner.h"

namespace freshet {

struct QueryPlan {
  Query query;  // as asked; a scan with DISTINCT has become an aggregation
  ExpressionPtr time;  // the __time column
  Filter filter;

  // kAggregate, resolved over columns.
  std::vector<ExpressionPtr> groups;
  std::vector<Aggregate> aggregates;
  std::vector<ExpressionType> aggregate_types;
  // Distinct FILTER conditions; filter_of[aggregate] is one of them, or -1.
  std::vector<ExpressionPtr> aggregate_filters;
  std::vector<int> filter_of;
  ExpressionPtr having;  // over groups and aggregates, or null

  // Output columns: over groups and aggregates, or over columns for kScan.
  std::vector<ResultColumn> outputs;
  std::vector<ExpressionPtr> output_expressions;
  struct Order {
    ExpressionPtr expression;  // of the same scope as the outputs
    bool descending = false;
    bool nulls_first = true;
  };
  std::vector<Order> order;

  // Everything that is evaluated on rows, besides filter.rest.
  std::vector<ExpressionPtr> row_expressions() const;
  // offset + limit; nothing without a limit.
  std::optional<uint64_t> rows_wanted() const;

  static Result<QueryPlan> create(const Query& query, const Schema& schema);
};

}  // namespace freshet
