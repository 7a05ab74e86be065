#include "server/kpi/kpi_plan.h"

#include <algorithm>

#include "server/query/accumulator.h"

namespace freshet {
namespace {

using AggregateFunction = Aggregate::Function;

// Of a slot; nothing for a window.
using SlotFunction = std::optional<AggregateFunction>;

bool zero_when_empty(SlotFunction f) {
  return f == AggregateFunction::kCount || f == AggregateFunction::kSum ||
         f == AggregateFunction::kCountDistinct ||
         f == AggregateFunction::kApproxDistinct;
}

bool adds_up(SlotFunction f) {
  return f == AggregateFunction::kCount || f == AggregateFunction::kSum ||
         f == AggregateFunction::kLastPerKeySum;
}

Value value_of_no_rows(const Aggregate& aggregate) {
  if (!zero_when_empty(aggregate.function)) return Value();
  auto type = aggregate_type(aggregate);
  if (type && type->type == ValueType::kDecimal) {
    return Value(Decimal{0, static_cast<uint8_t>(type->scale)});
  }
  return Value(int64_t{0});
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
  return create_at(model, kpi, kpi.formula, count_rows, 0);
}

Result<KpiPlan> KpiPlan::create_at(const Model& model, const KpiModel& kpi,
                                   const Formula& formula, bool count_rows,
                                   size_t depth) {
  KpiPlan plan;
  TRY(plan.add(model, kpi, formula, count_rows, depth));
  plan.make_parts();
  if (count_rows) plan.count_rows();
  return plan;
}

Result<size_t> KpiPlan::add(const Model& model, const KpiModel& kpi,
                            const Formula& formula, bool count_rows,
                            size_t depth) {
  for (size_t i = 0; i < nodes_.size(); ++i) {
    if (nodes_[i].formula == &formula) return i;
  }
  Node node{&kpi, &formula, 0, {}};
  for (const std::string& name : formula.kpis) {
    const KpiModel* used = model.kpi(name);
    if (!used || depth > kMaxKpiDepth) {
      return Error{ErrorCode::kInternal,
                   "kpi '" + kpi.name + "' uses '" + name + "'", 0, 0};
    }
    TRY_ASSIGN(size_t index,
               add(model, *used, used->formula, count_rows, depth + 1));
    node.uses.push_back(index);
  }
  node.first_slot = functions_.size();
  for (const Aggregate& aggregate : formula.aggregates) {
    add_slot(aggregate.function, kpi.where, value_of_no_rows(aggregate));
  }
  size_t first_window = windows_.size();
  for (const FormulaWindow& window : formula.windows) {
    TRY(add_window(model, kpi, window, count_rows, depth + 1));
  }
  for (size_t i = first_window; count_rows && i < windows_.size(); ++i) {
    windows_[i].rows_slot = functions_.size();
    row_slots_.push_back(functions_.size());
    add_slot(std::nullopt, nullptr, Value());
  }
  nodes_.push_back(std::move(node));
  return nodes_.size() - 1;
}

Status KpiPlan::add_window(const Model& model, const KpiModel& kpi,
                           const FormulaWindow& window, bool count_rows,
                           size_t depth) {
  WindowPart part;
  part.kind = window.kind;
  if (!window.span.empty()) {
    TRY_ASSIGN(part.span, parse_window_span(window.span));
  }
  TRY_ASSIGN(KpiPlan inner,
             create_at(model, kpi, window.inner, count_rows, depth));
  part.inner = std::make_shared<const KpiPlan>(std::move(inner));
  part.slot = functions_.size();
  add_slot(std::nullopt, nullptr, Value());
  windows_.push_back(std::move(part));
  return {};
}

// One part for each dataset and kind. A `where` that all share becomes the
// filter of the query, otherwise each aggregate takes its own.
void KpiPlan::make_parts() {
  auto part_of = [&](const KpiModel& kpi, bool level) -> BasePart& {
    for (BasePart& part : parts_) {
      if (part.dataset == kpi.dataset && part.level == level &&
          part.time_column == kpi.time_column) {
        return part;
      }
    }
    BasePart part;
    part.dataset = kpi.dataset;
    part.time_column = kpi.time_column;
    part.level = level;
    parts_.push_back(std::move(part));
    return parts_.back();
  };
  for (const Node& node : nodes_) {
    size_t slot = node.first_slot;
    for (const Aggregate& aggregate : node.formula->aggregates) {
      bool level = aggregate.function == AggregateFunction::kLastPerKeySum;
      BasePart& part = part_of(*node.kpi, level);
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
    count.function = AggregateFunction::kCount;
    count.name = "s" + std::to_string(functions_.size());
    if (!part.where) count.filter = any_where(part);
    row_slots_.push_back(functions_.size());
    part.slots.push_back(functions_.size());
    part.aggregates.push_back(std::move(count));
    add_slot(AggregateFunction::kCount, nullptr, Value(int64_t{0}));
  }
}

void KpiPlan::add_slot(SlotFunction function, ExpressionPtr where,
                       Value empty) {
  functions_.push_back(function);
  wheres_.push_back(std::move(where));
  empty_.push_back(std::move(empty));
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
  return is_amount(last, *last.formula->value);
}

bool KpiPlan::is_amount(const Node& node, const Expression& e) const {
  const Formula& formula = *node.formula;
  if (e.kind == Expression::Kind::kLiteral) return false;
  if (e.kind == Expression::Kind::kColumn) {
    for (const Aggregate& aggregate : formula.aggregates) {
      if (aggregate.name != e.name) continue;
      return zero_when_empty(aggregate.function) || adds_up(aggregate.function);
    }
    for (size_t i = 0; i < formula.kpis.size(); ++i) {
      if (e.name != "[" + formula.kpis[i] + "]") continue;
      const Node& used = nodes_[node.uses[i]];
      return is_amount(used, *used.formula->value);
    }
    for (size_t i = 0; i < formula.windows.size(); ++i) {
      if (e.name == window_name(i))
        return window_of(node, i).inner->is_amount();
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

const WindowPart& KpiPlan::window_of(const Node& node, size_t i) const {
  size_t slot = node.first_slot + node.formula->aggregates.size() + i;
  return *std::find_if(
      windows_.begin(), windows_.end(),
      [&](const WindowPart& window) { return window.slot == slot; });
}

std::vector<std::string> KpiPlan::datasets() const {
  std::vector<std::string> names;
  auto add = [&](const std::string& name) {
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      names.push_back(name);
    }
  };
  for (const BasePart& part : parts_) add(part.dataset);
  for (const WindowPart& window : windows_) {
    for (const std::string& name : window.inner->datasets()) add(name);
  }
  return names;
}

bool KpiPlan::has_levels() const {
  return !windows_.empty() ||
         std::any_of(parts_.begin(), parts_.end(),
                     [](const BasePart& part) { return part.level; });
}

bool KpiPlan::has_other_time() const {
  return std::any_of(
             parts_.begin(), parts_.end(),
             [](const BasePart& p) { return !p.time_column.empty(); }) ||
         std::any_of(windows_.begin(), windows_.end(), [](const WindowPart& w) {
           return w.inner->has_other_time();
         });
}

void KpiPlan::collect_same_stores(std::vector<const KpiPlan*>& out) const {
  for (const WindowPart& window : windows_) {
    if (window.kind == FormulaWindow::Kind::kSameStores) {
      out.push_back(window.inner.get());
    }
    window.inner->collect_same_stores(out);
  }
}

bool KpiPlan::is_empty(const BaseValues& values) const {
  for (size_t i = 0; i < values.size(); ++i) {
    bool zero = zero_when_empty(functions_[i]) || !functions_[i];
    bool nothing = values[i].is_null() || (zero && values[i].to_double() == 0);
    if (!nothing) return false;
  }
  return true;
}

bool KpiPlan::mergeable(bool over_time) const {
  return std::all_of(functions_.begin(), functions_.end(), [&](SlotFunction f) {
    if (f == AggregateFunction::kLastPerKeySum) return !over_time;
    return adds_up(f) || f == AggregateFunction::kMin ||
           f == AggregateFunction::kMax;
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
      if (functions_[i] == AggregateFunction::kMin ? order < 0 : order > 0) {
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
  return evaluate(index, *nodes_[index].formula->value, values, days);
}

FormulaValue KpiPlan::evaluate(size_t index, const Expression& expression,
                               const BaseValues& values, double days) const {
  const Node& node = nodes_[index];
  const Formula& formula = *node.formula;
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
    for (size_t i = 0; i < formula.windows.size(); ++i) {
      if (name == window_name(i)) {
        return values[node.first_slot + formula.aggregates.size() + i];
      }
    }
    return Value();
  };
  FormulaValue out = evaluate_formula(expression, columns, days);
  out.divided_by_zero =
      out.value.is_null() && (out.divided_by_zero || divided_by_zero);
  return out;
}

}  // namespace freshet
