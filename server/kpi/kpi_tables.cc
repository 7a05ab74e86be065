#include "server/kpi/kpi_tables.h"

#include <algorithm>
#include <set>

#include "server/kpi/kpi_cells.h"
#include "server/kpi/kpi_plan.h"
#include "server/query/accumulator.h"
#include "server/query/expression_type.h"

namespace freshet {
namespace {

bool names_days(const Expression& e) {
  if (e.kind == Expression::Kind::kCall && e.name == "days") return true;
  return std::any_of(e.arguments.begin(), e.arguments.end(),
                     [](const ExpressionPtr& a) { return names_days(*a); });
}

// Collects the rows behind a KPI and the others that it uses.
class RowsOfKpi {
 public:
  RowsOfKpi(const Model& model, KpiTable& out) : model_(model), out_(out) {}

  void add(const KpiModel& kpi) {
    if (!seen_.insert(&kpi).second) return;
    out_.by_cells |= !kpi.time_column.empty();
    add(kpi, kpi.formula);
  }

 private:
  void add(const KpiModel& kpi, const Formula& formula) {
    out_.by_cells |= !formula.windows.empty() || names_days(*formula.value);
    for (const Aggregate& aggregate : formula.aggregates) {
      out_.by_cells |=
          aggregate.function == Aggregate::Function::kLastPerKeySum;
    }
    if (!formula.aggregates.empty()) add_rows(kpi);
    for (const std::string& name : formula.kpis) {
      if (const KpiModel* used = model_.kpi(name)) add(*used);
    }
    for (const FormulaWindow& window : formula.windows) add(kpi, window.inner);
  }

  // `where` is what all the rows of the first dataset have in common.
  void add_rows(const KpiModel& kpi) {
    if (out_.dataset.empty()) {
      out_.dataset = kpi.dataset;
      out_.where = kpi.where_text;
    } else if (out_.dataset != kpi.dataset) {
      out_.by_cells = true;
    } else if (out_.where != kpi.where_text) {
      out_.by_cells = true;
      out_.where.clear();
    }
  }

  const Model& model_;
  KpiTable& out_;
  std::set<const KpiModel*> seen_;
};

// The formula's text, with other KPIs written out.
std::string formula_text(const Model& model, const KpiModel& kpi) {
  std::string text = kpi.formula_text;
  for (const std::string& name : kpi.formula.kpis) {
    const KpiModel* used = model.kpi(name);
    if (!used) continue;
    std::string inner = "(" + formula_text(model, *used) + ")";
    std::string place = "[" + name + "]";
    for (size_t at = text.find(place); at != std::string::npos;
         at = text.find(place, at + inner.size())) {
      text.replace(at, place.size(), inner);
    }
  }
  return text;
}

constexpr ExpressionType kDouble{ValueType::kDouble};

ExpressionType value_type(const Model& model, const Formula& formula);

ExpressionType column_type(const Model& model, const Formula& formula,
                           const std::string& name) {
  for (const Aggregate& aggregate : formula.aggregates) {
    if (aggregate.name != name) continue;
    auto type = aggregate_type(aggregate);
    return type ? *type : kDouble;
  }
  for (const std::string& kpi : formula.kpis) {
    const KpiModel* used = name == "[" + kpi + "]" ? model.kpi(kpi) : nullptr;
    if (used) return value_type(model, used->formula);
  }
  for (size_t i = 0; i < formula.windows.size(); ++i) {
    const FormulaWindow& window = formula.windows[i];
    if (name != window_name(i)) continue;
    bool mean = window.kind == FormulaWindow::Kind::kTimeAverage;
    return mean ? kDouble : value_type(model, window.inner);
  }
  return kDouble;
}

// What evaluate_formula() gives: exact where only exact numbers are added and
// taken away.
ExpressionType value_type(const Model& model, const Formula& formula,
                          const Expression& e) {
  if (e.kind == Expression::Kind::kColumn) {
    return column_type(model, formula, e.name);
  }
  if (e.kind == Expression::Kind::kLiteral) {
    return e.literal.as_long() ? ExpressionType{ValueType::kLong} : kDouble;
  }
  if (e.name == "cast") return e.cast_type;
  if (e.name != "+" && e.name != "-" && e.name != "neg") return kDouble;
  ExpressionType type = value_type(model, formula, *e.arguments[0]);
  for (const ExpressionPtr& argument : e.arguments) {
    ExpressionType other = value_type(model, formula, *argument);
    type = common_type(type, other).value_or(kDouble);
  }
  return type;
}

ExpressionType value_type(const Model& model, const Formula& formula) {
  return value_type(model, formula, *formula.value);
}

}  // namespace

KpiTable kpi_table(const Model& model, const KpiModel& kpi) {
  KpiTable out;
  RowsOfKpi(model, out).add(kpi);
  if (!out.by_cells) out.formula = formula_text(model, kpi);
  out.dimensions = kpi.dimensions;
  auto plan = KpiPlan::create(model, kpi);
  out.amount = plan && plan->mergeable(true) && plan->is_amount();
  out.type = value_type(model, kpi.formula);
  return out;
}

KpiTables kpi_tables(Runner& runner,
                     std::function<std::shared_ptr<const Model>()> model) {
  KpiTables out;
  out.find = [model](const std::string& name) -> std::optional<KpiTable> {
    auto current = model();
    const KpiModel* kpi = current->kpi(name);
    if (!kpi) return std::nullopt;
    return kpi_table(*current, *kpi);
  };
  out.names = [model] {
    std::vector<std::string> names;
    auto current = model();
    for (const KpiModel& kpi : current->kpis) names.push_back(kpi.name);
    return names;
  };
  out.cells = [&runner, model](const KpiCellQuestion& question) {
    return kpi_cells(runner, model(), question);
  };
  return out;
}

}  // namespace freshet
