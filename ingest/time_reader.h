// TimeReader: the event time of an event, from text or a number, by the
// format of a TimeSpec. Keeps the last date it saw, since neighbours share it.
// Used by one thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "segments/time.h"

namespace freshet {

class TimeReader {
 public:
  // "auto" (ISO 8601, or epoch seconds, milliseconds or microseconds by
  // size, but for numbers that are a date in digits, see date_in_digits()),
  // "iso", "days", "seconds", "millis", "micros", "nanos" (since 1970), or a
  // strftime pattern read in UTC.
  explicit TimeReader(std::string format);

  // Whether `text` is a date in digits of the years 1900 to 2099, with or
  // without hour, minute and second: 20261128, 202611281041, 20261128104107. As
  // a number it would be a moment of 1970, 1976 or 2600: "auto" does not guess.
  static bool date_in_digits(std::string_view text);

  // False if `text` is not a time in this format, or lies outside
  // [kMinTimestamp, kMaxTimestamp]. A number in text is a number.
  bool read_text(std::string_view text, int64_t& ms);
  bool read_number(std::string_view text, int64_t& ms) const;
  bool is_auto() const { return format_ == Format::kAuto; }

 private:
  enum class Format {
    kAuto,
    kIso,
    kDays,
    kSeconds,
    kMillis,
    kMicros,
    kNanos,
    kPattern
  };
  bool read_iso(std::string_view text, int64_t& ms);
  bool read_pattern(std::string_view text, int64_t& ms) const;

  std::string pattern_;
  Format format_ = Format::kAuto;
  char last_date_[10] = {};
  int64_t last_date_ms_ = 0;
};

}  // namespace freshet
