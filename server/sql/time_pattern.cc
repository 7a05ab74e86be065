#include "server/sql/time_pattern.h"

#include <absl/strings/ascii.h>
#include <fmt/core.h>

#include <algorithm>

namespace freshet {
namespace {

// Letter, field, and the longest run of the letter that means digits.
struct Letter {
  char letter;
  const char* field;
  int longest, least_width;
};
constexpr Letter kLetters[] = {
    {'y', "year", 4, 4},   {'Y', "year", 4, 4},   {'x', "isoyear", 4, 4},
    {'M', "month", 2, 1},  {'d', "day", 2, 1},    {'H', "hour", 2, 1},
    {'m', "minute", 2, 1}, {'s', "second", 2, 1}, {'S', "millisecond", 3, 3},
    {'D', "doy", 3, 1},    {'w', "week", 2, 1},   {'e', "isodow", 1, 1}};

void add_text(std::vector<TimePatternPart>& parts, char c) {
  if (parts.empty() || !parts.back().field.empty()) parts.push_back({});
  parts.back().text += c;
}

}  // namespace

Result<std::vector<TimePatternPart>> parse_time_pattern(
    std::string_view pattern) {
  std::vector<TimePatternPart> parts;
  if (pattern.size() > 100) return invalid("time pattern is too long");
  for (size_t i = 0; i < pattern.size();) {
    char c = pattern[i];
    if (c == '\'') {
      size_t end = pattern.find('\'', i + 1);
      if (end == std::string_view::npos) {
        return invalid(fmt::format("quote is not closed: {}", pattern));
      }
      if (end == i + 1) add_text(parts, '\'');
      for (char q : pattern.substr(i + 1, end - i - 1)) add_text(parts, q);
      i = end + 1;
      continue;
    }
    if (!absl::ascii_isalpha(c)) {
      add_text(parts, c);
      ++i;
      continue;
    }
    size_t run = pattern.find_first_not_of(c, i);
    int length = static_cast<int>(
        (run == std::string_view::npos ? pattern.size() : run) - i);
    const Letter* found = nullptr;
    for (const Letter& l : kLetters) {
      if (l.letter == c) found = &l;
    }
    bool two_digit_year = (c == 'y' || c == 'Y') && length == 2;
    if (!found || length > found->longest || two_digit_year ||
        (c == 'S' && length != 3) || (c == 'D' && length == 2)) {
      return Error{ErrorCode::kUnsupported,
                   fmt::format("time pattern letters are not supported: {}",
                               pattern.substr(i, length))};
    }
    parts.push_back({found->field, std::max(length, found->least_width), ""});
    i += length;
  }
  if (parts.empty()) return invalid("time pattern is empty");
  return parts;
}

}  // namespace freshet
