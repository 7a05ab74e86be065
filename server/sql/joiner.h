// Joiner: makes one Relation of a FROM with joins.
//
// A dataset joined to tables by a key that is unique in them (lookups,
// aggregated sub-queries) stays the dataset: their columns become values by
// that key, and the engine prunes, groups and uses cubes as ever. Any other
// join is a hash join of the tables' needed columns and rows.
#pragma once

#include <functional>

#include "server/query/query_control.h"
#include "server/sql/join_tree.h"

namespace freshet {

struct JoinContext {
  JoinTree::FindLeaf find;
  // Runs a SELECT over one relation.
  std::function<Result<QueryResult>(const SelectStatement&, const Relation&)>
      run;
  std::function<TranslationScope()> scope;
  // Told of each join, for EXPLAIN: its kind, tables and rows.
  std::function<void(std::string_view how, const std::string& table,
                     uint64_t rows)>
      told;
  QueryControl& control;
};

// Takes out of `statement.where` what the join answers. REQUIRES: its FROM is
// a join.
Result<Relation> join_relation(SelectStatement& statement,
                               const JoinContext& context);

}  // namespace freshet
