#include "ingest/time_reader.h"

#include <absl/time/time.h>

#include <cstring>
#include <limits>

#include "ingest/field_value.h"
#include "segments/strptime_pattern.h"

namespace freshet {
namespace {

bool in_range(int64_t ms) { return Interval().contains(Timestamp{ms}); }

bool two_digits(const char* p, int64_t& out) {
  auto tens = static_cast<unsigned>(p[0] - '0');
  auto ones = static_cast<unsigned>(p[1] - '0');
  out = tens * 10 + ones;
  return tens < 10 && ones < 10;
}

bool looks_like_number(std::string_view text) {
  if (text.empty()) return false;
  size_t begin = text[0] == '-' || text[0] == '+';
  if (begin == text.size()) return false;
  for (char c : text.substr(begin)) {
    if (!(c >= '0' && c <= '9') && c != '.' && c != 'e' && c != 'E' &&
        c != '+') {
      return false;
    }
  }
  return true;
}

// Seconds until the year 5138, milliseconds until the same, microseconds
// until the same: no overlap for any time after March 1973.
constexpr int64_t kLargestSeconds = 100'000'000'000;
constexpr int64_t kLargestMillis = kLargestSeconds * 1000;
constexpr int64_t kDayMs = int64_t{24} * 3600 * 1000;
constexpr int64_t kLargestMicros = kLargestMillis * 1000;

}  // namespace

bool TimeReader::date_in_digits(std::string_view text) {
  if (text.size() != 8 && text.size() != 12 && text.size() != 14) return false;
  int64_t parts[7] = {};  // century, year, month, day, hour, minute, second
  for (size_t i = 0; i < text.size(); i += 2) {
    if (!two_digits(&text[i], parts[i / 2])) return false;
  }
  return (parts[0] == 19 || parts[0] == 20) && parts[2] >= 1 &&
         parts[2] <= 12 && parts[3] >= 1 && parts[3] <= 31 && parts[4] < 24 &&
         parts[5] < 60 && parts[6] < 60;
}

TimeReader::TimeReader(std::string format) : pattern_(std::move(format)) {
  if (pattern_ == "auto" || pattern_.empty()) {
    format_ = Format::kAuto;
  } else if (pattern_ == "iso") {
    format_ = Format::kIso;
  } else if (pattern_ == "days") {
    format_ = Format::kDays;
  } else if (pattern_ == "micros") {
    format_ = Format::kMicros;
  } else if (pattern_ == "nanos") {
    format_ = Format::kNanos;
  } else if (pattern_ == "millis") {
    format_ = Format::kMillis;
  } else if (pattern_ == "seconds") {
    format_ = Format::kSeconds;
  } else {
    format_ = Format::kPattern;
    pattern_ = strptime_pattern(pattern_);
  }
}

bool TimeReader::read_text(std::string_view text, int64_t& ms) {
  text = trim(text);
  switch (format_) {
    case Format::kIso:
      return read_iso(text, ms);
    case Format::kPattern:
      return read_pattern(text, ms);
    case Format::kDays:
    case Format::kMillis:
    case Format::kMicros:
    case Format::kNanos:
    case Format::kSeconds:
      return read_number(text, ms);
    case Format::kAuto:
      // A year alone ("2026") reads as seconds; a date has a '-' inside.
      return looks_like_number(text) ? read_number(text, ms)
                                     : read_iso(text, ms);
  }
  return false;
}

bool TimeReader::read_number(std::string_view text, int64_t& ms) const {
  if (format_ == Format::kIso) return false;
  if (format_ == Format::kPattern) return read_pattern(text, ms);
  if (format_ == Format::kMillis) {
    return parse_exact(text, 0, true, ms) && in_range(ms);
  }
  int64_t whole = 0;
  if (format_ == Format::kDays) {
    if (!parse_exact(text, 0, false, whole)) return false;
    return !__builtin_mul_overflow(whole, kDayMs, &ms) && in_range(ms);
  }
  if (format_ == Format::kMicros || format_ == Format::kNanos) {
    int64_t divisor = format_ == Format::kMicros ? 1000 : 1'000'000;
    if (!parse_exact(text, 0, true, whole)) return false;
    ms = whole / divisor - (whole % divisor < 0);
    return in_range(ms);
  }
  if (format_ == Format::kAuto) {
    if (date_in_digits(text)) return false;
    if (!parse_exact(text, 0, true, whole)) return false;
    if (whole == std::numeric_limits<int64_t>::min()) return false;
    int64_t size = whole < 0 ? -whole : whole;
    if (size >= kLargestMicros) return false;
    if (size >= kLargestMillis) {
      ms = whole / 1000 - (whole % 1000 < 0);
      return in_range(ms);
    }
    if (size >= kLargestSeconds) {
      ms = whole;
      return in_range(ms);
    }
  }
  return parse_exact(text, 3, true, ms) && in_range(ms);
}

bool TimeReader::read_iso(std::string_view text, int64_t& ms) {
  // Fast: "2026-11-22T10:41:07[.fff]Z" on a date seen just before.
  bool short_form = text.size() == 20 && text[19] == 'Z';
  bool long_form = text.size() == 24 && text[23] == 'Z' && text[19] == '.';
  int64_t hour = 0, minute = 0, second = 0, tens = 0, ones = 0;
  if ((short_form || long_form) && text[10] == 'T' && text[13] == ':' &&
      text[16] == ':' && std::memcmp(text.data(), last_date_, 10) == 0 &&
      two_digits(&text[11], hour) && two_digits(&text[14], minute) &&
      two_digits(&text[17], second) && hour < 24 && minute < 60 &&
      second < 60) {
    if (long_form) {
      auto last = static_cast<unsigned>(text[22] - '0');
      if (!two_digits(&text[20], tens) || last > 9) return false;
      ones = last;
    }
    ms = last_date_ms_ + ((hour * 60 + minute) * 60 + second) * 1000 +
         tens * 10 + ones;
    return true;
  }
  auto parsed = parse_iso8601(text);
  if (!parsed || !in_range(parsed->ms)) return false;
  ms = parsed->ms;
  bool leap = text.size() > 17 && text[17] == '6';  // on the day after
  if ((short_form || long_form) && !leap) {
    int64_t day = int64_t{24} * 3600 * 1000;
    int64_t since = ms % day;
    std::memcpy(last_date_, text.data(), 10);
    last_date_ms_ = ms - (since < 0 ? since + day : since);
  }
  return true;
}

bool TimeReader::read_pattern(std::string_view text, int64_t& ms) const {
  absl::Time time;
  std::string error;
  if (!absl::ParseTime(absl::string_view(pattern_.data(), pattern_.size()),
                       absl::string_view(text.data(), text.size()), &time,
                       &error)) {
    return false;
  }
  ms = absl::ToUnixMillis(time);
  return in_range(ms);
}

}  // namespace freshet
