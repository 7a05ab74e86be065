// SELECTs over the tables of KPIs. Of a look at the first rows (LIMIT without
// an order, or by __time) only as much of the time is grouped as they need.
#include <algorithm>

#include "server/sql/executor.h"
#include "server/sql/kpi_table.h"
#include "server/sql/letters.h"
#include "server/sql/syntax_node.h"
#include "server/sql/window_split.h"

namespace freshet {
namespace {

using Kind = SqlExpression::Kind;

bool is_time(const SqlExpression& e) {
  return e.kind == Kind::kColumn && same_letters(e.name, kTimeColumn);
}

// Whether groups of one moment have all their rows at it, and the first in
// time are enough.
bool is_look(const SelectStatement& over) {
  const bool by_time =
      std::any_of(over.group_by.begin(), over.group_by.end(),
                  [](const SqlPtr& group) { return is_time(*group); });
  const bool other_time = std::any_of(
      over.items.begin(), over.items.end(), [](const SelectItem& item) {
        return same_letters(item.alias, kTimeColumn) &&
               !is_time(*item.expression);
      });
  return by_time && !other_time && over.from.kind == FromItem::Kind::kTable &&
         over.grouping_sets.empty() && !over.distinct && !over.having &&
         !has_window(over) &&
         (over.order_by.empty() || is_time(*over.order_by[0].expression));
}

// What the KPI engine says of a question has no place in the text.
Error at_table(Error error, const FromItem& from) {
  if (error.code != ErrorCode::kInvalid || error.line > 0) return error;
  error.line = from.line;
  error.column = from.column;
  return error;
}

// Of LIMIT or OFFSET; 0 unless it is a number from 1.
uint64_t number_of(const SqlPtr& e) {
  const int64_t* number =
      e && e->kind == Kind::kLiteral ? e->literal.as_long() : nullptr;
  return number && *number > 0 ? static_cast<uint64_t>(*number) : 0;
}

}  // namespace

Result<std::optional<Timestamp>> Executor::time_of_row(
    const SelectStatement& over, bool descending, int64_t place) {
  const SqlExpression nowhere;
  const SqlPtr time = sql_column(nowhere, std::string(kTimeColumn));
  SelectStatement times;
  times.with = over.with;
  times.from = over.from;
  times.where = over.where;
  times.items = {{time, ""}};
  times.order_by = {{time, descending, std::nullopt}};
  times.limit = sql_literal(nowhere, Value(int64_t{1}));
  times.offset = sql_literal(nowhere, Value(place));
  TRY_ASSIGN(QueryResult found, run_select(times));
  if (found.rows.empty()) return std::optional<Timestamp>();
  return std::optional(*found.rows[0][0].as_timestamp());
}

Result<QueryResult> Executor::run_kpi(const SelectStatement& statement) {
  constexpr uint64_t kFirstRows = 10'000, kMostRows = 2'000'000;
  TRY_ASSIGN(SelectStatement over, expand_kpi_table(statement, kpis_));
  if (!over.from.kpi.empty()) {
    reads_once_ = false;  // the KPI's datasets, and one of them for the plan
    auto result = run_select(over);
    if (!result) return at_table(result.error(), statement.from);
    return result;
  }
  const uint64_t limit = number_of(over.limit);
  const uint64_t wanted = limit + number_of(over.offset);
  const bool look = limit > 0 && wanted <= kMostRows && is_look(over);
  if (!look) return run_select(over);
  reads_once_ = false;
  const bool descending = !over.order_by.empty() && over.order_by[0].descending;
  const SqlExpression nowhere;
  // So many rows are at most as many groups.
  const uint64_t begun_with =
      std::min(std::max(kFirstRows, 2 * wanted),
               std::max(wanted, limits_.max_groups / 2));
  for (uint64_t rows = begun_with; rows <= kMostRows; rows *= 8) {
    ++needed_;  // EXPLAIN PLAN FOR tells of the query that this decides
    auto last = time_of_row(over, descending, static_cast<int64_t>(rows));
    --needed_;
    if (!last) return last.error();
    if (!*last) break;
    SelectStatement first = over;
    SqlPtr bound = sql_call(nowhere, descending ? ">=" : "<=",
                            {sql_column(nowhere, std::string(kTimeColumn)),
                             sql_literal(nowhere, Value(**last))});
    first.where =
        over.where ? sql_call(nowhere, "and", {over.where, bound}) : bound;
    TRY_ASSIGN(QueryResult found, run_select(first));
    const bool planned = explain_ == Explain::kPlan && needed_ == 0;
    if (planned || found.rows.size() >= limit) return found;
  }
  return run_select(over);
}

}  // namespace freshet
