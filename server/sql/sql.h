// SQL text -> rows: parse (libpg_query, only in parser.cc), plan to the one
// Query type, run. Druid's dialect; reference: Druid SQL documentation.
//
// Thread-safe. Errors carry line and column of the text and the nearest name.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/query/runner.h"

namespace freshet {

struct SqlRequest {
  std::string text;
  std::vector<Value> parameters;              // for '?'
  absl::TimeZone zone = absl::UTCTimeZone();  // sqlTimeZone
  Limits limits;
  std::string id;
  CancelFlag cancel;
  std::optional<uint64_t> outer_limit;  // sqlOuterLimit
  bool use_cubes = true;                // not noProjections
  bool why_not = false;                 // as Query::why_not
  bool approximate_distinct = false;    // useApproximateCountDistinct
};

class Sql {
 public:
  // `runner` must outlive this. INFORMATION_SCHEMA and sys are made from the
  // runner's catalog.
  static std::unique_ptr<Sql> create(Runner& runner);
  virtual ~Sql() = default;
  virtual Result<QueryResult> run(const SqlRequest& request) = 0;
};

// A scalar expression alone: dataset filters, derived columns, KPI `where`.
// Unresolved: names are as written.
Result<ExpressionPtr> parse_expression(std::string_view text);

// A formula: an expression over aggregates, e.g.
// "(sum(net) - sum(cost)) / sum(net)", "count(distinct txn_id) filter (where
// channel = 'web')", "sum(last(on_hand by sku, location))", "[net_sales] /
// days()". Aggregates are pulled out (equal ones once) and named "a0", "a1",
// ...; `value` is an expression over those names, over the names of other KPIs
// as columns "[net_sales]", and over the call "days" without arguments.
struct Formula {
  std::vector<Aggregate> aggregates;  // arguments unresolved
  ExpressionPtr value;
  std::vector<std::string> kpis;  // referenced as [name]
};
Result<Formula> parse_formula(std::string_view text);

}  // namespace freshet
