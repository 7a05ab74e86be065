// resolve_range: what "today" or "last_7d" means now, in a zone.
#include <algorithm>

#include "server/json/json_value.h"
#include "server/kpi/calendar.h"
#include "server/kpi/kpi.h"
#include "server/model/range_names.h"

namespace freshet {
namespace {

struct CalendarRange {
  std::string_view name;
  Granularity::Unit unit;
  int count;     // of the unit: 3 months are a quarter
  bool last;     // the one before
  bool to_date;  // ends now
};
using Unit = Granularity::Unit;
constexpr CalendarRange kCalendarRanges[] = {
    {"today", Unit::kDay, 1, false, false},
    {"yesterday", Unit::kDay, 1, true, false},
    {"this_week", Unit::kWeek, 1, false, false},
    {"last_week", Unit::kWeek, 1, true, false},
    {"this_month", Unit::kMonth, 1, false, false},
    {"last_month", Unit::kMonth, 1, true, false},
    {"this_quarter", Unit::kMonth, 3, false, false},
    {"last_quarter", Unit::kMonth, 3, true, false},
    {"this_year", Unit::kMonth, 12, false, false},
    {"last_year", Unit::kMonth, 12, true, false},
    {"wtd", Unit::kWeek, 1, false, true},
    {"mtd", Unit::kMonth, 1, false, true},
    {"qtd", Unit::kMonth, 3, false, true},
    {"ytd", Unit::kMonth, 12, false, true},
};

Interval calendar_range(const CalendarRange& range, Timestamp now,
                        const absl::TimeZone& zone) {
  Granularity grain(range.unit, range.count);
  Timestamp start = grain.floor(now, zone);
  if (range.last) {
    Timestamp before{start.ms - 1};
    return {grain.floor(before, zone), start};
  }
  if (range.to_date) return {start, Timestamp{std::max(now.ms, start.ms + 1)}};
  return {start, grain.next(start, zone)};
}

Interval range_of_length(const RangeLength& length, Timestamp now,
                         const absl::TimeZone& zone) {
  if (length.calendar_days == 0) {
    return {Timestamp{now.ms - length.ms}, now};
  }
  Granularity day(Unit::kDay, 1);
  Timestamp today = day.floor(now, zone);
  CalendarStep back{0, length.calendar_days - 1, 0};
  return {step_back(today, back, zone), day.next(today, zone)};
}

// One end of a range; what is wrong with it is added to `faults`.
Timestamp parse_end(const char* name, std::string_view text,
                    const absl::TimeZone& zone, Error& faults) {
  auto time = parse_iso8601(text, zone);
  if (time) return *time;
  std::string fault =
      "'" + std::string(name) + "' " +
      (text.empty() ? "is missing: 'from' and 'to' belong together"
                    : "is no time: " + time.error().message);
  faults.message += (faults.message.empty() ? "" : "; ") + fault;
  faults.details.push_back({name, std::move(fault)});
  return {};
}

}  // namespace

Result<Interval> resolve_range(std::string_view range, std::string_view from,
                               std::string_view to, Timestamp now,
                               const absl::TimeZone& zone) {
  if (!from.empty() || !to.empty()) {
    Error faults = invalid("");
    Timestamp start = parse_end("from", from, zone, faults);
    Timestamp end = parse_end("to", to, zone, faults);
    if (!faults.details.empty()) return faults;
    if (end <= start) {
      return at_path(
          "to", invalid("the range is reversed or empty: from '" +
                        std::string(from) + "' to '" + std::string(to) + "'"));
    }
    return Interval{start, end};
  }
  for (const CalendarRange& known : kCalendarRanges) {
    if (known.name == range) return calendar_range(known, now, zone);
  }
  if (auto length = parse_range_length(range)) {
    Interval out = range_of_length(*length, now, zone);
    if (out.start >= kMinTimestamp) return out;
  }
  std::string near = nearest_name(range, range_names());
  return at_path(
      "range",
      invalid("unknown range '" + std::string(range) + "'" +
              (near.empty() ? "; use today, last_7d, mtd, -4h or from and to"
                            : "; did you mean '" + near + "'?")));
}

}  // namespace freshet
