// Runs one parsed statement: finds relations, runs sub-queries first, plans
// and runs each SELECT. One per request; one thread.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "server/query/query_control.h"
#include "server/sql/metadata_tables.h"
#include "server/sql/planner.h"
#include "server/sql/sql.h"

namespace freshet {

class Executor {
 public:
  // All must outlive this.
  Executor(Runner& runner, const KpiTables& kpis, const SqlRequest& request);

  // Parses and runs the request's text.
  Result<QueryResult> run();

 private:
  using Named = std::vector<std::pair<std::string, SelectPtr>>;

  // The plan as one row: PLAN, RESOURCES, ATTRIBUTES.
  Result<QueryResult> explain(const SelectStatement& statement);
  Result<QueryResult> run_select(const SelectStatement& statement);
  Result<QueryResult> run_union(const SelectStatement& statement);
  Result<QueryResult> run_plan(PlannedQuery plan, const Relation& relation);
  Result<Relation> find_relation(const FromItem& from);
  Result<Relation> find_table(const FromItem& from);
  Result<Relation> computed(const SelectStatement& statement,
                            const FromItem& from);
  TranslationScope scope();
  void limit_rows(SelectStatement& statement) const;
  Provenance provenance() const;

  Runner& runner_;
  const KpiTables& kpis_;
  const SqlRequest& request_;
  const Limits limits_;         // the request's, begun with this
  const QueryControl control_;  // asked between the phases
  const Timestamp now_;
  Named named_;    // WITH queries in scope, innermost last
  int depth_ = 0;  // of statements inside statements
  std::map<std::string, Provenance> read_;  // by dataset
};

}  // namespace freshet
