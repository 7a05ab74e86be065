#include "server/kpi/kpi_sql.h"

#include <absl/strings/ascii.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "server/model/formula_parts.h"

namespace freshet {
namespace {

using Function = Aggregate::Function;
using Text = Result<std::string>;

constexpr int kDeepest = 100;

std::string quoted(const std::string& name) { return "\"" + name + "\""; }

Error no_sql(std::string_view function) {
  return Error{ErrorCode::kUnsupported,
               std::string(function) + "() has no plain SQL", 0, 0};
}

// The bounds of a sub-query.
struct Bounds {
  std::string from = ":from", to = ":to";
};

std::string interval_of(const WindowSpan& span) {
  if (span.months) {
    return "INTERVAL '" + std::to_string(span.months) + "' MONTH";
  }
  if (span.days) return "INTERVAL '" + std::to_string(span.days) + "' DAY";
  return "INTERVAL '" + std::to_string(span.ms / 1000) + "' SECOND";
}

Result<Bounds> bounds_of(const FormulaWindow& window, const Bounds& outer) {
  using Kind = FormulaWindow::Kind;
  if (window.kind == Kind::kOpening) return Bounds{outer.from, outer.from};
  if (window.kind != Kind::kRolling && window.kind != Kind::kToDate &&
      window.kind != Kind::kBefore) {
    return no_sql(window_function(window.kind));
  }
  TRY_ASSIGN(WindowSpan span, parse_window_span(window.span));
  if (window.kind == Kind::kToDate) {
    TRY_ASSIGN(Granularity grain, span.bucket());
    std::string start = "TIME_FLOOR(" + outer.to + " - INTERVAL '1' SECOND, '" +
                        grain.to_string() + "', NULL, :tz)";
    return Bounds{start, outer.to};
  }
  std::string back = " - " + interval_of(span);
  if (window.kind == Kind::kRolling) return Bounds{outer.to + back, outer.to};
  return Bounds{outer.from + back, outer.to + back};
}

std::string function_sql(const Aggregate& aggregate) {
  switch (aggregate.function) {
    case Function::kCount:
      return "COUNT";
    case Function::kSum:
    case Function::kLastPerKeySum:
      return "SUM";
    case Function::kMin:
      return "MIN";
    case Function::kMax:
      return "MAX";
    case Function::kAvg:
      return "AVG";
    case Function::kFirst:
      return aggregate.keys.empty() ? "EARLIEST" : "EARLIEST_BY";
    case Function::kLast:
      return aggregate.keys.empty() ? "LATEST" : "LATEST_BY";
    case Function::kQuantile:  // formulas have p50, p90, p95 and p99
      return "P" + std::to_string(std::lround(aggregate.parameter * 100));
    case Function::kApproxDistinct:
      return "APPROX_COUNT_DISTINCT";
    case Function::kApproxQuantile:
      return "APPROX_QUANTILE";
    case Function::kVariance:
      return aggregate.sample ? "VAR_SAMP" : "VAR_POP";
    case Function::kDeviation:
      return aggregate.sample ? "STDDEV_SAMP" : "STDDEV_POP";
    case Function::kBitAnd:
      return "BIT_AND";
    case Function::kBitOr:
      return "BIT_OR";
    case Function::kBitXor:
      return "BIT_XOR";
    default:
      return "";
  }
}

// A KPI's sum over no rows is 0, SQL's is null.
std::string or_zero(const std::string& sum) {
  return "COALESCE(" + sum + ", 0)";
}

std::string call_sql(const Aggregate& aggregate) {
  std::string argument =
      aggregate.argument ? to_text(*aggregate.argument) : "*";
  std::string out;
  if (aggregate.function == Function::kCountDistinct) {
    out = "COUNT(DISTINCT " + argument + ")";
  } else {
    out = function_sql(aggregate) + "(" + argument;
    if (aggregate.function == Function::kApproxQuantile) {
      out += ", " + Value(aggregate.parameter).to_text();
    }
    for (const ExpressionPtr& key : aggregate.keys) out += ", " + to_text(*key);
    out += ")";
  }
  if (aggregate.filter) {
    out += " FILTER (WHERE " + to_text(*aggregate.filter) + ")";
  }
  return aggregate.function == Function::kSum ? or_zero(out) : out;
}

class SqlWriter {
 public:
  explicit SqlWriter(const Model& model) : model_(model) {}

  Text write(const KpiModel& kpi) {
    bool one = !needs_bounds(kpi, 0);
    TRY_ASSIGN(std::string value, value_of(kpi, kpi.formula, *kpi.formula.value,
                                           Bounds{}, 0, one));
    std::string sql = "SELECT " + value + " AS " + quoted(kpi.name);
    if (!one) return sql;
    sql += " FROM " + quoted(source_->dataset);
    if (source_->where) sql += " WHERE " + to_text(*source_->where);
    return sql;
  }

 private:
  // Whether its rows are not all of one dataset under one condition, or are
  // not all of the asked time. The KPI the rows are of is kept.
  bool needs_bounds(const KpiModel& kpi, int depth) {
    bool needed = !kpi.formula.windows.empty() || !kpi.time_column.empty() ||
                  depth > kDeepest;
    for (const Aggregate& aggregate : kpi.formula.aggregates) {
      needed = needed || aggregate.function == Function::kLastPerKeySum;
    }
    if (!kpi.formula.aggregates.empty()) {
      auto text = [](const ExpressionPtr& e) { return e ? to_text(*e) : ""; };
      if (!source_) source_ = &kpi;
      needed = needed || source_->dataset != kpi.dataset ||
               text(source_->where) != text(kpi.where);
    }
    for (const std::string& name : kpi.formula.kpis) {
      const KpiModel* used = model_.kpi(name);
      needed = needed || !used || needs_bounds(*used, depth + 1);
    }
    return needed || !source_;
  }

