// Runs one parsed statement: finds relations, runs sub-queries first, plans
// and runs each SELECT. One per request; one thread.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "server/query/lookup_source.h"
#include "server/query/query_control.h"
#include "server/sql/metadata_tables.h"
#include "server/sql/parser.h"
#include "server/sql/planner.h"
#include "server/sql/sql.h"

namespace freshet {

class Executor {
 public:
  // `runner` and `kpis` must outlive this.
  Executor(Runner& runner, const KpiTables& kpis, const SqlRequest& request);

  // Parses and runs the request's text.
  Result<QueryResult> run();

 private:
  static constexpr int kMostStatementDepth = 30;
  // A WITH query, run when it is first asked for.
  struct NamedTable {
    CommonTable table;
    std::shared_ptr<const Relation> rows;
  };
  using Named = std::vector<NamedTable>;

  Status apply(const std::vector<Setting>& settings);
  Result<QueryResult> run_select(const SelectStatement& statement);
  // executor_kpi.cc: a SELECT over kpi.NAME.
  Result<QueryResult> run_kpi(const SelectStatement& statement);
  // __time of the row in this place of the SELECT's rows, by time.
  Result<std::optional<Timestamp>> time_of_row(const SelectStatement& over,
                                               bool descending, int64_t place);
  // executor_kpi_cells.cc: a plan over the rows of a KPI's dataset, run over
  // its cells.
  Result<QueryResult> run_cells(const PlannedQuery& plan,
                                const Relation& relation);
  // `rows`: so many are enough.
  Result<KpiCells> ask_cells(KpiCellQuestion& question,
                             std::optional<uint64_t> rows);
  // One SELECT, whose FROM is `relation`.
  Result<QueryResult> run_over(const SelectStatement& statement,
                               const Relation& relation);
  Result<QueryResult> run_windows(const SelectStatement& statement,
                                  const Relation& relation);
  Result<QueryResult> run_sets(const SelectStatement& statement,
                               const Relation& relation);
  Result<QueryResult> run_parts(const SelectStatement& statement);
  Result<QueryResult> run_values(const SelectStatement& statement);
  Result<QueryResult> run_plan(PlannedQuery plan, const Relation& relation);
  // The rows of a query, and what EXPLAIN tells of it.
  Result<QueryResult> run_query(const PlannedQuery& plan,
                                const Relation& relation);

  // executor_from.cc
  Result<Relation> find_relation(SelectStatement& statement);
  Result<Relation> find_one(const FromItem& from);
  Result<Relation> find_named(const FromItem& from, bool& found);
  Result<Relation> find_table(const FromItem& from);
  Result<Relation> find_dataset(const FromItem& from);
  // The same rows whenever the statement asks; nothing if it is not there.
  std::optional<DatasetSnapshot> snapshot_of(const std::string& name);
  Result<Relation> find_lookup_table(const FromItem& from);
  Result<Relation> computed(const SelectStatement& statement,
                            const FromItem& from);
  // executor_append.cc; `over`, if known, is the SELECT that reads it.
  Result<Relation> appended(const FromItem& from, const SelectStatement* over);
  // Nothing if the statement does more than that.
  Result<std::optional<Relation>> mapped(const SelectStatement& statement);
  Result<Relation> join(SelectStatement& statement);

  TranslationScope scope();
  void limit_rows(SelectStatement& statement) const;
  Provenance provenance() const;
  // The plan as one row: PLAN, RESOURCES, ATTRIBUTES.
  QueryResult explanation() const;
  void tell(std::string step);
  // Charges rows that are kept to the end of the statement. kLimit if that is
  // too much.
  Status hold(const QueryResult& rows);

  Runner& runner_;
  const KpiTables& kpis_;
  SqlRequest request_;
  Limits limits_;         // the request's, begun with this
  QueryControl control_;  // asked between the phases
  MemoryCharge held_{control_};
  uint64_t held_bytes_ = 0;
  const Timestamp now_;
  const LookupSnapshots lookups_;
  Named named_;    // WITH queries in scope, innermost last
  int depth_ = 0;  // of statements inside statements
  std::map<std::string, Provenance> read_;  // by dataset
  // Whether one dataset is read, by one query: then as of that query's run.
  // Otherwise all of the statement sees each dataset as it first was.
  bool reads_once_ = false;
  std::map<std::string, DatasetSnapshot, std::less<>> snapshots_;
  // EXPLAIN: queries over data are planned only, but for those whose rows
  // the plan of others depends on.
  Explain explain_ = Explain::kNone;
  int needed_ = 0;                  // > 0: rows are needed
  std::vector<std::string> steps_;  // JSON objects, in order
  std::set<std::pair<std::string, std::string>> resources_;  // type, name
};

}  // namespace freshet
