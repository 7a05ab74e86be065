// `formula` of a KPI: parsed, and its columns and types checked.
#include "server/model/formula_parts.h"
#include "server/model/formula_value.h"
#include "server/model/kpi_part_readers.h"
#include "server/model/model_reader.h"
#include "server/query/expression_type.h"

namespace freshet {
namespace {

// "sum of 'net'" for messages.
std::string function_name(Aggregate::Function function) {
  switch (function) {
    case Aggregate::Function::kCount:
      return "count";
    case Aggregate::Function::kSum:
      return "sum";
    case Aggregate::Function::kMin:
      return "min";
    case Aggregate::Function::kMax:
      return "max";
    case Aggregate::Function::kAvg:
      return "avg";
    case Aggregate::Function::kCountDistinct:
      return "count distinct";
    case Aggregate::Function::kFirst:
      return "first";
    case Aggregate::Function::kLast:
      return "last";
    case Aggregate::Function::kQuantile:
      return "the percentile";
    case Aggregate::Function::kLastPerKeySum:
      return "the last value";
    case Aggregate::Function::kApproxDistinct:
      return "approx_distinct";
    case Aggregate::Function::kApproxQuantile:
      return "approx_quantile";
    case Aggregate::Function::kVariance:
      return "the variance";
    case Aggregate::Function::kDeviation:
      return "the standard deviation";
    case Aggregate::Function::kBitAnd:
    case Aggregate::Function::kBitOr:
    case Aggregate::Function::kBitXor:
      return "a bit operation";
    case Aggregate::Function::kTexts:
    case Aggregate::Function::kArray:
      return "the list";
  }
  return "";
}

bool counts(Aggregate::Function function) {
  return function == Aggregate::Function::kCount ||
         function == Aggregate::Function::kCountDistinct ||
         function == Aggregate::Function::kApproxDistinct;
}

class FormulaReader {
 public:
  FormulaReader(ConfigMap& map, const Schema& schema)
      : map_(map),
        schema_(schema),
        place_("'formula' of " + map.place()),
        line_(map.line_of("formula")) {}

  void check(Formula& formula) {
    for (Aggregate& aggregate : formula.aggregates) check(aggregate);
    for (FormulaWindow& window : formula.windows) check(window);
  }

 private:
  void check(FormulaWindow& window) {
    if (window.kind == FormulaWindow::Kind::kSameStores) {
      if (!window.inner.aggregates.empty()) {
        check_column(std::string(kStoreDimension), schema_,
                     place_ + ": same_stores()", line_, map_.faults());
      }
    }
    check(window.inner);
  }

  void check(Aggregate& aggregate) {
    if (!resolve_part(aggregate.argument) || !resolve_part(aggregate.filter)) {
      return;
    }
    for (ExpressionPtr& key : aggregate.keys) {
      if (!resolve_part(key)) return;
    }
    const ExpressionPtr& argument = aggregate.argument;
    if (argument && !counts(aggregate.function) &&
        !is_numeric(argument->type)) {
      map_.faults().add(
          line_, place_ + ": " + function_name(aggregate.function) + " of " +
                     to_text(*argument) + " needs a number, not " +
                     type_name(argument->type));
    }
    if (aggregate.filter && aggregate.filter->type.type != ValueType::kBool) {
      map_.faults().add(line_, place_ +
                                   ": filter (where ...) needs a "
                                   "condition, not " +
                                   type_name(aggregate.filter->type));
    }
  }

  bool resolve_part(ExpressionPtr& part) {
    if (!part) return true;
    if (!check_columns(*part, schema_, place_, line_, map_.faults())) {
      return false;
    }
    auto resolved = resolve(part, schema_);
    if (!resolved) {
      map_.faults().add(line_, place_ + ": " + resolved.error().message);
      return false;
    }
    part = *resolved;
    return true;
  }

  ConfigMap& map_;
  const Schema& schema_;
  std::string place_;
  int line_;
};

// What is wrong with the span of a window, or nothing.
std::string span_fault(const FormulaWindow& window) {
  using Kind = FormulaWindow::Kind;
  if (window.kind == Kind::kOpening || window.kind == Kind::kSameStores) {
    return "";
  }
  auto span = parse_window_span(window.span);
  if (!span) return span.error().message;
  bool buckets = window.kind != Kind::kRolling && window.kind != Kind::kBefore;
  if (!buckets || span->bucket()) return "";
  return "'" + window.span + "' is no bucket of the calendar";
}

}  // namespace

void read_formula(ConfigMap& map, KpiModel& kpi, const Schema* schema,
                  const LookupSource* lookups) {
  kpi.formula_text = map.required_text("formula");
  if (kpi.formula_text.empty()) return;
  auto parsed = parse_formula(kpi.formula_text, lookups);
  if (!parsed) {
    map.fault("formula",
              "'formula' of " + map.place() + ": " + parsed.error().message);
    return;
  }
  kpi.formula = std::move(*parsed);
  bool has_aggregates = false, has_values = false;
  each_formula(kpi.formula, [&](const Formula& formula) {
    has_aggregates = has_aggregates || !formula.aggregates.empty();
    has_values = has_values || has_aggregates || !formula.kpis.empty();
    auto checked = check_formula_value(*formula.value);
    if (!checked) {
      map.fault("formula",
                "'formula' of " + map.place() + ": " + checked.error().message);
    }
  });
  each_window(kpi.formula, [&](const FormulaWindow& window) {
    std::string fault = span_fault(window);
    if (fault.empty()) return;
    map.fault("formula", "'formula' of " + map.place() + ": " +
                             std::string(window_function(window.kind)) +
                             "(): " + fault);
  });
  if (!has_values) {
    map.fault("formula", "'formula' of " + map.place() +
                             " has no aggregate: write sum(x) or count(*), "
                             "not '" +
                             kpi.formula_text + "'");
  }
  if (schema) {
    FormulaReader(map, *schema).check(kpi.formula);
  } else if (has_aggregates && kpi.dataset.empty()) {
    map.faults().add(map.line(), map.place() + " lacks the key 'dataset'");
  }
}

}  // namespace freshet
