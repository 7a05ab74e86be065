#include "segments/time.h"

#include <absl/strings/string_view.h>
#include <absl/time/civil_time.h>
#include <absl/time/clock.h>

#include <array>
#include <cstdlib>
#include <limits>

namespace freshet {
namespace {

constexpr int64_t kSecond = 1000, kMinute = 60 * kSecond, kHour = 60 * kMinute,
                  kDay = 24 * kHour;

// Days since 1970-01-01 of a proleptic Gregorian date
// (howardhinnant.github.io/date_algorithms.html, days_from_civil).
int64_t days_from_civil(int64_t year, unsigned month, unsigned day) {
  year -= month <= 2;
  int64_t era = (year >= 0 ? year : year - 399) / 400;
  unsigned year_of_era = static_cast<unsigned>(year - era * 400);
  unsigned day_of_year =
      (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  unsigned day_of_era =
      year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146097 + static_cast<int64_t>(day_of_era) - 719468;
}

struct Date {
  int64_t year;
  unsigned month, day;
};

// The inverse (civil_from_days, same source).
Date civil_from_days(int64_t days) {
  days += 719468;
  int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  unsigned day_of_era = static_cast<unsigned>(days - era * 146097);
  unsigned year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 -
                          day_of_era / 146096) /
                         365;
  unsigned day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  unsigned shifted = (5 * day_of_year + 2) / 153;
  unsigned day = day_of_year - (153 * shifted + 2) / 5 + 1;
  unsigned month = shifted < 10 ? shifted + 3 : shifted - 9;
  return {static_cast<int64_t>(year_of_era) + era * 400 + (month <= 2), month,
          day};
}

unsigned days_in_month(int64_t year, unsigned month) {
  static constexpr std::array<uint8_t, 13> kDays = {0,  31, 28, 31, 30, 31, 30,
                                                    31, 31, 30, 31, 30, 31};
  bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return month == 2 && leap ? 29 : kDays[month];
}

// Reads fixed-width numbers off the front of a text.
class Digits {
 public:
  explicit Digits(std::string_view text) : text_(text) {}

  bool at_end() const { return position_ == text_.size(); }
  char peek() const { return at_end() ? '\0' : text_[position_]; }
  bool take(char c) {
    if (peek() != c) return false;
    ++position_;
    return true;
  }
  // Exactly `count` digits.
  bool number(int count, unsigned& value) {
    if (text_.size() - position_ < static_cast<size_t>(count)) return false;
    value = 0;
    for (int i = 0; i < count; ++i) {
      unsigned digit = static_cast<unsigned char>(text_[position_++]) - '0';
      if (digit > 9) return false;
      value = value * 10 + digit;
    }
    return true;
  }
  // One to nine digits after the point, cut to milliseconds.
  bool fraction(unsigned& ms) {
    ms = 0;
    int count = 0;
    for (; count < 9; ++count, ++position_) {
      unsigned digit = static_cast<unsigned char>(peek()) - '0';
      if (digit > 9) break;
      if (count < 3) ms = ms * 10 + digit;
    }
    for (int i = count; i < 3; ++i) ms *= 10;
    return count > 0;
  }

