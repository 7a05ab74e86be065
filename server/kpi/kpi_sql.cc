#include "server/kpi/kpi_sql.h"

#include <optional>

namespace freshet {
namespace {

using Text = std::optional<std::string>;

Text aggregate_sql(const Aggregate& aggregate) {
  std::string argument =
      aggregate.argument ? to_text(*aggregate.argument) : "*";
  std::string out;
  switch (aggregate.function) {
    case Aggregate::Function::kCount:
      out = "COUNT(" + argument + ")";
      break;
    case Aggregate::Function::kSum:
      out = "SUM(" + argument + ")";
      break;
    case Aggregate::Function::kMin:
      out = "MIN(" + argument + ")";
      break;
    case Aggregate::Function::kMax:
      out = "MAX(" + argument + ")";
      break;
    case Aggregate::Function::kAvg:
      out = "AVG(" + argument + ")";
      break;
    case Aggregate::Function::kCountDistinct:
      out = "COUNT(DISTINCT " + argument + ")";
      break;
    default:
      return std::nullopt;
  }
  if (aggregate.filter) {
    out += " FILTER (WHERE " + to_text(*aggregate.filter) + ")";
  }
  return out;
}

Text expression_sql(const Expression& e, const Formula& formula) {
  if (e.kind == Expression::Kind::kLiteral) return e.literal.to_text();
  if (e.kind == Expression::Kind::kColumn) {
    for (const Aggregate& aggregate : formula.aggregates) {
      if (aggregate.name == e.name) return aggregate_sql(aggregate);
    }
    return std::nullopt;
  }
  bool infix = e.name == "+" || e.name == "-" || e.name == "*" || e.name == "/";
  if (!infix || e.arguments.size() != 2) return std::nullopt;
  Text left = expression_sql(*e.arguments[0], formula);
  Text right = expression_sql(*e.arguments[1], formula);
  if (!left || !right) return std::nullopt;
  // A KPI's quotient is no integer division, and null when divided by zero.
  if (e.name == "/") {
    return "CAST(" + *left + " AS DOUBLE) / NULLIF(" + *right + ", 0)";
  }
  return "(" + *left + " " + e.name + " " + *right + ")";
}

}  // namespace

std::string kpi_sql(const KpiModel& kpi) {
  if (!kpi.formula.value || !kpi.formula.kpis.empty()) return "";
  Text value = expression_sql(*kpi.formula.value, kpi.formula);
  if (!value) return "";
  std::string sql = "SELECT " + *value + " AS \"" + kpi.name + "\" FROM \"" +
                    kpi.dataset + "\"";
  if (kpi.where) sql += " WHERE " + to_text(*kpi.where);
  return sql;
}

}  // namespace freshet
