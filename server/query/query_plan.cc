#include "server/query/query_plan.h"

#include <fmt/format.h>

#include <limits>

#include "server/query/accumulator.h"
#include "server/query/expression_type.h"
#include "server/query/function_table.h"
#include "server/query/resolve_names.h"

namespace freshet {
namespace {

Status require_bool(const Expression& e, std::string_view what) {
  if (e.type.type == ValueType::kBool || e.type.type == ValueType::kNull) {
    return {};
  }
  return Error{ErrorCode::kInvalid,
               fmt::format("{} must be a condition, not {}: {}", what,
                           type_name(e.type), to_text(e)),
               e.line, e.column};
}

// A bool is 1 or 0 to what adds up numbers, as it is in Druid.
void number_truths(Aggregate& aggregate) {
  using Function = Aggregate::Function;
  Function f = aggregate.function;
  bool of_numbers = f == Function::kSum || f == Function::kAvg ||
                    f == Function::kVariance || f == Function::kDeviation ||
                    f == Function::kQuantile || f == Function::kApproxQuantile;
  bool truth =
      aggregate.argument && aggregate.argument->type.type == ValueType::kBool;
  if (!of_numbers || !truth) return;
  aggregate.argument = as_type(aggregate.argument, {ValueType::kLong});
}

// "select distinct a, b": a group for each output.
Query as_aggregation(const Query& scan, const Schema& schema) {
  Query out = scan;
  out.kind = Query::Kind::kAggregate;
  out.distinct = false;
  out.select.clear();
  for (const auto& output : scan.select) {
    out.groups.push_back({output.name, output.expression});
  }
  for (size_t i = 0; scan.select.empty() && i < schema.columns.size(); ++i) {
    const std::string& name = schema.columns[i].name;
    out.groups.push_back({name, column(name)});
  }
  return out;
}

class Planner {
 public:
  Planner(QueryPlan& plan, const Schema& schema)
      : plan_(plan), schema_(schema) {}

  Status run() {
    TRY_ASSIGN(plan_.time, resolve(column(std::string(kTimeColumn)), schema_));
    ExpressionPtr condition;
    if (plan_.query.filter) {
      TRY_ASSIGN(condition, resolve(plan_.query.filter, schema_));
      TRY(require_bool(*condition, "the filter"));
    }
    TRY_ASSIGN(plan_.filter,
               Filter::split(condition, plan_.time, plan_.query.interval));
    if (plan_.query.kind == Query::Kind::kAggregate) {
      TRY(plan_groups());
      TRY(plan_aggregates());
      what_ = "output";
    } else {
      for (const ColumnSpec& spec : schema_.columns) {
        scope_.push_back({spec.name, expression_type(spec.type)});
      }
      what_ = "column";
    }
    TRY(plan_outputs());
    return plan_order();
  }

 private:
  Status add_name(const std::string& name, ExpressionType type) {
    for (const TypedName& known : scope_) {
      if (known.name == name) {
        return invalid("two groups or aggregates have the name: " + name);
      }
    }
    scope_.push_back({name, type});
    return {};
  }

  Status plan_groups() {
    for (const auto& group : plan_.query.groups) {
      TRY_ASSIGN(ExpressionPtr e, resolve(group.expression, schema_));
      TRY(add_name(group.name, e->type));
      plan_.groups.push_back(std::move(e));
    }
    return {};
  }

  Status plan_aggregates() {
    for (Aggregate aggregate : plan_.query.aggregates) {
      if (aggregate.argument) {
        TRY_ASSIGN(aggregate.argument, resolve(aggregate.argument, schema_));
        number_truths(aggregate);
      }
      for (ExpressionPtr& key : aggregate.keys) {
        TRY_ASSIGN(key, resolve(key, schema_));
      }
      if (aggregate.filter) {
        TRY_ASSIGN(aggregate.filter, resolve(aggregate.filter, schema_));
        TRY(require_bool(*aggregate.filter, "FILTER"));
      }
      TRY_ASSIGN(ExpressionType type, aggregate_type(aggregate));
      TRY(add_name(aggregate.name, type));
      plan_.filter_of.push_back(add_filter(aggregate));
      plan_.aggregate_types.push_back(type);
      plan_.aggregates.push_back(std::move(aggregate));
    }
    return {};
  }