 private:
  std::string_view text_;
  size_t position_ = 0;
};

// A wall-clock time and, where the text had one, its offset from UTC.
struct WallTime {
  int64_t ms = 0;  // as if UTC
  bool has_offset = false;
  int64_t offset_ms = 0;
};

bool read_date(Digits& in, int64_t& days) {
  unsigned year, month, day;
  if (!in.number(4, year) || !in.take('-') || !in.number(2, month) ||
      !in.take('-') || !in.number(2, day)) {
    return false;
  }
  if (year < 1 || month < 1 || month > 12 || day < 1 ||
      day > days_in_month(year, month)) {
    return false;
  }
  days = days_from_civil(year, month, day);
  return true;
}

// `leap`: it is the 61st second, and ms the first instant of the next one.
bool read_clock(Digits& in, int64_t& ms, bool& leap) {
  unsigned hour, minute, second = 0, fraction = 0;
  if (!in.number(2, hour) || !in.take(':') || !in.number(2, minute)) {
    return false;
  }
  if (in.take(':')) {
    if (!in.number(2, second)) return false;
    if (in.take('.') && !in.fraction(fraction)) return false;
  }
  leap = second == 60;
  if (hour > 23 || minute > 59 || second > 60) return false;
  if (leap) fraction = 0;
  ms = hour * kHour + minute * kMinute + second * kSecond + fraction;
  return true;
}

// "Z", "+hh:mm", "+hhmm", "+hh", or nothing.
bool read_offset(Digits& in, WallTime& time) {
  if (in.at_end()) return true;
  time.has_offset = true;
  if (in.take('Z') || in.take('z')) return in.at_end();
  bool minus = in.peek() == '-';
  if (!in.take('-') && !in.take('+')) return false;
  unsigned hours, minutes = 0;
  if (!in.number(2, hours)) return false;
  if (!in.at_end()) {
    in.take(':');
    if (!in.number(2, minutes)) return false;
  }
  if (hours > 23 || minutes > 59) return false;
  time.offset_ms = hours * kHour + minutes * kMinute;
  if (minus) time.offset_ms = -time.offset_ms;
  return in.at_end();
}

bool read_wall_time(std::string_view text, WallTime& time) {
  Digits in(text);
  int64_t days;
  if (!read_date(in, days)) return false;
  time.ms = days * kDay;
  if (in.at_end()) return true;
  if (!in.take('T') && !in.take(' ') && !in.take('t')) return false;
  int64_t clock;
  bool leap = false;
  if (!read_clock(in, clock, leap)) return false;
  time.ms += clock;
  if (!read_offset(in, time)) return false;
  // Leap seconds end days of UTC.
  return !leap || (time.ms - time.offset_ms) % kDay == 0;
}

// What is left of whole units, 0 or more: before 1970, too.
int64_t rest_of(int64_t ms, int64_t unit) {
  const int64_t rest = ms % unit;
  return rest < 0 ? rest + unit : rest;
}

// The instant of a wall-clock time in a zone; where the clock skips it, the
// moment of the skip; where it comes twice, the first.
int64_t in_zone(int64_t wall_ms, const absl::TimeZone& zone) {
  int64_t seconds = wall_ms / kSecond - (wall_ms % kSecond < 0);
  int64_t rest = rest_of(wall_ms, kSecond);
  absl::CivilSecond civil = absl::CivilSecond(1970, 1, 1) + seconds;
  absl::TimeZone::TimeInfo info = zone.At(civil);
  if (info.kind == absl::TimeZone::TimeInfo::SKIPPED) {
    return absl::ToUnixMillis(info.trans);
  }
  return absl::ToUnixMillis(info.pre) + rest;
}

void put_digits(char* out, int count, int64_t value) {
  for (int i = count - 1; i >= 0; --i, value /= 10) {
    out[i] = static_cast<char>('0' + value % 10);
  }
}

// "2026-11-22T10:41:07.120" of a wall-clock time.
std::string wall_text(int64_t ms) {
  int64_t days = ms / kDay - (ms % kDay < 0);
  int64_t rest = rest_of(ms, kDay);
  Date date = civil_from_days(days);
  const int64_t year = std::abs(int64_t{date.year});
  std::string text = "0000-00-00T00:00:00.000";
  put_digits(&text[0], 4, year % 10000);
  put_digits(&text[5], 2, date.month);
  put_digits(&text[8], 2, date.day);
  put_digits(&text[11], 2, rest / kHour);
  put_digits(&text[14], 2, rest / kMinute % 60);
  put_digits(&text[17], 2, rest / kSecond % 60);
  put_digits(&text[20], 3, rest % kSecond);
  if (year > 9999) text.insert(0, std::to_string(year / 10000));
  if (date.year < 0) text.insert(0, "-");
  return text;
}

Result<int64_t> checked_duration(std::string_view text, int64_t count,
                                 int64_t unit) {
  int64_t ms;
  if (__builtin_mul_overflow(count, unit, &ms)) {
    return invalid("duration is too long: " + std::string(text));
  }
  return ms;
}

// Reads the number at the front of `rest`; false without one or if too large.
bool take_count(std::string_view& rest, int64_t& count) {
  size_t used = 0;
  count = 0;
  for (; used < rest.size() && rest[used] >= '0' && rest[used] <= '9'; ++used) {
    if (used >= 15) return false;
    count = count * 10 + (rest[used] - '0');
  }
  rest.remove_prefix(used);
  return used > 0;
}

int64_t iso_unit(char letter, bool in_time) {
  switch (letter) {
    case 'W':
      return in_time ? 0 : 7 * kDay;
    case 'D':
      return in_time ? 0 : kDay;
    case 'H':
      return in_time ? kHour : 0;
    case 'M':
      return in_time ? kMinute : 0;
    case 'S':
      return in_time ? kSecond : 0;
    default:
      return 0;
  }
}

Result<int64_t> parse_iso_duration(std::string_view text) {
  Error fault = invalid("not a duration of fixed length: " + std::string(text));
  std::string_view rest = text.substr(1);
  bool in_time = false, any = false;
  int64_t total = 0;
  while (!rest.empty()) {
    if (rest.front() == 'T' && !in_time) {
      in_time = true;
      rest.remove_prefix(1);
      any = false;
      continue;
    }
    int64_t count;
    if (!take_count(rest, count) || rest.empty()) return fault;
    int64_t unit = iso_unit(rest.front(), in_time);
    if (unit == 0) return fault;
    rest.remove_prefix(1);
    TRY_ASSIGN(int64_t part, checked_duration(text, count, unit));
    if (__builtin_add_overflow(total, part, &total)) return fault;
    any = true;
  }
  if (!any) return fault;
  return total;
}

}  // namespace

Timestamp now() { return Timestamp{absl::ToUnixMillis(absl::Now())}; }

absl::Time steady_now() {
  return absl::UnixEpoch() +
         absl::FromChrono(std::chrono::steady_clock::now().time_since_epoch());
}

Result<absl::TimeZone> load_time_zone(std::string_view name) {
  if (name == "UTC" || name == "Z" || name == "Etc/UTC") {
    return absl::UTCTimeZone();
  }
  if (!name.empty() && (name[0] == '+' || name[0] == '-')) {
    Digits in(name);
    WallTime time;
    if (name.size() == 6 && read_offset(in, time)) {
      return absl::FixedTimeZone(static_cast<int>(time.offset_ms / kSecond));
    }
    return invalid("not a time zone offset: " + std::string(name));
  }
  absl::TimeZone zone;
  // A leading slash or ".." would make Abseil read any file of the machine.
  bool path_like = name.empty() || name[0] == '/' || name[0] == ':' ||
                   name.find("..") != std::string_view::npos;
  if (path_like ||
      !absl::LoadTimeZone(absl::string_view(name.data(), name.size()), &zone)) {
    return invalid("unknown time zone: " + std::string(name));
  }
  return zone;
}

std::string to_iso8601(Timestamp t) { return wall_text(t.ms) + 'Z'; }

std::string to_iso8601(Timestamp t, const absl::TimeZone& zone) {
  if (zone == absl::UTCTimeZone()) return to_iso8601(t);
  // Offsets before 1900 have seconds, which ISO 8601 cannot say: the text
  // names the same instant at the offset cut to minutes.
  int64_t minutes = zone.At(absl::FromUnixMillis(t.ms)).offset / 60;
  std::string text = wall_text(t.ms + minutes * kMinute);
  int64_t absolute = std::abs(minutes);
  std::string offset = minutes < 0 ? "-00:00" : "+00:00";
  put_digits(&offset[1], 2, absolute / 60);
  put_digits(&offset[4], 2, absolute % 60);
  return text + offset;
}

Result<Timestamp> parse_iso8601(std::string_view text,
                                const absl::TimeZone& zone) {
  WallTime time;
  if (!read_wall_time(text, time)) {
    return invalid("not an ISO 8601 time: " + std::string(text.substr(0, 64)));
  }
  Timestamp result{time.ms - time.offset_ms};
  if (!time.has_offset && !(zone == absl::UTCTimeZone())) {
    result.ms = in_zone(time.ms, zone);
  }
  if (result < kMinTimestamp || result > kMaxTimestamp) {
    return invalid("time is out of range: " + std::string(text));
  }
  return result;
}

Result<int64_t> parse_duration_ms(std::string_view text) {
  if (!text.empty() && text[0] == 'P') return parse_iso_duration(text);
  std::string_view rest = text;
  int64_t count;
  if (take_count(rest, count)) {
    if (rest == "ms") return count;
    if (rest == "s") return checked_duration(text, count, kSecond);
    if (rest == "m") return checked_duration(text, count, kMinute);
    if (rest == "h") return checked_duration(text, count, kHour);
    if (rest == "d") return checked_duration(text, count, kDay);
    if (rest == "w") return checked_duration(text, count, 7 * kDay);
  }
  return invalid("not a duration (such as 90s, 10m, 12h, 7d): " +
                 std::string(text));
}

}  // namespace freshet
