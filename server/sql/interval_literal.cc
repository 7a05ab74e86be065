#include "server/sql/interval_literal.h"

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "server/sql/letters.h"

namespace freshet {
namespace {

using Words = std::vector<std::string>;

// Fields of a literal of several, from the longest; each but the first has the
// character that divides it from the one before it.
struct Field {
  std::string_view unit;
  char divider;
};
constexpr std::array<Field, 6> kFields = {{{"year", ' '},
                                           {"month", '-'},
                                           {"day", ' '},
                                           {"hour", ' '},
                                           {"minute", ':'},
                                           {"second", ':'}}};
constexpr size_t kMonthField = 1;

// Most of the unit that a field after the first may count.
int64_t most_of(std::string_view unit) {
  if (unit == "month") return 11;
  return unit == "hour" ? 23 : 59;
}

std::optional<size_t> field_of(const std::string& word) {
  auto unit = parse_calendar_unit(word);
  if (!unit) return std::nullopt;
  for (size_t i = 0; i < kFields.size(); ++i) {
    if (kFields[i].unit == unit->name) return i;
  }
  return std::nullopt;
}

Error not_an_interval(std::string_view text, std::string_view form) {
  return invalid(fmt::format("not an interval like {}: {}", form, text));
}

// Digits off the front of `rest`.
bool take_count(std::string_view& rest, int64_t& count) {
  size_t used = std::min(rest.find_first_not_of("0123456789"), rest.size());
  bool whole = absl::SimpleAtoi(std::string(rest.substr(0, used)), &count);
  rest.remove_prefix(used);
  return whole;
}

// ".5" off the front of `rest` as milliseconds; further digits are cut.
bool take_fraction(std::string_view& rest, int64_t& ms) {
  if (!rest.starts_with('.')) return true;
  rest.remove_prefix(1);
  size_t used = std::min(rest.find_first_not_of("0123456789"), rest.size());
  std::string digits(rest.substr(0, std::min<size_t>(used, 3)));
  digits.append(3 - digits.size(), '0');
  rest.remove_prefix(used);
  return used > 0 && absl::SimpleAtoi(digits, &ms);
}

// "[+-]1-2" of the fields from `first` to `last`.
std::optional<TimeSpan> read_fields(std::string_view digits, size_t first,
                                    size_t last) {
  TimeSpan out;
  const bool minus = digits.starts_with('-');
  if (minus || digits.starts_with('+')) digits.remove_prefix(1);
  for (size_t i = first; i <= last; ++i) {
    if (i > first) {
      if (!digits.starts_with(kFields[i].divider)) return std::nullopt;
      digits.remove_prefix(1);
    }
    int64_t count = 0, ms = 0;
    const CalendarUnit unit = *parse_calendar_unit(kFields[i].unit);
    if (!take_count(digits, count) || count > kMostUnits ||
        (i > first && count > most_of(unit.name)) ||
        (unit.name == "second" && !take_fraction(digits, ms))) {
      return std::nullopt;
    }
    out.months += count * unit.months;
    out.ms += count * unit.ms + ms;
    if (unit.name == "day") out.days += count;
  }
  if (!digits.empty()) return std::nullopt;
  if (minus) out = {-out.months, -out.ms, -out.days};
  return out;
}

// "DIGITS FIRST TO LAST"
Result<TimeSpan> parse_several(std::string_view text, const Words& words) {
  const std::string &from = words[words.size() - 3], &to = words.back();
  auto first = field_of(from), last = field_of(to);
  constexpr std::string_view kForms =
      "'1-2' YEAR TO MONTH or '1 02:03:04' DAY TO SECOND";
  if (!first || !last || *first >= *last ||
      (*first <= kMonthField) != (*last <= kMonthField)) {
    return not_an_interval(text, kForms);
  }
  Words digits(words.begin(), words.end() - 3);
  auto span = read_fields(absl::StrJoin(digits, " "), *first, *last);
  if (!span) return not_an_interval(text, kForms);
  return *span;
}

}  // namespace

Result<TimeSpan> parse_interval_literal(std::string_view text) {
  Words words = absl::StrSplit(std::string(text), absl::ByAnyChar(" \t\n"),
                               absl::SkipEmpty());
  if (words.size() >= 4 && to_lower(words[words.size() - 2]) == "to") {
    return parse_several(text, words);
  }
  // Seconds alone may have a fraction.
  auto field = words.size() == 2 ? field_of(words[1]) : std::nullopt;
  if (field && kFields[*field].unit == "second") {
    auto span = read_fields(words[0], *field, *field);
    return span ? Result<TimeSpan>(*span)
                : not_an_interval(text, "'1.5' SECOND");
  }
  return parse_time_span(text);
}

}  // namespace freshet
