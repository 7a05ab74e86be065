#include "server/alert/rule_evaluation.h"

#include <algorithm>

namespace freshet {
namespace {

constexpr size_t kMaxInstances = 10'000;

KpiRequest request_for(const AlertModel& rule, Timestamp from, Timestamp to) {
  KpiRequest request;
  request.kpi = rule.kpi;
  request.range.clear();
  request.from = to_iso8601(from);
  request.to = to_iso8601(to);
  request.filter = rule.filter;
  return request;
}

// Null where too few rows are behind it.
KpiNumber number(const AlertModel& rule, const KpiNumber& value,
                 uint64_t num_rows) {
  return num_rows < rule.min_rows ? KpiNumber() : value;
}

std::string label_text(const Value& value) {
  return value.is_null() ? std::string() : value.to_text();
}

}  // namespace

Result<RuleValues> evaluate_rule(Kpis& kpis, const AlertModel& rule,
                                 DataClock& clock, Timestamp now,
                                 CancelFlag cancel) {
  RuleValues out;
  TRY_ASSIGN(KpiFreshness fresh, kpis.freshness(rule.kpi));
  out.as_of = clock.at(fresh.as_of, fresh.caught_up, now);
  if (out.as_of == kMinTimestamp) {
    if (rule.by.empty()) out.values.push_back({});
    return out;
  }
  // Ends just behind the clock: the newest event itself may be the breach,
  // and ranges are half-open.
  Timestamp to{out.as_of.ms + 1};
  Timestamp from{std::max(to.ms - rule.window_ms, kMinTimestamp.ms)};
  KpiRequest request = request_for(rule, from, to);
  request.by = rule.by;
  request.count_rows = rule.min_rows > 0;
  TRY_ASSIGN(KpiAnswer answer, kpis.answer(request, cancel));
  if (rule.by.empty()) {
    out.values.emplace_back(AlertLabels{},
                            number(rule, answer.value, answer.num_rows));
    return out;
  }
  if (answer.rows.size() > kMaxInstances) {
    return Error{ErrorCode::kLimit,
                 "the rule has more than 10,000 instances; narrow its 'by' or "
                 "'filter': " +
                     rule.name};
  }
  for (const KpiAnswer::Row& row : answer.rows) {
    AlertLabels labels;
    for (size_t i = 0; i < rule.by.size(); ++i) {
      labels[rule.by[i]] = label_text(row.by[i]);
    }
    out.values.emplace_back(std::move(labels),
                            number(rule, row.value, row.num_rows));
  }
  return out;
}

}  // namespace freshet
