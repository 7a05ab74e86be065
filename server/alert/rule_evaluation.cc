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

// A range of one millisecond: pruned to nearly nothing, it costs little and
// says how far the data are complete.
Result<Timestamp> find_watermark(Kpis& kpis, const AlertModel& rule,
                                 Timestamp near, const CancelFlag& cancel) {
  KpiRequest probe = request_for(rule, near, Timestamp{near.ms + 1});
  TRY_ASSIGN(KpiAnswer answer, kpis.answer(probe, cancel));
  return answer.provenance.as_of;
}

std::optional<double> number(const KpiNumber& value, bool enough) {
  if (value.is_null() || !enough) return std::nullopt;
  return value.to_double();
}

std::string label_text(const Value& value) {
  return value.is_null() ? std::string() : value.to_text();
}

}  // namespace

Result<RuleValues> evaluate_rule(Kpis& kpis, const AlertModel& rule,
                                 Timestamp last_as_of, Timestamp now,
                                 CancelFlag cancel) {
  RuleValues out;
  Timestamp near = last_as_of == kMinTimestamp ? now : last_as_of;
  TRY_ASSIGN(out.as_of, find_watermark(kpis, rule, near, cancel));
  if (out.as_of == kMinTimestamp) {
    if (rule.by.empty()) out.values.push_back({});
    return out;
  }
  // Ends just behind the watermark: the newest event itself may be the breach,
  // and ranges are half-open.
  Timestamp to{out.as_of.ms + 1};
  Timestamp from{std::max(to.ms - rule.window_ms, kMinTimestamp.ms)};
  KpiRequest request = request_for(rule, from, to);
  request.by = rule.by;
  TRY_ASSIGN(KpiAnswer answer, kpis.answer(request, cancel));
  bool enough = answer.provenance.rows_matched >= rule.min_rows;
  if (rule.by.empty()) {
    out.values.emplace_back(AlertLabels{}, number(answer.value, enough));
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
    out.values.emplace_back(std::move(labels), number(row.value, enough));
  }
  return out;
}

}  // namespace freshet
