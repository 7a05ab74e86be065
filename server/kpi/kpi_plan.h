// KpiPlan: what must be computed for one KPI. The aggregates and windows of the
// KPI and of every KPI its formula uses get a slot each; a vector of slot
// values ("base values") is what queries fill, groups merge, and the formula
// reads. So a ratio is worked out from its sums at every level. A window has a
// plan of its own, and its value fills one slot.
//
// Immutable; the model must outlive it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/model/formula_parts.h"
#include "server/model/formula_value.h"
#include "server/model/model.h"

namespace freshet {

using BaseValues = std::vector<Value>;  // one a slot

// Aggregates that one query computes.
struct BasePart {
  std::string dataset;
  std::string time_column;  // what ranges apply to; "" = __time
  // Levels (last value per key) are taken at a moment, the rest over a range.
  bool level = false;
  ExpressionPtr where;                // shared by all; or null
  std::vector<Aggregate> aggregates;  // named "s<slot>"
  std::vector<size_t> slots;
};

class KpiPlan;

// A part of a formula over another time, or over chosen stores.
struct WindowPart {
  FormulaWindow::Kind kind = FormulaWindow::Kind::kRolling;
  WindowSpan span;
  std::shared_ptr<const KpiPlan> inner;
  size_t slot = 0;
  std::optional<size_t> rows_slot;  // with count_rows
};

class KpiPlan {
 public:
  // kInternal if the model is not consistent. With `count_rows` the rows that
  // the KPI's own conditions let through are counted too; of a KPI that is all
  // levels, the rows its levels were found among.
  static Result<KpiPlan> create(const Model& model, const KpiModel& kpi,
                                bool count_rows = false);

  const std::vector<BasePart>& parts() const { return parts_; }
  const std::vector<WindowPart>& windows() const { return windows_; }
  // Of windows too.
  std::vector<std::string> datasets() const;
  // Whether there is a value as of a moment in it.
  bool has_levels() const;
  // Whether a range applies to another time than that of the events.
  bool has_other_time() const;
  // The plans of same_stores(), those of windows too.
  void collect_same_stores(std::vector<const KpiPlan*>& out) const;
  // Whether a part's value is a part of the whole's: sums and counts, not
  // ratios, averages or extremes.
  bool is_amount() const;

  // Of no rows: counts and sums are 0, with the digits of what they add up,
  // everything else null.
  const BaseValues& empty() const { return empty_; }
  bool is_empty(const BaseValues& values) const;
  // Whether the base values of a whole follow from those of its parts. Levels
  // do over dimensions, not over time.
  bool mergeable(bool over_time) const;
  // REQUIRES: mergeable.
  void merge(BaseValues& into, const BaseValues& values) const;

  FormulaValue evaluate(const BaseValues& values, double days) const;
  // Of a ratio: what its parts weigh, such as the net sales of a margin;
  // nothing for a formula that is no quotient with sums and constants around
  // it.
  std::optional<double> divisor(const BaseValues& values, double days) const;
  // 0 without count_rows.
  uint64_t num_rows(const BaseValues& values) const;

 private:
  // What fills a slot; nothing: a window, or the rows it was made from.
  using SlotFunction = std::optional<Aggregate::Function>;
  struct Node {
    const KpiModel* kpi = nullptr;
    const Formula* formula = nullptr;  // the KPI's, or that of a window in it
    size_t first_slot = 0;             // aggregates, then windows
    std::vector<size_t> uses;          // nodes of formula.kpis, in order
  };
  static Result<KpiPlan> create_at(const Model& model, const KpiModel& kpi,
                                   const Formula& formula, bool count_rows,
                                   size_t depth);
  Result<size_t> add(const Model& model, const KpiModel& kpi,
                     const Formula& formula, bool count_rows, size_t depth);
  Status add_window(const Model& model, const KpiModel& kpi,
                    const FormulaWindow& window, bool count_rows, size_t depth);
  const WindowPart& window_of(const Node& node, size_t i) const;
  void make_parts();
  void count_rows();
  void add_slot(SlotFunction function, ExpressionPtr where, Value empty);
  ExpressionPtr any_where(const BasePart& part) const;
  bool is_amount(const Node& node, const Expression& e) const;
  // Where a divisor stands. kNone: there is none in it; kMany: not one only.
  struct Divisor {
    enum class Kind { kNone, kOne, kMany } kind = Kind::kNone;
    size_t node = 0;
    const Expression* expression = nullptr;
  };
  Divisor find_divisor(size_t node, const Expression& e) const;
  Divisor divisor_of_call(size_t node, const Expression& e) const;
  bool is_constant(const Expression& e) const;
  FormulaValue evaluate(size_t node, const Expression& e,
                        const BaseValues& values, double days) const;
  FormulaValue evaluate(size_t node, const BaseValues& values,
                        double days) const;

  std::vector<Node> nodes_;              // used ones first
  std::vector<SlotFunction> functions_;  // of each slot
  std::vector<ExpressionPtr> wheres_;    // of each slot; or null
  BaseValues empty_;
  std::vector<BasePart> parts_;
  std::vector<WindowPart> windows_;
  std::vector<size_t> row_slots_;
};

}  // namespace freshet
