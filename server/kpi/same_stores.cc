#include "server/kpi/same_stores.h"

#include "server/kpi/calendar.h"
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

Result<std::optional<SameStores>> find_same_stores(
    const KpiPlan& plan, AnswerData& data, const AnswerClock& clock,
    Interval ours, std::optional<Interval> compared) {
  std::vector<const KpiPlan*> plans;
  plan.collect_same_stores(plans);
  if (plans.empty()) return std::optional<SameStores>();
  std::optional<CalendarStep> step = look_back(plan);
  CalendarStep back = step.value_or(CalendarStep{0, kYearOfWeeks, 0});
  Interval theirs{step_back(ours.start, back, clock.zone),
                  step_back(ours.end, back, clock.zone)};
  if (compared && !step) theirs = *compared;
  const std::vector<std::string> by{std::string(kStoreDimension)};
  std::vector<ExpressionPtr> in{column(by[0])};
  // All that a formula computes over same stores, it computes over the same.
  BaseQueries queries(*plans[0], data, nullptr, {clock.now, clock.zone});
  TRY_ASSIGN(auto now, queries.groups(ours, by));
  TRY_ASSIGN(auto before, queries.groups(theirs, by));
  for (const GroupKey& key : now) {
    if (key[0].is_null() || !before.contains(key)) continue;
    in.push_back(literal(key[0]));
  }
  SameStores stores;
  stores.none = in.size() == 1;
  if (!stores.none) stores.filter = call("in", std::move(in));
  return std::optional(std::move(stores));
}

Status KpiAnswerer::choose_stores() {
  std::optional<Interval> compared;
  if (comparison_) compared = comparison_->range;
  TRY_ASSIGN(stores_,
             find_same_stores(*plan_, *data_, clock(),
                              {range_.start, moment(range_)}, compared));
  return {};
}

}  // namespace freshet
