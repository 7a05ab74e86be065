// KpiPlan: what must be computed for one KPI. The aggregates of the KPI and of
// every KPI its formula uses get a slot each; a vector of slot values ("base
// values") is what queries fill, groups merge, and the formula reads. So a
// ratio is worked out from its sums at every level.
//
// Immutable; the model must outlive it.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "server/model/formula_value.h"
#include "server/model/model.h"

namespace freshet {

using BaseValues = std::vector<Value>;  // one a slot

// Aggregates that one query computes.
struct BasePart {
  std::string dataset;
  // Levels (last value per key) are taken at a moment, the rest over a range.
  bool level = false;
  ExpressionPtr where;                // shared by all; or null
  std::vector<Aggregate> aggregates;  // named "s<slot>"
  std::vector<size_t> slots;
};

class KpiPlan {
 public:
  // kInternal if the model is not consistent. With `count_rows` the rows that
  // the KPI's own conditions let through are counted too; of a KPI that is all
  // levels, the rows its levels were found among.
  static Result<KpiPlan> create(const Model& model, const KpiModel& kpi,
                                bool count_rows = false);

  const std::vector<BasePart>& parts() const { return parts_; }
  std::vector<std::string> datasets() const;
  bool has_levels() const;
  // Whether a part's value is a part of the whole's: sums and counts, not
  // ratios, averages or extremes.
  bool is_amount() const;

  // Of no rows: counts and sums are 0, everything else null.
  BaseValues empty() const;
  bool is_empty(const BaseValues& values) const;
  // Whether the base values of a whole follow from those of its parts. Levels
  // do over dimensions, not over time.
  bool mergeable(bool over_time) const;
  // REQUIRES: mergeable.
  void merge(BaseValues& into, const BaseValues& values) const;

  FormulaValue evaluate(const BaseValues& values, double days) const;
  // 0 without count_rows.
  uint64_t num_rows(const BaseValues& values) const;

 private:
  struct Node {
    const KpiModel* kpi = nullptr;
    size_t first_slot = 0;
    std::vector<size_t> uses;  // nodes of formula.kpis, in order
  };
  Result<size_t> add(const Model& model, const KpiModel& kpi, int depth);
  void make_parts();
  void count_rows();
  ExpressionPtr any_where(const BasePart& part) const;
  bool is_amount(const Node& node, const Expression& e) const;
  FormulaValue evaluate(size_t node, const BaseValues& values,
                        double days) const;

  std::vector<Node> nodes_;                     // used ones first
  std::vector<Aggregate::Function> functions_;  // of each slot
  std::vector<ExpressionPtr> wheres_;           // of each slot; or null
  std::vector<BasePart> parts_;
  std::vector<size_t> row_slots_;
};

}  // namespace freshet
