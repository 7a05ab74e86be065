#include "server/kpi/kpi_tables.h"

#include "server/kpi/kpi_plan.h"
#include "server/query/accumulator.h"
#include "server/query/expression_type.h"

namespace freshet {
namespace {

// Collects the formula's text, with other KPIs written out, or why not.
class TableMaker {
 public:
  TableMaker(const Model& model, KpiTable& out) : model_(model), out_(out) {}

  std::string formula_of(const KpiModel& kpi) {
    check(kpi);
    std::string text = kpi.formula_text;
    for (const std::string& name : kpi.formula.kpis) {
      const KpiModel* used = model_.kpi(name);
      if (!used || !out_.refusal.empty()) return text;
      std::string inner = "(" + formula_of(*used) + ")";
      std::string place = "[" + name + "]";
      for (size_t at = text.find(place); at != std::string::npos;
           at = text.find(place, at + inner.size())) {
        text.replace(at, place.size(), inner);
      }
    }
    return text;
  }

 private:
  void refuse(const std::string& why) {
    if (out_.refusal.empty()) out_.refusal = why;
  }

  static bool names_days(const Expression& e) {
    if (e.kind == Expression::Kind::kCall && e.name == "days") return true;
    for (const ExpressionPtr& argument : e.arguments) {
      if (names_days(*argument)) return true;
    }
    return false;
  }

  void check(const KpiModel& kpi) {
    const Formula& formula = kpi.formula;
    for (const FormulaWindow& window : formula.windows) {
      refuse(std::string(window_function(window.kind)) +
             "() looks at other times than the rows asked for");
    }
    for (const Aggregate& aggregate : formula.aggregates) {
      if (aggregate.function == Aggregate::Function::kLastPerKeySum) {
        refuse("its levels come from rows before those asked for");
      }
    }
    if (names_days(*formula.value)) refuse("days() is the length of a range");
    if (!kpi.time_column.empty()) {
      refuse("it goes by " + kpi.time_column + ", not by __time");
    }
    if (formula.aggregates.empty()) return;
    if (out_.dataset.empty()) {
      out_.dataset = kpi.dataset;
      out_.where = kpi.where_text;
    } else if (out_.dataset != kpi.dataset || out_.where != kpi.where_text) {
      refuse("it is made of different rows");
    }
  }

  const Model& model_;
  KpiTable& out_;
};

// Amounts keep the exact type of what is added up; others are divided.
ExpressionType value_type(const KpiModel& kpi, bool amount) {
  ExpressionType type{ValueType::kDouble};
  if (!amount || !kpi.formula.kpis.empty()) return type;
  for (size_t i = 0; i < kpi.formula.aggregates.size(); ++i) {
    auto one = aggregate_type(kpi.formula.aggregates[i]);
    if (!one) return {ValueType::kDouble};
    auto both = i == 0 ? std::optional(*one) : common_type(type, *one);
    if (!both) return {ValueType::kDouble};
    type = *both;
  }
  return type;
}

}  // namespace

KpiTable kpi_table(const Model& model, const KpiModel& kpi) {
  KpiTable out;
  out.formula = TableMaker(model, out).formula_of(kpi);
  out.dimensions = kpi.dimensions;
  auto plan = KpiPlan::create(model, kpi);
  out.amount = plan && plan->mergeable(true) && plan->is_amount();
  out.type = value_type(kpi, out.amount);
  return out;
}

KpiTables kpi_tables(std::function<std::shared_ptr<const Model>()> model) {
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
  return out;
}

}  // namespace freshet
