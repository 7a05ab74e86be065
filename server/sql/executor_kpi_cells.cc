// SELECTs over the table of a KPI that no SELECT over rows gives. Planned over
// the rows of the KPI's dataset; the groups of that plan are asked of the KPI
// engine as cells, and the rest of the plan runs over these.
#include <fmt/core.h>

#include <algorithm>

#include "server/json/json_writer.h"
#include "server/query/expression_type.h"
#include "server/sql/executor.h"
#include "server/sql/time_bounds.h"

namespace freshet {
namespace {

constexpr ExpressionType kTime{ValueType::kTimestamp};

struct CellPlan {
  KpiCellQuestion question;
  // Which of the question's groups each of the query's is; nothing: its bucket.
  std::vector<std::optional<size_t>> groups;

  // Places in a cell.
  size_t place_of(size_t group) const {
    return groups[group].value_or(question.groups.size());
  }
  size_t value_place() const {
    return question.groups.size() + (question.bucket ? 1 : 0);
  }
};

Error at_expression(const Expression& e, std::string message) {
  return Error{ErrorCode::kInvalid, std::move(message), e.line, e.column};
}

bool names_time(const Expression& e) {
  std::vector<std::string> columns;
  collect_columns(e, columns);
  return std::ranges::count(columns, kTimeColumn) > 0;
}

struct TimeBucket {
  Granularity granularity;
  absl::TimeZone zone;
};

// Whether the buckets of `coarse` are made of whole ones of `fine`.
bool made_of(const Granularity& coarse, const Granularity& fine) {
  using Unit = Granularity::Unit;
  constexpr int64_t kHour = 3'600'000;  // shorter ones follow the local clock
  if (coarse == fine) return true;
  const bool in_hours =
      fine.unit() == Unit::kMillis && kHour % fine.count() == 0;
  if (coarse.unit() == Unit::kMillis) {
    return in_hours && kHour % coarse.count() == 0 &&
           coarse.count() % fine.count() == 0;
  }
  if (coarse.unit() == fine.unit()) return coarse.count() % fine.count() == 0;
  return in_hours || fine == Granularity(Unit::kDay, 1);
}

// The bucket of time that rows are grouped by; __time itself is its day in
// `zone`, and the DATE of a week the week. Nothing for another expression.
std::optional<TimeBucket> bucket_of(const Expression& group,
                                    const absl::TimeZone& zone) {
  if (is_row_time(group)) {
    return TimeBucket{Granularity(Granularity::Unit::kDay, 1), zone};
  }
  const Expression& e = without_time_cast(group);
  bool floors = e.kind == Expression::Kind::kCall && e.name == "time_floor" &&
                e.granularity.unit() != Granularity::Unit::kAll;
  if (!floors) return std::nullopt;
  const TimeBucket own{e.granularity, e.zone};
  if (is_row_time(*e.arguments[0])) return own;
  const auto inner = bucket_of(*e.arguments[0], zone);
  if (!inner || inner->zone != own.zone) return std::nullopt;
  if (made_of(own.granularity, inner->granularity)) return own;
  if (made_of(inner->granularity, own.granularity)) return inner;
  return std::nullopt;
}

Status add_bucket(const TimeBucket& bucket, const Expression& group,
                  KpiCellQuestion& question) {
  bool other = question.bucket && !(*question.bucket == bucket.granularity &&
                                    question.zone == bucket.zone);
  if (other) {
    return at_expression(
        group, fmt::format("kpi.{} is grouped by one bucket of __time, this is "
                           "a second: write the finer one only",
                           question.kpi));
  }
  question.bucket = bucket.granularity;
  question.zone = bucket.zone;
  return {};
}

Status check_filter(const Query& query, const std::string& kpi) {
  std::vector<ExpressionPtr> tests;
  split_conjuncts(query.filter, tests);
  for (const ExpressionPtr& test : tests) {
    if (!names_time(*test)) continue;
    return at_expression(
        *test, fmt::format("the time of kpi.{} can only be bounded: write "
                           "__time >= ... AND __time < ...",
                           kpi));
  }
  return {};
}

Result<CellPlan> plan_cells(const Query& query, const std::string& kpi,
                            const absl::TimeZone& zone) {
  CellPlan out;
  KpiCellQuestion& question = out.question;
  question.kpi = kpi;
  question.zone = zone;
  question.interval = query.interval;
  TRY(check_filter(query, kpi));
  question.filter = query.filter;
  for (const Query::Group& group : query.groups) {
    if (const auto bucket = bucket_of(*group.expression, zone)) {
      TRY(add_bucket(*bucket, *group.expression, question));
      out.groups.emplace_back();
    } else if (names_time(*group.expression)) {
      return at_expression(
          *group.expression,
          fmt::format("kpi.{} is grouped by its dimensions and one bucket of "
                      "__time: write TIME_FLOOR(__time, 'P1D'), or ask for "
                      "that in a sub-query and group its rows",
                      kpi));
    } else {
      out.groups.emplace_back(question.groups.size());
      question.groups.push_back(group.expression);
    }
  }
  return out;
}

// Whether the first rows in time are enough, or the last.
bool is_look(const Query& query, const CellPlan& cells) {
  if (!query.limit || query.having || query.distinct ||
      !cells.question.bucket) {
    return false;
  }
  if (query.order_by.empty()) return true;
  const OrderBy& first = query.order_by[0];
  for (const Query::Output& output : query.select) {
    if (output.name != first.name) continue;
    for (size_t i = 0; i < query.groups.size(); ++i) {
      if (!cells.groups[i] &&
          output.expression->kind == Expression::Kind::kColumn &&
          output.expression->name == query.groups[i].name) {
        return true;
      }
    }
  }
  return false;
}

// Of all values; `declared` if there is none.
ExpressionType value_type(const ValueRows& rows, size_t place,
                          ExpressionType declared) {
  ExpressionType type;
  for (const auto& row : rows) {
    const Value& value = row[place];
    ExpressionType one{ValueType::kDouble};
    if (value.is_null()) continue;
    if (value.as_long()) one = {ValueType::kLong};
    if (const Decimal* d = value.as_decimal()) {
      one = {ValueType::kDecimal, d->scale};
    }
    type = common_type(type, one).value_or(ExpressionType{ValueType::kDouble});
  }
  return type.type == ValueType::kNull ? declared : type;
}

using Columns = std::map<std::string, ExpressionPtr>;

ExpressionPtr replaced(const ExpressionPtr& e, const Columns& columns) {
  if (!e) return e;
  if (e->kind == Expression::Kind::kColumn) {
    auto found = columns.find(e->name);
    return found == columns.end() ? e : found->second;
  }
  auto out = std::make_shared<Expression>(*e);
  for (ExpressionPtr& argument : out->arguments) {
    argument = replaced(argument, columns);
  }
  return out;
}

// What the plan does with its groups and their values, done with the cells.
PlannedQuery over_cells(const PlannedQuery& plan, const Relation& cells,
                        const CellPlan& places) {
  auto column_at = [&](size_t place) {
    const VisibleColumn& c = cells.columns[place];
    return c.computed ? c.computed : column(c.physical);
  };
  Columns columns;
  for (size_t i = 0; i < plan.query.groups.size(); ++i) {
    columns[plan.query.groups[i].name] = column_at(places.place_of(i));
  }
  for (const Aggregate& aggregate : plan.query.aggregates) {
    columns[aggregate.name] = column_at(places.value_place());
  }
  PlannedQuery out;
  out.names = plan.names;
  out.query.kind = Query::Kind::kScan;
  out.query.filter = replaced(plan.query.having, columns);
  for (const Query::Output& output : plan.query.select) {
    out.query.select.push_back(
        {output.name, replaced(output.expression, columns)});
  }
  out.query.distinct = plan.query.distinct;
  out.query.order_by = plan.query.order_by;
  out.query.limit = plan.query.limit;
  out.query.offset = plan.query.offset;
  return out;
}

// As EXPLAIN tells it; `cells` is null if they were not asked for.
std::string step_of(const KpiCellQuestion& question, const KpiCells* cells) {
  JsonWriter out;
  out.begin_object().field("queryType", "kpi").field("kpi", question.kpi);
  if (!(question.interval == Interval{})) {
    out.field("interval", to_iso8601(question.interval.start) + "/" +
                              to_iso8601(question.interval.end));
  }
  if (question.filter) out.field("filter", to_text(*question.filter));
  out.key("groups").begin_array();
  for (const ExpressionPtr& group : question.groups) {
    out.value(to_text(*group));
  }
  out.end_array();
  if (question.bucket) out.field("granularity", question.bucket->to_string());
  out.field("timeZone", question.zone.name());
  if (question.most_buckets > 0) {
    out.field("mostBuckets", static_cast<uint64_t>(question.most_buckets));
  }
  if (cells) {
    uint64_t scanned = 0;
    for (const auto& [dataset, read] : cells->read) {
      scanned += read.rows_scanned;
    }
    out.field("rows", static_cast<uint64_t>(cells->rows.size()));
    out.field("rowsScanned", scanned);
  }
  out.end_object();
  return out.take();
}

}  // namespace

// Of a look at the first rows only as many buckets are asked for as they need.
Result<KpiCells> Executor::ask_cells(KpiCellQuestion& question,
                                     std::optional<uint64_t> rows) {
  constexpr size_t kFirstBuckets = 1, kGrowth = 8;
  if (rows) question.most_buckets = kFirstBuckets;
  question.now = now_;
  question.limits = limits_;
  question.cancel = request_.cancel;
  question.why_not = request_.why_not || explain_ != Explain::kNone;
  question.snapshot = [this](const std::string& name) {
    return snapshot_of(name);
  };
  if (explain_ == Explain::kPlan && needed_ == 0) {
    tell(step_of(question, nullptr));
    return KpiCells();
  }
  while (true) {
    TRY_ASSIGN(KpiCells found, kpis_.cells(question));
    bool enough = !rows || found.all_buckets || found.rows.size() >= *rows;
    if (!enough) {
      question.most_buckets *= kGrowth;
      continue;
    }
    for (const auto& [dataset, provenance] : found.read) {
      auto [read, first] = read_.emplace(dataset, provenance);
      if (!first) merge_runs(read->second, provenance);
      resources_.emplace("DATASOURCE", dataset);
    }
    if (explain_ != Explain::kNone) tell(step_of(question, &found));
    return found;
  }
}

Result<QueryResult> Executor::run_cells(const PlannedQuery& plan,
                                        const Relation& relation) {
  const Query& query = plan.query;
  TRY_ASSIGN(CellPlan cells, plan_cells(query, relation.kpi, request_.zone));
  QueryResult rows;
  for (const ExpressionPtr& group : cells.question.groups) {
    TRY_ASSIGN(ExpressionPtr known, resolve(group, *relation.data.schema));
    rows.columns.push_back({to_text(*group), known->type});
  }
  if (cells.question.bucket) {
    rows.columns.push_back({std::string(kTimeColumn), kTime});
  }
  std::optional<uint64_t> wanted;
  if (is_look(query, cells)) {
    wanted = std::max(*query.limit, *query.limit + query.offset);
    cells.question.last_buckets =
        !query.order_by.empty() && query.order_by[0].descending;
  }
  TRY_ASSIGN(KpiCells found, ask_cells(cells.question, wanted));
  const auto table = kpis_.find(relation.kpi);
  rows.columns.push_back(
      {"value", value_type(found.rows, cells.value_place(),
                           table ? table->type : ExpressionType{})});
  rows.rows = std::move(found.rows);
  TRY(control_.check());
  TRY(hold(rows));
  TRY_ASSIGN(Relation held, relation_of_rows(std::move(rows), &control_));
  return run_plan(over_cells(plan, held, cells), held);
}

}  // namespace freshet
