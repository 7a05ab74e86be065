#include "server/query/time_pattern.h"

#include <absl/strings/ascii.h>
#include <absl/time/civil_time.h>
#include <fmt/format.h>

#include <array>

namespace freshet {
namespace {

constexpr std::string_view kLetters = "GCYyxwEeDMdaKhHkmsSzZ";
constexpr size_t kLongestPattern = 100;
constexpr int kLongestRun = 9;

constexpr std::array<std::string_view, 12> kMonths = {
    "January", "February", "March",     "April",   "May",      "June",
    "July",    "August",   "September", "October", "November", "December"};
constexpr std::array<std::string_view, 7> kDays = {
    "Monday", "Tuesday",  "Wednesday", "Thursday",
    "Friday", "Saturday", "Sunday"};
constexpr size_t kShortName = 3;

int monday_first(absl::CivilDay day) {
  return static_cast<int>(absl::GetWeekday(day)) + 1;
}
absl::CivilDay thursday_of(absl::CivilDay day) {
  return day + (4 - monday_first(day));
}

std::string offset_text(int seconds, int count) {
  int minutes = std::abs(seconds) / 60;
  return fmt::format("{}{:02}{}{:02}", seconds < 0 ? '-' : '+', minutes / 60,
                     count >= 2 ? ":" : "", minutes % 60);
}

std::string year_text(int64_t year, int count) {
  if (count == 2) return fmt::format("{:02}", year % 100);
  return fmt::format("{:0{}}", year, count);
}

std::string name_text(std::string_view name, int shortest, int count) {
  return std::string(count > shortest ? name : name.substr(0, kShortName));
}

struct Moment {
  absl::CivilSecond civil;
  int64_t ms;  // within its second
  int offset;
  std::string zone;
};

std::string field_text(char letter, int count, const Moment& t) {
  absl::CivilDay day(t.civil);
  int hour = t.civil.hour();
  auto number = [&](int64_t value) {
    return fmt::format("{:0{}}", value, count);
  };
  switch (letter) {
    case 'G':
      return t.civil.year() > 0 ? "AD" : "BC";
    case 'C':
      return number(t.civil.year() / 100);
    case 'Y':
    case 'y':
      return year_text(t.civil.year(), count);
    case 'x':
      return year_text(thursday_of(day).year(), count);
    case 'w':
      return number((absl::GetYearDay(thursday_of(day)) - 1) / 7 + 1);
    case 'E':
      return name_text(kDays[static_cast<size_t>(monday_first(day) - 1)], 3,
                       count);
    case 'e':
      return number(monday_first(day));
    case 'D':
      return number(absl::GetYearDay(day));
    case 'M':
      if (count <= 2) return number(t.civil.month());
      return name_text(kMonths[static_cast<size_t>(t.civil.month() - 1)], 3,
                       count);
    case 'd':
      return number(t.civil.day());
    case 'a':
      return hour < 12 ? "AM" : "PM";
    case 'K':
      return number(hour % 12);
    case 'h':
      return number(hour % 12 == 0 ? 12 : hour % 12);
    case 'H':
      return number(hour);
    case 'k':
      return number(hour == 0 ? 24 : hour);
    case 'm':
      return number(t.civil.minute());
    case 's':
      return number(t.civil.second());
    case 'S': {
      std::string digits = fmt::format("{:03}", t.ms);
      digits.resize(static_cast<size_t>(count), '0');
      return digits;
    }
    case 'z':
      return t.zone;
    default:  // Z
      return count >= 3 ? t.zone : offset_text(t.offset, count);
  }
}

// What a text has told of a time.
struct Reading {
  int64_t year = 1970, month = 1, day = 1, hour = 0, minute = 0, second = 0;
  int64_t ms = 0;
  std::optional<int64_t> half;      // 0 AM, 1 PM; with a 12-hour clock
  std::optional<int64_t> year_day;  // in place of month and day
  std::optional<int64_t> week;      // of the year, unless `dated`
  int64_t week_day = 1;             // 1: Monday
  bool dated = false;               // by a month or a day of it or the year
  std::optional<int> offset;        // seconds east of UTC
  std::optional<absl::TimeZone> zone;
};

// A name of the list at the start of `text`, or its first three letters.
template <size_t kSize>
std::optional<int64_t> take_name(
    std::string_view& text, const std::array<std::string_view, kSize>& names) {
  auto starts = [&](std::string_view name) {
    if (text.size() < name.size()) return false;
    for (size_t i = 0; i < name.size(); ++i) {
      if (absl::ascii_tolower(static_cast<unsigned char>(text[i])) !=
          absl::ascii_tolower(static_cast<unsigned char>(name[i]))) {
        return false;
      }
    }
    text.remove_prefix(name.size());
    return true;
  };
  for (size_t i = 0; i < kSize; ++i) {
    if (starts(names[i]) || starts(names[i].substr(0, kShortName))) {
      return static_cast<int64_t>(i);
    }
  }
  return std::nullopt;
}

std::optional<int64_t> take_digits(std::string_view& text, size_t most,
                                   size_t* taken = nullptr) {
  int64_t value = 0;
  size_t n = 0;
  while (n < text.size() && n < most && text[n] >= '0' && text[n] <= '9') {
    value = value * 10 + (text[n++] - '0');
  }
  if (n == 0) return std::nullopt;
  text.remove_prefix(n);
  if (taken) *taken = n;
  return value;
}

// Z, +01:00, +0100 or +01.
std::optional<int> take_offset(std::string_view& text) {
  if (text.starts_with('Z')) {
    text.remove_prefix(1);
    return 0;
  }
  if (!text.starts_with('+') && !text.starts_with('-')) return std::nullopt;
  int sign = text[0] == '-' ? -1 : 1;
  text.remove_prefix(1);
  auto hours = take_digits(text, 2);
  if (!hours) return std::nullopt;
  if (text.starts_with(':')) text.remove_prefix(1);
  int64_t minutes = take_digits(text, 2).value_or(0);
  if (*hours > 18 || minutes > 59) return std::nullopt;
  return sign * static_cast<int>(*hours * 3600 + minutes * 60);
}

bool take_zone(std::string_view& text, Reading& out) {
  size_t end = 0;
  auto part = [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '/' ||
           c == '_' || c == '+' || c == '-' || c == ':';
  };
  while (end < text.size() && part(text[end])) ++end;
  auto zone = load_time_zone(text.substr(0, end));
  if (!zone) return false;
  out.zone = *zone;
  text.remove_prefix(end);
  return true;
}

bool set_number(char letter, int count, int64_t value, size_t digits,
                Reading& out) {
  switch (letter) {
    case 'Y':
    case 'y':
    case 'x':
      // Two digits: the years around 2000, as Joda's pivot has them.
      out.year = count == 2 && digits == 2 ? value + (value < 70 ? 2000 : 1900)
                                           : value;
      return true;
    case 'M':
      out.month = value;
      out.dated = true;
      return true;
    case 'd':
      out.day = value;
      out.dated = true;
      return true;
    case 'D':
      out.year_day = value;
      out.dated = true;
      return value >= 1 && value <= 366;
    case 'H':
    case 'K':
      out.hour = value;
      return value < 24;
    case 'k':
      out.hour = value % 24;
      return value >= 1 && value <= 24;
    case 'h':
      out.hour = value % 12;
      return value >= 1 && value <= 12;
    case 'm':
      out.minute = value;
      return value < 60;
    case 's':
      out.second = value;
      return value < 60;
    case 'S':
      for (; digits < 3; ++digits) value *= 10;
      for (; digits > 3; --digits) value /= 10;
      out.ms = value;
      return true;
    case 'w':
      out.week = value;
      return value >= 1 && value <= 53;
    case 'e':
      out.week_day = value;
      return value >= 1 && value <= 7;
    default:  // C: it follows from the date
      return true;
  }
}

bool take_field(char letter, int count, bool abuts, std::string_view& text,
                Reading& out) {
  if (letter == 'E') {
    auto day = take_name(text, kDays);
    if (day) out.week_day = *day + 1;
    return day.has_value();
  }
  if (letter == 'M' && count > 2) {
    auto month = take_name(text, kMonths);
    if (month) out.month = *month + 1;
    out.dated = true;
    return month.has_value();
  }
  if (letter == 'a') {
    constexpr std::array<std::string_view, 2> kHalves = {"AM ", "PM "};
    std::string padded = std::string(text.substr(0, 2)) + " ";
    std::string_view view = padded;
    out.half = take_name(view, kHalves);
    if (out.half) text.remove_prefix(2);
    return out.half.has_value();
  }
  if (letter == 'G') {
    bool era = text.starts_with("AD");
    if (era) text.remove_prefix(2);
    return era;
  }
  if (letter == 'z' || (letter == 'Z' && count >= 3)) {
    return take_zone(text, out);
  }
  if (letter == 'Z') return (out.offset = take_offset(text)).has_value();
  bool year = letter == 'y' || letter == 'Y' || letter == 'x';
  size_t most = abuts           ? static_cast<size_t>(count)
                : year          ? 9
                : letter == 'S' ? 9
                : letter == 'D' ? 3
                                : 2;
  size_t digits = 0;
  auto value = take_digits(text, most, &digits);
  return value && set_number(letter, count, *value, digits, out);
}

std::optional<Timestamp> moment_of(const Reading& r,
                                   const absl::TimeZone& zone) {
  if (r.year < 1 || r.year > 9999 || r.month < 1 || r.month > 12 || r.day < 1) {
    return std::nullopt;
  }
  absl::CivilDay day(r.year, r.month, r.day);
  if (r.year_day) {
    day = absl::CivilDay(r.year) + (*r.year_day - 1);
    if (day.year() != r.year) return std::nullopt;
  } else if (r.week && !r.dated) {
    // The 4th of January is in the first week.
    const absl::CivilDay middle = thursday_of(absl::CivilDay(r.year, 1, 4));
    const absl::CivilDay thursday = middle + (*r.week - 1) * 7;
    if (thursday.year() != r.year) return std::nullopt;  // no 53rd week
    day = thursday + (r.week_day - 4);
  } else if (day.day() != r.day || day.month() != r.month) {
    return std::nullopt;  // 31 April
  }
  int64_t hour = r.hour;
  if (r.half) hour = hour % 12 + *r.half * 12;
  absl::CivilSecond civil(day.year(), day.month(), day.day(), hour, r.minute,
                          r.second);
  absl::TimeZone used = r.zone.value_or(zone);
  if (r.offset) used = absl::FixedTimeZone(*r.offset);
  const absl::TimeZone::TimeInfo info = used.At(civil);
  const bool skipped = info.kind == absl::TimeZone::TimeInfo::SKIPPED;
  Timestamp time{skipped ? absl::ToUnixMillis(info.trans)
                         : absl::ToUnixMillis(info.pre) + r.ms};
  if (!Interval().contains(time)) return std::nullopt;
  return time;
}

// From the quote at `i` to after the one that closes it; two in a row are one
// that is meant. False if none closes it.
bool take_quoted(std::string_view pattern, size_t& i, std::string& text) {
  if (pattern.substr(i + 1, 1) == "'") {
    text = "'";
    i += 2;
    return true;
  }
  for (++i; i < pattern.size(); ++i) {
    if (pattern[i] != '\'') {
      text += pattern[i];
    } else if (pattern.substr(i + 1, 1) == "'") {
      text += pattern[i++];
    } else {
      ++i;
      return true;
    }
  }
  return false;
}

bool numeric(char letter, int count) {
  if (letter == 'M') return count <= 2;
  return letter != 0 && letter != 'E' && letter != 'a' && letter != 'G' &&
         letter != 'z' && letter != 'Z';
}

}  // namespace

Result<TimePattern> TimePattern::parse(std::string_view pattern) {
  TimePattern out;
  auto add_text = [&](std::string_view text) {
    if (out.parts_.empty() || out.parts_.back().letter) {
      out.parts_.emplace_back();
    }
    out.parts_.back().text += text;
  };
  if (pattern.size() > kLongestPattern) {
    return invalid(
        fmt::format("a time pattern has at most {} letters", kLongestPattern));
  }
  for (size_t i = 0; i < pattern.size();) {
    char c = pattern[i];
    if (c == '\'') {
      std::string text;
      if (!take_quoted(pattern, i, text)) {
        return invalid(fmt::format("quote is not closed: {}", pattern));
      }
      add_text(text);
      continue;
    }
    if (!absl::ascii_isalpha(static_cast<unsigned char>(c))) {
      add_text(pattern.substr(i++, 1));
      continue;
    }
    size_t end = pattern.find_first_not_of(c, i);
    if (end == std::string_view::npos) end = pattern.size();
    int count = static_cast<int>(end - i);
    if (kLetters.find(c) == std::string_view::npos || count > kLongestRun) {
      return invalid(fmt::format("unknown letters of a time pattern: {}",
                                 pattern.substr(i, end - i)));
    }
    out.parts_.push_back({c, count, ""});
    i = end;
  }
  if (out.parts_.empty()) return invalid("a time pattern is empty");
  return out;
}

std::string TimePattern::format(Timestamp t, const absl::TimeZone& zone) const {
  auto info = zone.At(absl::FromUnixMillis(t.ms));
  Moment moment{info.cs, ((t.ms % 1000) + 1000) % 1000, info.offset,
                zone.name()};
  std::string out;
  for (const Part& part : parts_) {
    out +=
        part.letter ? field_text(part.letter, part.count, moment) : part.text;
  }
  return out;
}

std::optional<Timestamp> TimePattern::read(std::string_view text,
                                           const absl::TimeZone& zone) const {
  Reading reading;
  for (size_t i = 0; i < parts_.size(); ++i) {
    const Part& part = parts_[i];
    if (!part.letter) {
      if (!text.starts_with(part.text)) return std::nullopt;
      text.remove_prefix(part.text.size());
      continue;
    }
    bool abuts = i + 1 < parts_.size() && numeric(part.letter, part.count) &&
                 numeric(parts_[i + 1].letter, parts_[i + 1].count);
    if (!take_field(part.letter, part.count, abuts, text, reading)) {
      return std::nullopt;
    }
  }
  if (!text.empty()) return std::nullopt;
  return moment_of(reading, zone);
}

}  // namespace freshet
