#include "server/sql/interval_text.h"

#include <fmt/core.h>

#include <algorithm>
#include <string>

#include "server/query/calendar_step.h"
#include "server/sql/calendar_unit.h"

namespace freshet {
namespace {

constexpr int64_t kDay = 24 * 3600 * 1000;
// Longest period of an edge: between any two times that events may have.
constexpr int64_t kMostMs = kMaxTimestamp.ms - kMinTimestamp.ms;
constexpr int64_t kMostMonths = 12 * 10'000;

// What parse_iso8601 wants beside what ISO 8601 allows.
std::string in_full(std::string_view text) {
  constexpr std::string_view kYear = "2026", kMonth = "2026-11",
                             kHour = "2026-11-01T06";
  if (text.size() <= kYear.size()) return fmt::format("{:0>4}-01-01", text);
  if (text.size() == kMonth.size()) return fmt::format("{}-01", text);
  bool to_the_hour = text.size() >= kHour.size() && text[10] == 'T' &&
                     (text.size() == kHour.size() ||
                      text.find_first_of("Z+-", kHour.size()) == kHour.size());
  std::string out(text);
  if (to_the_hour) out.insert(kHour.size(), ":00");
  return out;
}

Result<Timestamp> stepped(Timestamp from, const TimeSpan& period, bool back,
                          const absl::TimeZone& zone, std::string_view text) {
  if (period.months > kMostMonths || period.ms > kMostMs) {
    return invalid(fmt::format("a period is too long: {}", text));
  }
  int64_t sign = back ? -1 : 1;
  int64_t ms = plus_months(from.ms, sign * period.months, zone);
  ms = plus_days(ms, sign * period.days, zone);
  ms += sign * (period.ms - period.days * kDay);
  return std::clamp(Timestamp{ms}, kMinTimestamp, Interval{}.end);
}

Result<Timestamp> time_edge(std::string_view edge, const char* which,
                            const absl::TimeZone& zone) {
  auto time = parse_interval_time(edge, zone);
  if (time) return *time == kMaxTimestamp ? Interval{}.end : *time;
  return invalid(
      fmt::format("not an interval START/END, its {} is neither a time nor a "
                  "period: {}",
                  which, edge));
}

}  // namespace

Result<Timestamp> parse_interval_time(std::string_view text,
                                      const absl::TimeZone& zone) {
  const bool before = text.starts_with('-');
  std::string_view digits = text.substr(before ? 1 : 0);
  size_t year = std::min(digits.find_first_not_of("0123456789"), digits.size());
  if (year == 0) return parse_iso8601(text, zone);
  if (!before && year <= 4) return parse_iso8601(in_full(text), zone);
  std::string near = fmt::format("2000{}", digits.substr(year));
  if (!parse_iso8601(in_full(near), zone)) return parse_iso8601(text, zone);
  return before ? kMinTimestamp : kMaxTimestamp;
}

Result<Interval> parse_interval(std::string_view text,
                                const absl::TimeZone& zone) {
  size_t slash = text.find('/');
  if (slash == std::string_view::npos) {
    return invalid(fmt::format("not an interval START/END: {}", text));
  }
  std::string_view first = text.substr(0, slash);
  std::string_view second = text.substr(slash + 1);
  const bool back = first.starts_with('P'), ahead = second.starts_with('P');
  if (back && ahead) {
    return invalid(fmt::format(
        "not an interval START/END, only one of them is a period: {}", text));
  }
  Interval out;
  if (!back) {
    TRY_ASSIGN(out.start, time_edge(first, "start", zone));
  }
  if (!ahead) {
    TRY_ASSIGN(out.end, time_edge(second, "end", zone));
  }
  if (back || ahead) {
    TRY_ASSIGN(TimeSpan period, parse_time_span(back ? first : second));
    TRY_ASSIGN(Timestamp stepped_to,
               stepped(back ? out.end : out.start, period, back, zone, text));
    (back ? out.start : out.end) = stepped_to;
  }
  if (out.end < out.start) {
    return invalid(fmt::format("an interval ends before it starts: {}", text));
  }
  return out;
}

}  // namespace freshet
