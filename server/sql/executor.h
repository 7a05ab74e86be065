// Runs one parsed statement: finds relations, runs sub-queries first, plans
// and runs each SELECT. One per request; one thread.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "server/sql/metadata_tables.h"
#include "server/sql/planner.h"
#include "server/sql/sql.h"

namespace freshet {

class Executor {
 public:
  // Both must outlive this.
  Executor(Runner& runner, const SqlRequest& request);

  Result<QueryResult> run(const SelectStatement& statement);
  // The plan as one row: PLAN, RESOURCES, ATTRIBUTES.
  Result<QueryResult> explain(const SelectStatement& statement);

 private:
  using Named = std::vector<std::pair<std::string, SelectPtr>>;

  Result<QueryResult> run_select(const SelectStatement& statement);
  Result<QueryResult> run_union(const SelectStatement& statement);
  Result<QueryResult> run_plan(PlannedQuery plan, const Relation& relation);
  Result<Relation> find_relation(const FromItem& from);
  Result<Relation> find_table(const FromItem& from);
  Result<Relation> computed(const SelectStatement& statement,
                            const FromItem& from);
  TranslationScope scope();
  // kDeadline once the request's time is used up.
  Status charge_time(Limits& limits) const;

  Runner& runner_;
  const SqlRequest& request_;
  const std::chrono::steady_clock::time_point start_;
  const Timestamp now_;
  Named named_;    // WITH queries in scope, innermost last
  int depth_ = 0;  // of statements inside statements
};

}  // namespace freshet
