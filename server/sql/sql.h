// SQL text -> rows: parse (libpg_query, only in parser.cc), plan to the one
// Query type, run. Druid's dialect; reference: Druid SQL documentation.
//
// Thread-safe. Errors carry line and column of the text and the nearest name.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/query/runner.h"
#include "server/sql/kpi_cells.h"

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
  bool use_cache = true;                // Druid's useCache
  bool populate_cache = true;           // Druid's populateCache
};

// What the virtual table kpi.NAME stands for.
struct KpiTable {
  std::string dataset;         // the first of its datasets
  std::string formula, where;  // SQL over the dataset's rows; `where` may be ""
  std::vector<std::string> dimensions;
  ExpressionType type;    // of the value
  bool amount = false;    // SUM(value) is the value
  bool by_cells = false;  // no SELECT over rows gives the value: cells() does
};
// The KPIs of the model in force, called at each statement; may be empty.
struct KpiTables {
  std::function<std::optional<KpiTable>(const std::string& name)> find;
  std::function<std::vector<std::string>()> names;
  // Errors: those of Kpis::answer.
  std::function<Result<KpiCells>(const KpiCellQuestion& question)> cells;
};

class Sql {
 public:
  // `runner` must outlive this. INFORMATION_SCHEMA and sys are made from the
  // runner's catalog.
  static std::unique_ptr<Sql> create(Runner& runner, KpiTables kpis = {});
  virtual ~Sql() = default;
  virtual Result<QueryResult> run(const SqlRequest& request) = 0;
};

// A scalar expression alone: dataset filters, derived columns, KPI `where`.
// Unresolved: names are as written. `lookups` (null: none) are what lookup()
// may name.
Result<ExpressionPtr> parse_expression(std::string_view text,
                                       const LookupSource* lookups = nullptr);

// A formula: an expression over aggregates, e.g.
// "(sum(net) - sum(cost)) / sum(net)", "count(distinct txn_id) filter (where
// channel = 'web')", "sum(last(on_hand by sku, location))", "[net_sales] /
// days()", "rolling(sum(net), 7d)". Aggregates are pulled out (equal ones once)
// and named "a0", "a1", ...; `value` is an expression over those names, over
// the windows "{w0}", ..., over the names of other KPIs as columns
// "[net_sales]", and over the call "days" without arguments. avg(x) becomes
// sum(x) / count(x), so that groups merge.
struct FormulaWindow;
struct Formula {
  std::vector<Aggregate> aggregates;  // arguments unresolved
  std::vector<FormulaWindow> windows;
  ExpressionPtr value;
  std::vector<std::string> kpis;  // referenced as [name], outside of windows
};

// A part of a formula over another time than the one asked for.
struct FormulaWindow {
  enum class Kind : uint8_t {
    kRolling,      // over `span` up to the end
    kToDate,       // from the beginning of the calendar's `span` to the end
    kBefore,       // over what was asked for, `span` earlier
    kTimeAverage,  // of the values at the ends of buckets of `span`
    kTimeMin,
    kTimeMax,
    kOpening,     // sum(first(x by k)): the level at the beginning
    kSameStores,  // over the stores that are in the compared time too
  };
  Kind kind = Kind::kRolling;
  std::string span;  // "7d", "month"; as written, unchecked
  Formula inner;
};
Result<Formula> parse_formula(std::string_view text,
                              const LookupSource* lookups = nullptr);
// What stands for windows[i] in `value`.
std::string window_name(size_t i);

}  // namespace freshet
