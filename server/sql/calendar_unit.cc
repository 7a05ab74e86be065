#include "server/sql/calendar_unit.h"

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_split.h>
#include <fmt/core.h>

#include <string>
#include <vector>

#include "server/sql/letters.h"

namespace freshet {
namespace {

constexpr int64_t kSecond = 1000;
constexpr int64_t kMinute = 60 * kSecond;
constexpr int64_t kHour = 60 * kMinute;
constexpr int64_t kDay = 24 * kHour;

constexpr CalendarUnit kUnits[] = {{"millisecond", "PT0.001S", 0, 1},
                                   {"second", "PT1S", 0, kSecond},
                                   {"minute", "PT1M", 0, kMinute},
                                   {"hour", "PT1H", 0, kHour},
                                   {"day", "P1D", 0, kDay},
                                   {"week", "P1W", 0, 7 * kDay},
                                   {"month", "P1M", 1, 0},
                                   {"quarter", "P3M", 3, 0},
                                   {"year", "P1Y", 12, 0}};

Status add(TimeSpan& span, int64_t count, const CalendarUnit& unit,
           std::string_view text) {
  if (count > kMostUnits || count < -kMostUnits) {
    return invalid(fmt::format("interval is too long: {}", text));
  }
  span.months += count * unit.months;
  span.ms += count * unit.ms;
  if (unit.ms >= kDay) span.days += count * (unit.ms / kDay);
  return {};
}

Result<TimeSpan> parse_period(std::string_view text) {
  TimeSpan span;
  bool time = false, any = false;
  size_t i = 1;
  while (i < text.size()) {
    if (text[i] == 'T' && !time) {
      time = true;
      ++i;
      continue;
    }
    size_t begin = i;
    while (i < text.size() && absl::ascii_isdigit(text[i])) ++i;
    int64_t count = 0;
    std::string digits(text.substr(begin, i - begin));
    if (i == text.size() || !absl::SimpleAtoi(digits, &count)) {
      return invalid(fmt::format("not an ISO 8601 period: {}", text));
    }
    constexpr std::string_view kDateLetters = "YMWD", kTimeLetters = "HMS";
    constexpr std::string_view kDateNames[] = {"year", "month", "week", "day"};
    constexpr std::string_view kTimeNames[] = {"hour", "minute", "second"};
    size_t at = (time ? kTimeLetters : kDateLetters).find(text[i]);
    if (at == std::string_view::npos) {
      return invalid(fmt::format("not an ISO 8601 period: {}", text));
    }
    TRY(add(span, count,
            *parse_calendar_unit(time ? kTimeNames[at] : kDateNames[at]),
            text));
    any = true;
    ++i;
  }
  if (!any) return invalid(fmt::format("not an ISO 8601 period: {}", text));
  return span;
}

}  // namespace

std::optional<CalendarUnit> parse_calendar_unit(std::string_view text) {
  std::string name = to_lower(text);
  if (name.starts_with("sql_tsi_")) name = name.substr(8);
  if (name.size() > 1 && name.back() == 's') name.pop_back();
  for (const CalendarUnit& unit : kUnits) {
    if (unit.name == name) return unit;
  }
  return std::nullopt;
}

Result<TimeSpan> parse_time_span(std::string_view text) {
  if (text.starts_with('P')) return parse_period(text);
  std::vector<std::string> words = absl::StrSplit(
      std::string(text), absl::ByAnyChar(" \t"), absl::SkipEmpty());
  TimeSpan span;
  if (words.empty() || words.size() % 2 != 0) {
    return invalid(fmt::format("not an interval like '1 day': {}", text));
  }
  for (size_t i = 0; i < words.size(); i += 2) {
    int64_t count = 0;
    auto unit = parse_calendar_unit(words[i + 1]);
    if (!unit || !absl::SimpleAtoi(words[i], &count)) {
      return invalid(fmt::format("not an interval like '1 day': {}", text));
    }
    TRY(add(span, count, *unit, text));
  }
  return span;
}

}  // namespace freshet
