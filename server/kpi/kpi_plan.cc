#include "server/kpi/kpi_plan.h"

#include <algorithm>

namespace freshet {
namespace {

using Function = Aggregate::Function;

constexpr int kDeepest = 100;  // of KPIs over KPIs; cycles are refused earlier

bool zero_when_empty(Function f) {
  return f == Function::kCount || f == Function::kSum ||
         f == Function::kCountDistinct || f == Function::kApproxDistinct;
}

bool adds_up(Function f) {
  return f == Function::kCount || f == Function::kSum ||
         f == Function::kLastPerKeySum;
}

ExpressionPtr both(const ExpressionPtr& a, const ExpressionPtr& b) {
  if (!a) return b;
  if (!b) return a;
  return call("and", {a, b});
}

std::string text_or_empty(const ExpressionPtr& e) {
  return e ? to_text(*e) : "";
}

}  // namespace

Result<KpiPlan> KpiPlan::create(const Model& model, const KpiModel& kpi,
                                bool count_rows) {
  KpiPlan plan;
  TRY(plan.add(model, kpi, 0));
  plan.make_parts();
  if (count_rows) plan.count_rows();
  return plan;
}

Result<size_t> KpiPlan::add(const Model& model, const KpiModel& kpi,
                            int depth) {
  for (size_t i = 0; i < nodes_.size(); ++i) {
    if (nodes_[i].kpi == &kpi) return i;
  }
  Node node{&kpi, 0, {}};
  for (const std::string& name : kpi.formula.kpis) {
    const KpiModel* used = model.kpi(name);
    if (!used || depth > kDeepest) {
      return Error{ErrorCode::kInternal,
                   "kpi '" + kpi.name + "' uses '" + name + "'", 0, 0};
    }
    TRY_ASSIGN(size_t index, add(model, *used, depth + 1));
    node.uses.push_back(index);
  }
  node.first_slot = functions_.size();
  for (const Aggregate& aggregate : kpi.formula.aggregates) {
    functions_.push_back(aggregate.function);
    wheres_.push_back(kpi.where);
  }
  nodes_.push_back(std::move(node));
  return nodes_.size() - 1;
}

// One part for each dataset and kind. A `where` that all share becomes the
// filter of the query, otherwise each aggregate takes its own.
void KpiPlan::make_parts() {
  auto part_of = [&](const std::string& dataset, bool level) -> BasePart& {
    for (BasePart& part : parts_) {
      if (part.dataset == dataset && part.level == level) return part;
    }
    BasePart part;
    part.dataset = dataset;
    part.level = level;
    parts_.push_back(std::move(part));
    return parts_.back();
  };
  for (const Node& node : nodes_) {
    size_t slot = node.first_slot;
    for (const Aggregate& aggregate : node.kpi->formula.aggregates) {
      bool level = aggregate.function == Function::kLastPerKeySum;
      BasePart& part = part_of(node.kpi->dataset, level);
      part.aggregates.push_back(aggregate);
      part.aggregates.back().name = "s" + std::to_string(slot);
      part.slots.push_back(slot++);
    }
  }
  for (BasePart& part : parts_) {
    const ExpressionPtr& first = wheres_[part.slots[0]];
    bool shared =
        std::all_of(part.slots.begin(), part.slots.end(), [&](size_t slot) {
          return text_or_empty(wheres_[slot]) == text_or_empty(first);
        });
    if (shared) {
      part.where = first;
      continue;
    }
    for (size_t i = 0; i < part.slots.size(); ++i) {
      Aggregate& aggregate = part.aggregates[i];
      aggregate.filter = both(aggregate.filter, wheres_[part.slots[i]]);
    }
  }
}

void KpiPlan::count_rows() {
  bool only_levels =
      std::all_of(parts_.begin(), parts_.end(),
                  [](const BasePart& part) { return part.level; });
  for (BasePart& part : parts_) {
    if (part.level && !only_levels) continue;
    Aggregate count;
    count.function = Function::kCount;
    count.name = "s" + std::to_string(functions_.size());
    if (!part.where) count.filter = any_where(part);
    row_slots_.push_back(functions_.size());
    part.slots.push_back(functions_.size());
    part.aggregates.push_back(std::move(count));
    functions_.push_back(Function::kCount);
  }
}

// What lets a row into any of the part's aggregates; null: every row.
ExpressionPtr KpiPlan::any_where(const BasePart& part) const {
  std::vector<ExpressionPtr> any;
  for (size_t slot : part.slots) {
    if (!wheres_[slot]) return nullptr;
    any.push_back(wheres_[slot]);
  }
  return any.size() == 1 ? any[0] : call("or", std::move(any));
}

uint64_t KpiPlan::num_rows(const BaseValues& values) const {
  uint64_t rows = 0;
  for (size_t slot : row_slots_) {
    if (const int64_t* count = values[slot].as_long()) {
      rows += static_cast<uint64_t>(*count);
    }
  }
  return rows;
}

bool KpiPlan::is_amount() const {
  const Node& last = nodes_.back();
  return is_amount(last, *last.kpi->formula.value);
}

bool KpiPlan::is_amount(const Node& node, const Expression& e) const {
  const Formula& formula = node.kpi->formula;
  if (e.kind == Expression::Kind::kLiteral) return false;
  if (e.kind == Expression::Kind::kColumn) {
    for (const Aggregate& aggregate : formula.aggregates) {
      if (aggregate.name != e.name) continue;
      return zero_when_empty(aggregate.function) || adds_up(aggregate.function);
    }
    for (size_t i = 0; i < formula.kpis.size(); ++i) {
      if (e.name != "[" + formula.kpis[i] + "]") continue;
      const Node& used = nodes_[node.uses[i]];
      return is_amount(used, *used.kpi->formula.value);
    }
    return false;
  }
  static constexpr std::string_view kConditions[] = {
      ">",   "<",  ">=",  "<=",      "=",          "<>",
      "and", "or", "not", "is_null", "is_not_null"};
  if (std::find(std::begin(kConditions), std::end(kConditions), e.name) !=
      std::end(kConditions)) {
    return false;
  }
  auto amount = [&](const ExpressionPtr& a) { return is_amount(node, *a); };
  if (e.name == "/") return amount(e.arguments[0]) && !amount(e.arguments[1]);
  return std::any_of(e.arguments.begin(), e.arguments.end(), amount);
}

std::vector<std::string> KpiPlan::datasets() const {
  std::vector<std::string> names;
  for (const BasePart& part : parts_) {
    if (std::find(names.begin(), names.end(), part.dataset) == names.end()) {
      names.push_back(part.dataset);
    }
  }
  return names;
}

bool KpiPlan::has_levels() const {
  return std::any_of(parts_.begin(), parts_.end(),
                     [](const BasePart& part) { return part.level; });
}

BaseValues KpiPlan::empty() const {
  BaseValues values(functions_.size());
  for (size_t i = 0; i < values.size(); ++i) {
    if (zero_when_empty(functions_[i])) values[i] = Value(int64_t{0});
  }
  return values;
}

bool KpiPlan::is_empty(const BaseValues& values) const {
  for (size_t i = 0; i < values.size(); ++i) {
    bool nothing = values[i].is_null() || (zero_when_empty(functions_[i]) &&
                                           values[i].to_double() == 0);
    if (!nothing) return false;
  }
  return true;
}

bool KpiPlan::mergeable(bool over_time) const {
  return std::all_of(functions_.begin(), functions_.end(), [&](Function f) {
    if (f == Function::kLastPerKeySum) return !over_time;
    return adds_up(f) || f == Function::kMin || f == Function::kMax;
  });
}

void KpiPlan::merge(BaseValues& into, const BaseValues& values) const {
  for (size_t i = 0; i < into.size(); ++i) {
    if (values[i].is_null()) continue;
    if (into[i].is_null()) {
      into[i] = values[i];
    } else if (adds_up(functions_[i])) {
      into[i] = add_numbers(into[i], values[i]);
    } else {
      int order = Value::compare(values[i], into[i]);
      if (functions_[i] == Function::kMin ? order < 0 : order > 0) {
        into[i] = values[i];
      }
    }
  }
}

FormulaValue KpiPlan::evaluate(const BaseValues& values, double days) const {
  return evaluate(nodes_.size() - 1, values, days);
}

FormulaValue KpiPlan::evaluate(size_t index, const BaseValues& values,
                               double days) const {
  const Node& node = nodes_[index];
  const Formula& formula = node.kpi->formula;
  bool divided_by_zero = false;
  FormulaColumns columns = [&](const std::string& name) -> Value {
    for (size_t i = 0; i < formula.aggregates.size(); ++i) {
      if (formula.aggregates[i].name == name) {
        return values[node.first_slot + i];
      }
    }
    for (size_t i = 0; i < formula.kpis.size(); ++i) {
      if (name != "[" + formula.kpis[i] + "]") continue;
      FormulaValue used = evaluate(node.uses[i], values, days);
      divided_by_zero = divided_by_zero || used.divided_by_zero;
      return used.value;
    }
    return Value();
  };
  FormulaValue out = evaluate_formula(*formula.value, columns, days);
  out.divided_by_zero =
      out.value.is_null() && (out.divided_by_zero || divided_by_zero);
  return out;
}

}  // namespace freshet
