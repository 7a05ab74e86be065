// The stores of same_stores(): those with data both in the range and in the one
// that the formula itself looks back to, as growth does; without a before() in
// it the one it is compared with, or 364 days before if it is compared with
// none.
#include "server/kpi/kpi_answerer.h"

namespace freshet {
namespace {

constexpr int kYearOfWeeks = 364;

// How far back the first before() of the plan goes, at any depth.
std::optional<CalendarStep> look_back(const KpiPlan& plan) {
  for (const WindowPart& window : plan.windows()) {
    if (window.kind == FormulaWindow::Kind::kBefore) {
      return CalendarStep{window.span.months, window.span.days, window.span.ms};
    }
    if (auto inner = look_back(*window.inner)) return inner;
  }
  return std::nullopt;
}

}  // namespace

Status KpiAnswerer::choose_stores() {
  std::vector<const KpiPlan*> plans;
  plan_->collect_same_stores(plans);
  if (plans.empty()) return {};
  Interval ours{range_.start, moment(range_)};
  std::optional<CalendarStep> step = look_back(*plan_);
  Interval theirs;
  if (comparison_ && !step) {
    theirs = comparison_->range;
  } else {
    CalendarStep back = step.value_or(CalendarStep{0, kYearOfWeeks, 0});
    theirs = {step_back(ours.start, back, zone_),
              step_back(ours.end, back, zone_)};
  }
  const std::vector<std::string> by{std::string(kStoreDimension)};
  std::vector<ExpressionPtr> in{column(by[0])};
  // All that a formula computes over same stores, it computes over the same.
  BaseQueries queries(*plans[0], *data_, nullptr, {now_, zone_});
  TRY_ASSIGN(auto now, queries.groups(ours, by));
  TRY_ASSIGN(auto before, queries.groups(theirs, by));
  for (const GroupKey& key : now) {
    if (key[0].is_null() || !before.contains(key)) continue;
    in.push_back(literal(key[0]));
  }
  stores_.emplace();
  stores_->none = in.size() == 1;
  if (!stores_->none) stores_->filter = call("in", std::move(in));
  return {};
}

}  // namespace freshet
