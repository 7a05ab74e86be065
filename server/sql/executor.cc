#include "server/sql/executor.h"

#include <fmt/core.h>

#include <algorithm>
#include <limits>
#include <span>

#include "server/query/evaluator.h"
#include "server/query/expression_type.h"
#include "server/query/row_order.h"
#include "server/query/row_set.h"
#include "server/query/widen_value.h"
#include "server/sql/kpi_table.h"
#include "server/sql/letters.h"
#include "server/sql/reads_once.h"
#include "server/sql/request_setting.h"
#include "server/sql/window_split.h"
#include "server/sql/written_names.h"

namespace freshet {
namespace {

constexpr size_t kMostStatements = 200;  // WITH queries of one request

const char* operation_name(SetOperation operation) {
  constexpr const char* kNames[] = {"UNION ALL", "UNION", "INTERSECT",
                                    "EXCEPT"};
  return kNames[static_cast<size_t>(operation)];
}

// Gives both the columns' common types.
Status unify_columns(QueryResult& a, QueryResult& b, const char* operation,
                     const QueryControl& control) {
  if (a.columns.size() != b.columns.size()) {
    return invalid(fmt::format("{} of SELECTs with {} and {} columns",
                               operation, a.columns.size(), b.columns.size()));
  }
  for (size_t c = 0; c < a.columns.size(); ++c) {
    auto type = common_type(a.columns[c].type, b.columns[c].type);
    if (!type) {
      return invalid(fmt::format("{} of types that do not fit, {} and {}: {}",
                                 operation, type_name(a.columns[c].type),
                                 type_name(b.columns[c].type),
                                 a.columns[c].name));
    }
    TRY(widen_column(a, c, *type, control));
    TRY(widen_column(b, c, *type, control));
  }
  return {};
}

Status append_rows(QueryResult& all, QueryResult more, const char* operation,
                   const QueryControl& control) {
  TRY(unify_columns(all, more, operation, control));
  const size_t size = all.rows.size() + more.rows.size();
  if (size > all.rows.capacity()) {
    all.rows.reserve(std::max(size, all.rows.size() * 2));
  }
  return in_runs(more.rows.size(), &control, [&](size_t begin, size_t count) {
    for (auto& row : std::span(more.rows).subspan(begin, count)) {
      all.rows.push_back(std::move(row));
    }
  });
}

// INTERSECT and EXCEPT, without repeats.
Status keep_by(QueryResult& all, QueryResult other, SetOperation operation,
               QueryControl& control) {
  TRY(unify_columns(all, other, operation_name(operation), control));
  return keep_common(all.rows, other.rows,
                     operation == SetOperation::kIntersect, control);
}

// Leaves each row its first `columns` values.
Status cut_columns(ValueRows& rows, size_t columns,
                   const QueryControl& control) {
  return in_runs(rows.size(), &control, [&](size_t begin, size_t count) {
    for (auto& row : std::span(rows).subspan(begin, count)) {
      row.resize(columns);
    }
  });
}

// A fault of what the user wrote gets the place, if it has none yet.
Error placed(Error error, int line, int column) {
  if (error.code != ErrorCode::kInvalid || error.line > 0) return error;
  error.line = line;
  error.column = column;
  return error;
}

Limits begun(Limits limits) {
  if (limits.begun == QueryControl::Clock::time_point{}) {
    limits.begun = QueryControl::Clock::now();
  }
  return limits;
}

SelectStatement star_over(const SelectStatement& tail) {
  SelectStatement out;
  auto star = std::make_shared<SqlExpression>();
  star->kind = SqlExpression::Kind::kStar;
  out.items.push_back({star, ""});
  out.order_by = tail.order_by;
  out.limit = tail.limit;
  out.offset = tail.offset;
  return out;
}

}  // namespace

Executor::Executor(Runner& runner, const KpiTables& kpis,
                   const SqlRequest& request)
    : runner_(runner),
      kpis_(kpis),
      request_(request),
      limits_(begun(request.limits)),
      control_(limits_, request.cancel),
      now_(freshet::now()),
      lookups_(runner.catalog().lookups()) {}

TranslationScope Executor::scope() {
  TranslationScope out;
  out.parameters = &request_.parameters;
  out.zone = request_.zone;
  out.now = now_;
  out.limits = limits_;
  out.lookups = &lookups_;
  out.approximate_distinct = request_.approximate_distinct;
  out.control = &control_;
  out.run = [this](const SelectStatement& s) {
    ++needed_;
    auto result = run_select(s);
    --needed_;
    return result;
  };
  return out;
}

Status Executor::apply(const std::vector<Setting>& settings) {
  for (const Setting& setting : settings) {
    auto applied = apply_setting(setting.key, setting.value, request_);
    if (applied) continue;
    return Error{applied.error().code, applied.error().message, setting.line,
                 setting.column};
  }
  limits_.timeout_ms = request_.limits.timeout_ms;
  return {};
}

Result<QueryResult> Executor::run() {
  TRY(control_.check());
  TRY_ASSIGN(ParsedSql parsed, parse_sql(request_.text, limits_));
  TRY(apply(parsed.settings));
  TRY(control_.check());
  explain_ = parsed.explain;
  SelectStatement statement = *parsed.select;
  if (request_.outer_limit) limit_rows(statement);
  reads_once_ = reads_once(statement);
  TRY_ASSIGN(QueryResult result, run_select(statement));
  if (explain_ != Explain::kNone) result = explanation();
  result.provenance = provenance();
  return result;
}

// sqlOuterLimit: the less of it and the statement's own limit.
void Executor::limit_rows(SelectStatement& statement) const {
  const Value* own = nullptr;
  if (statement.limit) {
    size_t i = static_cast<size_t>(statement.limit->parameter);
    bool given = i > 0 && i <= request_.parameters.size();
    own = given ? &request_.parameters[i - 1] : &statement.limit->literal;
  }
  int64_t most = static_cast<int64_t>(std::min<uint64_t>(
      *request_.outer_limit, std::numeric_limits<int64_t>::max()));
  // A limit that is no number from 0 is the planner's to refuse.
  if (own && !own->is_null() && (!own->as_long() || *own->as_long() <= most)) {
    return;
  }
  auto number = std::make_shared<SqlExpression>();
  number->literal = Value(most);
  statement.limit = std::move(number);
}

// Of everything that was read: the parts of a UNION and sub-queries, too.
Provenance Executor::provenance() const {
  Provenance out;
  for (auto at = read_.begin(); at != read_.end(); ++at) {
    if (at == read_.begin()) {
      out = at->second;
    } else {
      merge_datasets(out, at->second);
    }
  }
  lookups_.tell(out);
  out.elapsed_ms = control_.elapsed_ms();
  return out;
}

Result<QueryResult> Executor::run_select(const SelectStatement& statement) {
  const FromItem& from = statement.from;
  if (depth_ >= kMostStatementDepth) {
    return Error{ErrorCode::kLimit, "sub-queries are nested too deeply",
                 from.line, from.column};
  }
  if (named_.size() + statement.with.size() > kMostStatements) {
    return Error{ErrorCode::kLimit,
                 fmt::format("more than {} queries in WITH", kMostStatements),
                 std::max(1, from.line), std::max(1, from.column)};
  }
  if (is_kpi_table(statement.from)) return run_kpi(statement);
  ++depth_;
  size_t outer_names = named_.size();
  for (const CommonTable& table : statement.with) {
    named_.push_back({table, nullptr});
  }
  auto result = [&]() -> Result<QueryResult> {
    if (!statement.parts.empty()) return run_parts(statement);
    if (!statement.values.empty()) return run_values(statement);
    SelectStatement own = statement;  // a join takes conditions out of it
    TRY_ASSIGN(Relation relation, find_relation(own));
    return run_over(own, relation);
  }();
  named_.resize(outer_names);
  --depth_;
  return result;
}

Result<QueryResult> Executor::run_over(const SelectStatement& statement,
                                       const Relation& relation) {
  if (has_window(statement)) return run_windows(statement, relation);
  if (!statement.grouping_sets.empty()) return run_sets(statement, relation);
  TRY_ASSIGN(PlannedQuery plan, plan_select(statement, relation, scope()));
  TRY(control_.check());
  return run_plan(std::move(plan), relation);
}

Result<QueryResult> Executor::run_windows(const SelectStatement& statement,
                                          const Relation& relation) {
  TRY_ASSIGN(WindowSplit split, split_windows(statement, relation));
  TRY_ASSIGN(QueryResult rows, run_over(split.inner, relation));
  for (auto& window : split.calls) {
    window.call.zone = request_.zone;
    Status added = add_window(rows, window.call, window.name, control_);
    if (!added) return placed(added.error(), window.line, window.column);
    tell(
        fmt::format(R"({{"queryType":"window","rows":{}}})", rows.rows.size()));
  }
  TRY_ASSIGN(Relation over, relation_of_rows(std::move(rows), &control_));
  TRY_ASSIGN(PlannedQuery plan, plan_select(split.outer, over, scope()));
  return run_plan(std::move(plan), over);
}

// One query for each set; their rows together are put in order.
Result<QueryResult> Executor::run_sets(const SelectStatement& statement,
                                       const Relation& relation) {
  QueryResult all;
  std::vector<RowOrder> order;
  size_t visible = 0;
  uint64_t offset = 0;
  std::optional<uint64_t> limit;
  for (size_t set = 0; set < statement.grouping_sets.size(); ++set) {
    TRY_ASSIGN(PlannedQuery plan,
               plan_select(statement, relation, scope(), set));
    Query& query = plan.query;
    limit = query.limit;
    offset = query.offset;
    order.clear();
    for (const OrderBy& by : query.order_by) {
      size_t column = 0;
      while (query.select[column].name != by.name) ++column;
      order.push_back(
          {column, by.descending, by.nulls_first.value_or(!by.descending)});
    }
    query.limit.reset();
    query.offset = 0;
    query.order_by.clear();
    query.distinct = false;
    visible = plan.names.size();
    for (size_t i = visible; i < query.select.size(); ++i) {
      plan.names.push_back(query.select[i].name);
    }
    TRY_ASSIGN(QueryResult part, run_plan(std::move(plan), relation));
    if (set == 0) {
      all = std::move(part);
    } else {
      TRY(append_rows(all, std::move(part), "GROUPING SETS", control_));
    }
    TRY(control_.check_groups(all.rows.size()));
  }
  TRY(sort_rows(all.rows, order, control_));
  if (statement.distinct) TRY(drop_repeats(all.rows, visible, control_));
  cut_rows(all.rows, offset, limit);
  all.columns.resize(visible);
  TRY(cut_columns(all.rows, visible, control_));
  return all;
}

Result<QueryResult> Executor::run_plan(PlannedQuery plan,
                                       const Relation& relation) {
  if (!relation.kpi.empty()) return run_cells(plan, relation);
  Query& query = plan.query;
  query.limits = limits_;
  query.use_cubes = request_.use_cubes;
  query.why_not = request_.why_not || explain_ != Explain::kNone;
  query.use_cache = request_.use_cache;
  query.populate_cache = request_.populate_cache;
  query.id = request_.id;
  auto result = run_query(plan, relation);
  if (!result) {
    Error error = result.error();
    error.message = with_written_names(error.message, query, relation);
    return error;
  }
  result->columns.resize(plan.names.size());
  for (size_t i = 0; i < plan.names.size(); ++i) {
    result->columns[i].name = std::move(plan.names[i]);
  }
  if (query.select.size() > plan.names.size()) {
    TRY(cut_columns(result->rows, plan.names.size(), control_));
  }
  if (relation.dataset.empty()) return result;
  auto [read, first] = read_.emplace(relation.dataset, result->provenance);
  if (!first) merge_runs(read->second, result->provenance);
  return result;
}

Status Executor::hold(const QueryResult& rows) {
  const size_t columns = rows.rows.empty() ? 0 : rows.rows[0].size();
  held_bytes_ +=
      rows.rows.size() * (sizeof(rows.rows[0]) + columns * sizeof(Value));
  held_.set(held_bytes_);
  return control_.check();
}

Result<QueryResult> Executor::run_parts(const SelectStatement& statement) {
  QueryResult all;
  const SetOperation operation = statement.operation;
  for (size_t i = 0; i < statement.parts.size(); ++i) {
    TRY_ASSIGN(QueryResult part, run_select(*statement.parts[i]));
    TRY(hold(part));
    if (i == 0) {
      all = std::move(part);
    } else if (operation == SetOperation::kUnionAll ||
               operation == SetOperation::kUnion) {
      TRY(append_rows(all, std::move(part), operation_name(operation),
                      control_));
    } else {
      TRY(keep_by(all, std::move(part), operation, control_));
    }
    TRY(control_.check());
    TRY(control_.check_rows(all.rows.size()));
  }
  if (operation == SetOperation::kUnion) {
    TRY(drop_repeats(all.rows, all.columns.size(), control_));
  }
  if (statement.order_by.empty() && !statement.limit && !statement.offset) {
    return all;
  }
  TRY_ASSIGN(Relation relation, relation_of_rows(std::move(all), &control_));
  TRY_ASSIGN(PlannedQuery plan,
             plan_select(star_over(statement), relation, scope()));
  return run_plan(std::move(plan), relation);
}

// Each row is constants; columns are EXPR$0, EXPR$1, ...
Result<QueryResult> Executor::run_values(const SelectStatement& statement) {
  QueryResult all;
  Translator translator(scope());
  for (const auto& row : statement.values) {
    QueryResult one;
    one.rows.emplace_back();
    for (const SqlPtr& node : row) {
      TRY_ASSIGN(ExpressionPtr e, translator.scalar(node));
      TRY_ASSIGN(e, resolve(e, Schema()));
      TRY_ASSIGN(std::optional<Value> value, constant_value(*e));
      one.columns.push_back(
          {fmt::format("EXPR${}", one.columns.size()), e->type});
      one.rows[0].push_back(value.value_or(Value()));
    }
    if (all.columns.empty()) {
      all = std::move(one);
    } else {
      const SqlExpression& first = *row[0];
      Status added = append_rows(all, std::move(one), "VALUES", control_);
      if (!added) return placed(added.error(), first.line, first.column);
    }
  }
  if (statement.order_by.empty() && !statement.limit && !statement.offset) {
    return all;
  }
  TRY_ASSIGN(Relation relation, relation_of_rows(std::move(all), &control_));
  TRY_ASSIGN(PlannedQuery plan,
             plan_select(star_over(statement), relation, scope()));
  return run_plan(std::move(plan), relation);
}

}  // namespace freshet