  Text value_of(const KpiModel& kpi, const Formula& formula,
                const Expression& e, const Bounds& bounds, int depth,
                bool one) {
    if (depth > kDeepest) return no_sql(kpi.name);
    if (e.kind == Expression::Kind::kLiteral) return e.literal.to_text();
    if (e.kind == Expression::Kind::kColumn) {
      return column_of(kpi, formula, e.name, bounds, depth, one);
    }
    if (e.name == "days") {
      // Of a window it is the window's length.
      bool asked = bounds.from == ":from" && bounds.to == ":to";
      if (!asked) return no_sql("days");
      return std::string(":days");
    }
    std::vector<std::string> arguments;
    for (const ExpressionPtr& a : e.arguments) {
      TRY_ASSIGN(std::string text,
                 value_of(kpi, formula, *a, bounds, depth + 1, one));
      arguments.push_back(std::move(text));
    }
    return call_of(e, arguments);
  }

  static Text call_of(const Expression& e,
                      const std::vector<std::string>& arguments) {
    bool comparison = e.name == "=" || e.name == "<>" || e.name == "<" ||
                      e.name == "<=" || e.name == ">" || e.name == ">=";
    bool infix = comparison || e.name == "+" || e.name == "-" ||
                 e.name == "*" || e.name == "and" || e.name == "or";
    // A KPI's quotient is no integer division, and null when divided by zero.
    if (e.name == "/") {
      bool safe = e.arguments[1]->name == "nullif";
      return "CAST(" + arguments[0] + " AS DOUBLE) / " +
             (safe ? arguments[1] : "NULLIF(" + arguments[1] + ", 0)");
    }
    if (infix && arguments.size() >= 2) {
      std::string out = "(" + arguments[0];
      for (size_t i = 1; i < arguments.size(); ++i) {
        out += " " + absl::AsciiStrToUpper(e.name) + " " + arguments[i];
      }
      return out + ")";
    }
    if (e.name == "neg") return "(-" + arguments[0] + ")";
    if (e.name == "is_null") return "(" + arguments[0] + " IS NULL)";
    if (e.name == "is_not_null") return "(" + arguments[0] + " IS NOT NULL)";
    if (e.name == "case" || e.name == "cast") return no_sql(e.name);
    std::string out = absl::AsciiStrToUpper(e.name) + "(";
    for (size_t i = 0; i < arguments.size(); ++i) {
      out += (i ? ", " : "") + arguments[i];
    }
    return out + ")";
  }

  Text column_of(const KpiModel& kpi, const Formula& formula,
                 const std::string& name, const Bounds& bounds, int depth,
                 bool one) {
    for (const Aggregate& aggregate : formula.aggregates) {
      if (aggregate.name != name) continue;
      return one ? call_sql(aggregate) : subquery(kpi, aggregate, bounds);
    }
    for (size_t i = 0; i < formula.windows.size(); ++i) {
      if (name != window_name(i)) continue;
      const FormulaWindow& window = formula.windows[i];
      TRY_ASSIGN(Bounds inner, bounds_of(window, bounds));
      return value_of(kpi, window.inner, *window.inner.value, inner, depth + 1,
                      one);
    }
    const KpiModel* used = model_.kpi(name.substr(1, name.size() - 2));
    if (!used) return no_sql(name);
    TRY_ASSIGN(std::string text,
               value_of(*used, used->formula, *used->formula.value, bounds,
                        depth + 1, one));
    return "(" + text + ")";
  }

  static std::string where_of(const KpiModel& kpi, const Bounds& bounds,
                              bool level) {
    std::string time = quoted(kpi.time_column.empty() ? std::string(kTimeColumn)
                                                      : kpi.time_column);
    std::string out = " WHERE ";
    if (kpi.where) out += to_text(*kpi.where) + " AND ";
    if (!level) out += time + " >= " + bounds.from + " AND ";
    return out + time + " < " + bounds.to;
  }

  static std::string subquery(const KpiModel& kpi, const Aggregate& aggregate,
                              const Bounds& bounds) {
    std::string from = " FROM " + quoted(kpi.dataset);
    if (aggregate.function != Function::kLastPerKeySum) {
      return "(SELECT " + call_sql(aggregate) + from +
             where_of(kpi, bounds, false) + ")";
    }
    std::string keys;
    for (const ExpressionPtr& key : aggregate.keys) {
      keys += (keys.empty() ? "" : ", ") + to_text(*key);
    }
    Aggregate newest = aggregate;
    newest.function = Function::kLast;
    newest.keys.clear();
    // Null before the first of them.
    return "(SELECT SUM(\"newest\") FROM (SELECT " + keys + ", " +
           call_sql(newest) + " AS \"newest\"" + from +
           where_of(kpi, bounds, true) + " GROUP BY " + keys +
           ") AS \"levels\")";
  }

  const Model& model_;
  const KpiModel* source_ = nullptr;
};

}  // namespace

Result<std::string> kpi_sql(const Model& model, const KpiModel& kpi) {
  return SqlWriter(model).write(kpi);
}

}  // namespace freshet
