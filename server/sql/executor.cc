#include "server/sql/executor.h"

#include <fmt/core.h>

#include <algorithm>
#include <limits>

#include "server/json/json_value.h"
#include "server/query/expression_type.h"
#include "server/sql/kpi_table.h"
#include "server/sql/letters.h"
#include "server/sql/parser.h"
#include "server/sql/plan_text.h"

namespace freshet {
namespace {

constexpr int kMostStatementDepth = 30;
constexpr size_t kMostStatements = 200;  // WITH queries of one request

Error from_error(const FromItem& from, std::string message) {
  return Error{ErrorCode::kInvalid, std::move(message), from.line, from.column};
}

// Converts in place what UNION ALL widened; nothing else differs.
Value widened(Value value, ExpressionType type) {
  if (value.is_null()) return value;
  if (type.type == ValueType::kDouble) return Value(value.to_double());
  if (type.type != ValueType::kDecimal) return value;
  Decimal d;
  if (value.as_long()) d = Decimal{*value.as_long(), 0};
  if (value.as_decimal()) d = *value.as_decimal();
  for (; d.scale < type.scale; ++d.scale) d.units *= 10;
  return Value(d);
}

Status append_rows(QueryResult& all, QueryResult more) {
  if (all.columns.size() != more.columns.size()) {
    return invalid(fmt::format("UNION ALL of SELECTs with {} and {} columns",
                               all.columns.size(), more.columns.size()));
  }
  std::vector<ExpressionType> types;
  for (size_t c = 0; c < all.columns.size(); ++c) {
    auto type = common_type(all.columns[c].type, more.columns[c].type);
    if (!type) {
      return invalid(
          fmt::format("UNION ALL of types that do not fit, {} and {}: {}",
                      type_name(all.columns[c].type),
                      type_name(more.columns[c].type), all.columns[c].name));
    }
    if (!(*type == all.columns[c].type)) {
      for (auto& row : all.rows) row[c] = widened(std::move(row[c]), *type);
    }
    all.columns[c].type = *type;
  }
  for (auto& row : more.rows) {
    for (size_t c = 0; c < row.size(); ++c) {
      row[c] = widened(std::move(row[c]), all.columns[c].type);
    }
    all.rows.push_back(std::move(row));
  }
  return {};
}

Limits begun(Limits limits) {
  if (limits.begun == QueryControl::Clock::time_point{}) {
    limits.begun = QueryControl::Clock::now();
  }
  return limits;
}

}  // namespace

Executor::Executor(Runner& runner, const KpiTables& kpis,
                   const SqlRequest& request)
    : runner_(runner),
      kpis_(kpis),
      request_(request),
      limits_(begun(request.limits)),
      control_(limits_, request.cancel),
      now_(freshet::now()) {}

TranslationScope Executor::scope() {
  TranslationScope out;
  out.parameters = &request_.parameters;
  out.zone = request_.zone;
  out.now = now_;
  out.limits = limits_;
  out.run = [this](const SelectStatement& s) { return run_select(s); };
  return out;
}

Result<QueryResult> Executor::run() {
  TRY(control_.check());
  TRY_ASSIGN(ParsedSql parsed, parse_sql(request_.text, limits_));
  TRY(control_.check());
  if (parsed.explain) return explain(*parsed.select);
  SelectStatement statement = *parsed.select;
  if (request_.outer_limit) limit_rows(statement);
  TRY_ASSIGN(QueryResult result, run_select(statement));
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
  out.elapsed_ms = control_.elapsed_ms();
  return out;
}

Result<QueryResult> Executor::run_select(const SelectStatement& statement) {
  if (depth_ >= kMostStatementDepth || named_.size() > kMostStatements) {
    return Error{ErrorCode::kLimit, "sub-queries are nested too deeply"};
  }
  if (is_kpi_table(statement.from)) {
    TRY_ASSIGN(SelectStatement over_rows, expand_kpi_table(statement, kpis_));
    return run_select(over_rows);
  }
  ++depth_;
  size_t outer_names = named_.size();
  named_.insert(named_.end(), statement.with.begin(), statement.with.end());
  auto result = [&]() -> Result<QueryResult> {
    if (!statement.union_all.empty()) return run_union(statement);
    TRY_ASSIGN(Relation relation, find_relation(statement.from));
    TRY_ASSIGN(PlannedQuery plan, plan_select(statement, relation, scope()));
    TRY(control_.check());
    return run_plan(std::move(plan), relation);
  }();
  named_.resize(outer_names);
  --depth_;
  return result;
}

Result<QueryResult> Executor::run_plan(PlannedQuery plan,
                                       const Relation& relation) {
  Query& query = plan.query;
  query.limits = limits_;
  query.use_cubes = request_.use_cubes;
  query.why_not = request_.why_not;
  query.use_cache = request_.use_cache;
  query.populate_cache = request_.populate_cache;
  query.id = request_.id;
  auto result = relation.dataset.empty()
                    ? runner_.run_on(query, relation.data, request_.cancel)
                    : runner_.run(query, request_.cancel);
  if (!result) return result;
  result->columns.resize(plan.names.size());
  for (size_t i = 0; i < plan.names.size(); ++i) {
    result->columns[i].name = std::move(plan.names[i]);
  }
  if (query.select.size() > plan.names.size()) {
    for (auto& row : result->rows) row.resize(plan.names.size());
  }
  if (relation.dataset.empty()) return result;
  auto [read, first] = read_.emplace(relation.dataset, result->provenance);
  if (!first) merge_runs(read->second, result->provenance);
  return result;
}

Result<QueryResult> Executor::run_union(const SelectStatement& statement) {
  QueryResult all;
  for (size_t i = 0; i < statement.union_all.size(); ++i) {
    TRY_ASSIGN(QueryResult part, run_select(*statement.union_all[i]));
    if (i == 0) {
      all = std::move(part);
    } else {
      TRY(append_rows(all, std::move(part)));
    }
    TRY(control_.check());
    TRY(control_.check_rows(all.rows.size()));
  }
  if (statement.order_by.empty() && !statement.limit && !statement.offset) {
    return all;
  }
  TRY_ASSIGN(Relation relation, relation_of_rows(std::move(all)));
  SelectStatement outer;
  auto star = std::make_shared<SqlExpression>();
  star->kind = SqlExpression::Kind::kStar;
  outer.items.push_back({star, ""});
  outer.order_by = statement.order_by;
  outer.limit = statement.limit;
  outer.offset = statement.offset;
  TRY_ASSIGN(PlannedQuery plan, plan_select(outer, relation, scope()));
  return run_plan(std::move(plan), relation);
}

Result<Relation> Executor::computed(const SelectStatement& statement,
                                    const FromItem& from) {
  TRY_ASSIGN(QueryResult rows, run_select(statement));
  TRY_ASSIGN(Relation relation, relation_of_rows(std::move(rows)));
  relation.name = from.table;
  relation.alias = from.alias;
  return relation;
}

Result<Relation> Executor::find_relation(const FromItem& from) {
  switch (from.kind) {
    case FromItem::Kind::kNothing:
      return unit_relation();
    case FromItem::Kind::kSubquery:
      return computed(*from.subquery, from);
    case FromItem::Kind::kTable:
      break;
  }
  if (from.schema.empty()) {
    for (size_t i = named_.size(); i-- > 0;) {
      if (!same_letters(named_[i].first, from.table)) continue;
      // A WITH query sees those before it, not itself.
      Named later(named_.begin() + static_cast<ptrdiff_t>(i), named_.end());
      named_.resize(i);
      auto relation = computed(*later[0].second, from);
      named_.insert(named_.end(), later.begin(), later.end());
      return relation;
    }
  }
  return find_table(from);
}

Result<Relation> Executor::find_table(const FromItem& from) {
  if (same_letters(from.schema, "information_schema") ||
      same_letters(from.schema, "sys")) {
    auto rows = metadata_table(runner_.catalog(), from.schema, from.table);
    if (!rows) return from_error(from, rows.error().message);
    TRY_ASSIGN(Relation relation, relation_of_rows(std::move(*rows)));
    relation.name = from.table;
    relation.alias = from.alias;
    return relation;
  }
  if (!from.schema.empty() && !same_letters(from.schema, "druid")) {
    return from_error(from, fmt::format("unknown schema: {}", from.schema));
  }
  std::vector<std::string> names = runner_.catalog().names();
  auto exact = std::find(names.begin(), names.end(), from.table);
  if (exact == names.end()) {
    exact = std::find_if(names.begin(), names.end(), [&](const auto& name) {
      return same_letters(name, from.table);
    });
  }
  std::optional<DatasetSnapshot> data;
  if (exact != names.end()) data = runner_.catalog().snapshot(*exact);
  if (!data) {
    std::string near = nearest_name(from.table, names);
    return from_error(
        from, fmt::format(
                  "unknown table{}: {}",
                  near.empty() ? "" : fmt::format(" (did you mean {}?)", near),
                  from.table));
  }
  Relation relation = dataset_relation(*exact, std::move(*data));
  relation.alias = from.alias;
  return relation;
}

Result<QueryResult> Executor::explain(const SelectStatement& statement) {
  QueryResult out;
  for (const char* name : {"PLAN", "RESOURCES", "ATTRIBUTES"}) {
    out.columns.push_back({name, {ValueType::kString}});
  }
  named_ = statement.with;
  std::string text;
  for (const SelectPtr& part : statement.union_all) {
    TRY_ASSIGN(Relation relation, find_relation(part->from));
    TRY_ASSIGN(PlannedQuery plan, plan_select(*part, relation, scope()));
    text += (text.empty() ? "" : ",") + plan_text(plan.query);
  }
  std::string resource = "[]";
  if (statement.union_all.empty()) {
    TRY_ASSIGN(Relation relation, find_relation(statement.from));
    TRY_ASSIGN(PlannedQuery plan, plan_select(statement, relation, scope()));
    text = plan_text(plan.query);
    resource = resource_text(plan.query);
  }
  out.rows.push_back({Value("[" + text + "]"), Value(resource),
                      Value(R"({"statementType":"SELECT"})")});
  return out;
}

}  // namespace freshet
