// CubeUse: how one query reads one segment's cube instead of its rows.
//
// The cube's table stands in for the segment: groups and conditions over its
// dimensions are evaluated on it as they are, and aggregates take states.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "segments/rollup.h"
#include "server/query/query_plan.h"

namespace freshet {

// Where an aggregate finds its states. Empty `states`: its argument is over
// dimensions and is evaluated on the table's rows like any other.
//   count: rows; sum, avg: count, high, low; min, max: value;
//   first, last: value, time; distinct: ids; approximate: sketch
struct CubeAggregate {
  std::vector<ExpressionPtr> states;      // columns of the table, resolved
  const Column* dictionary_of = nullptr;  // distinct: the segment's column
  bool of_argument = false;  // count: only rows where the argument is no null
};

struct CubeUse {
  std::string name;
  std::shared_ptr<const Segment> table;
  Filter filter;  // the plan's, with bounds of time that fit whole buckets
  std::vector<CubeAggregate> aggregates;
  ExpressionPtr rows;   // how many rows are behind one of the table
  bool rollup = false;  // the segment itself is the table

  // All columns of the table that are not dimensions and are read.
  std::vector<ExpressionPtr> expressions() const;
};

// The smallest cube that gives exactly the answer the segment's rows give;
// nothing if there is none. Says in `why_not`, unless it is null, why each of
// the others does not. Errors are those of reading the segment.
Result<std::optional<CubeUse>> choose_cube(const QueryPlan& plan,
                                           const Segment& segment,
                                           std::vector<std::string>* why_not);

// How the plan reads a segment whose rows are rolled up. kInvalid, with what it
// would need, if its rows do not say it.
Result<CubeUse> use_rollup(const QueryPlan& plan, const Segment& segment,
                           const Rollup& rollup);

// kInvalid if the plan wants what a dataset of this schema does not keep once
// it is rolled up: asked before it is, so that answers do not depend on when.
Status check_rollup(const QueryPlan& plan, const CubeSpec& rollup,
                    const Schema& schema);

}  // namespace freshet