  // Equal conditions are evaluated once.
  int add_filter(Aggregate& aggregate) {
    if (!aggregate.filter) return -1;
    auto& filters = plan_.aggregate_filters;
    std::string text = to_text(*aggregate.filter);
    for (size_t i = 0; i < filters.size(); ++i) {
      if (to_text(*filters[i]) == text) return static_cast<int>(i);
    }
    filters.push_back(aggregate.filter);
    return static_cast<int>(filters.size()) - 1;
  }

  Status plan_outputs() {
    if (plan_.query.having) {
      if (plan_.query.kind == Query::Kind::kScan) {
        return invalid("a scan has no HAVING");
      }
      TRY_ASSIGN(plan_.having,
                 resolve_names(plan_.query.having, scope_, what_));
      TRY(require_bool(*plan_.having, "HAVING"));
    }
    if (plan_.query.select.empty()) {
      for (const TypedName& name : scope_) {
        TRY_ASSIGN(ExpressionPtr e,
                   resolve_names(column(name.name), scope_, what_));
        plan_.outputs.push_back({name.name, e->type});
        plan_.output_expressions.push_back(std::move(e));
      }
    }
    for (const auto& output : plan_.query.select) {
      TRY_ASSIGN(ExpressionPtr e,
                 resolve_names(output.expression, scope_, what_));
      plan_.outputs.push_back({output.name, e->type});
      plan_.output_expressions.push_back(std::move(e));
    }
    return {};
  }

  Status plan_order() {
    std::vector<TypedName> names;
    for (const ResultColumn& output : plan_.outputs) {
      names.push_back({output.name, output.type});
    }
    for (const OrderBy& by : plan_.query.order_by) {
      QueryPlan::Order order;
      order.descending = by.descending;
      order.nulls_first = by.nulls_first.value_or(!by.descending);
      auto at = find_name(by.name, names);
      auto inner = find_name(by.name, scope_);
      if (at) {
        order.expression = plan_.output_expressions[*at];
      } else if (inner) {
        TRY_ASSIGN(order.expression,
                   resolve_names(column(scope_[*inner].name), scope_, what_));
      } else {
        return unknown_name("column in ORDER BY", by.name, names);
      }
      plan_.order.push_back(std::move(order));
    }
    return {};
  }

  QueryPlan& plan_;
  const Schema& schema_;
  std::vector<TypedName> scope_;  // what outputs are made of
  std::string_view what_;
};

}  // namespace

std::vector<ExpressionPtr> QueryPlan::row_expressions() const {
  std::vector<ExpressionPtr> out = {time};
  for (const RangeTest& range : filter.ranges) out.push_back(range.column);
  out.insert(out.end(), groups.begin(), groups.end());
  for (const Aggregate& aggregate : aggregates) {
    if (aggregate.argument) out.push_back(aggregate.argument);
    out.insert(out.end(), aggregate.keys.begin(), aggregate.keys.end());
  }
  out.insert(out.end(), aggregate_filters.begin(), aggregate_filters.end());
  if (query.kind == Query::Kind::kScan) {
    out.insert(out.end(), output_expressions.begin(), output_expressions.end());
    for (const Order& by : order) out.push_back(by.expression);
  }
  return out;
}

std::optional<uint64_t> QueryPlan::rows_wanted() const {
  if (!query.limit) return std::nullopt;
  uint64_t wanted;
  if (__builtin_add_overflow(*query.limit, query.offset, &wanted)) {
    return std::nullopt;
  }
  return wanted;
}

Result<QueryPlan> QueryPlan::create(const Query& query, const Schema& schema) {
  QueryPlan plan;
  bool distinct_scan = query.kind == Query::Kind::kScan && query.distinct;
  plan.query = distinct_scan ? as_aggregation(query, schema) : query;
  TRY(Planner(plan, schema).run());
  return plan;
}

}  // namespace freshet
