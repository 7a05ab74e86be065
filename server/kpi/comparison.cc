#include "server/kpi/comparison.h"

#include <fmt/format.h>

#include <algorithm>

#include "server/json/json_value.h"
#include "server/model/range_names.h"

namespace freshet {
namespace {

constexpr int kWeekDays = 7;

bool is_midnight(Timestamp t, const absl::TimeZone& zone) {
  return Granularity(Granularity::Unit::kDay, 1).floor(t, zone) == t;
}

// The step to the period before an arbitrary range: whole months, whole days,
// or its exact length.
CalendarStep length_step(Interval range, const absl::TimeZone& zone) {
  if (is_midnight(range.start, zone) && is_midnight(range.end, zone)) {
    absl::CivilSecond start = to_civil(range.start, zone);
    absl::CivilSecond end = to_civil(range.end, zone);
    if (start.day() == 1 && end.day() == 1) {
      auto months = absl::CivilMonth(end) - absl::CivilMonth(start);
      return {static_cast<int>(months), 0, 0};
    }
    return {0, absl::CivilDay(end) - absl::CivilDay(start), 0};
  }
  return {0, 0, range.end.ms - range.start.ms};
}

CalendarStep previous_step(const KpiRequest& request, Interval range,
                           const absl::TimeZone& zone) {
  if (request.from.empty()) {
    const std::string& name = request.range;
    auto length = parse_range_length(name);
    if (length && length->calendar_days > 0) {
      return {0, length->calendar_days, 0};
    }
    if (name == "wtd") return {0, kWeekDays, 0};
    if (name == "mtd") return {1, 0, 0};
    if (name == "qtd") return {3, 0, 0};
    if (name == "ytd") return {12, 0, 0};
  }
  return length_step(range, zone);
}

std::optional<CalendarStep> step_of(const std::string& kind,
                                    const KpiRequest& request, Interval range,
                                    const absl::TimeZone& zone) {
  if (kind == "previous") return previous_step(request, range, zone);
  if (kind == "same_day_last_week") return CalendarStep{0, kWeekDays, 0};
  if (kind == "last_year") return CalendarStep{12, 0, 0};
  if (kind == "last_year_364") return CalendarStep{0, 364, 0};
  return std::nullopt;
}

Result<Interval> custom_range(const std::string& text, size_t slash,
                              const absl::TimeZone& zone) {
  auto range = resolve_range("", text.substr(0, slash), text.substr(slash + 1),
                             {}, zone);
  if (!range) return invalid(range.error().message);
  return *range;
}

// Whether the month that it goes back to lacks its day.
bool lacks_day(Timestamp t, const CalendarStep& step,
               const absl::TimeZone& zone) {
  return step.months != 0 && to_civil(t, zone).day() !=
                                 to_civil(step_back(t, step, zone), zone).day();
}

// Where the end of a range goes. Of a month that lacks its day all is before
// it: the 29th of March is as far as the whole of February.
Timestamp end_back(Timestamp start, Timestamp end, const CalendarStep& step,
                   const absl::TimeZone& zone) {
  Timestamp back = step_back(end, step, zone);
  bool whole = lacks_day(end, step, zone) && !lacks_day(start, step, zone);
  if (!whole) return back;
  return Granularity(Granularity::Unit::kMonth, 1).next(back, zone);
}

}  // namespace

Timestamp same_elapsed(Timestamp from, Timestamp start, Timestamp reached,
                       const absl::TimeZone& zone) {
  int64_t part = (reached.ms - start.ms) % 1000;
  absl::CivilSecond civil =
      to_civil(from, zone) + (to_civil(reached, zone) - to_civil(start, zone));
  return {from_civil(civil, zone).ms + part};
}

Result<std::optional<Comparison>> plan_comparison(const KpiRequest& request,
                                                  Interval range, Timestamp now,
                                                  const absl::TimeZone& zone) {
  const std::string& kind = request.compare;
  std::optional<Comparison> out;
  if (kind.empty() || kind == "none") return out;
  // A range that is still running is compared with the same elapsed part.
  bool running = range.start < now && now < range.end;
  Timestamp reached = running ? now : range.end;
  out.emplace();
  out->kind = kind;
  out->step = step_of(kind, request, range, zone);
  if (out->step) {
    out->whole = {step_back(range.start, *out->step, zone),
                  end_back(range.start, range.end, *out->step, zone)};
    // In an hour that comes twice the clock may be before the start.
    out->range = {out->whole.start,
                  std::max(out->whole.start,
                           end_back(range.start, reached, *out->step, zone))};
    return out;
  }
  size_t slash = kind.find('/');
  if (slash == std::string::npos) {
    const std::vector<std::string> known = {
        "previous", "same_day_last_week", "last_year", "last_year_364", "none"};
    std::string near = nearest_name(kind, known);
    return invalid(
        near.empty()
            ? fmt::format("unknown comparison '{}'; known are {} and FROM/TO",
                          kind, fmt::join(known, ", "))
            : fmt::format("unknown comparison '{}'; did you mean '{}'?", kind,
                          near));
  }
  TRY_ASSIGN(out->whole, custom_range(kind, slash, zone));
  out->range = out->whole;
  if (running) {
    Timestamp end = same_elapsed(out->whole.start, range.start, reached, zone);
    out->range.end = std::clamp(end, out->whole.start, out->whole.end);
  }
  return out;
}

}  // namespace freshet
