// Appends parts of an event's JSON text. No allocation once the line has grown.
#pragma once

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

#include "segments/schema.h"
#include "segments/time.h"

namespace freshet {

inline void append_int(std::string& out, int64_t v) {
  char buffer[20];
  auto end = std::to_chars(buffer, buffer + sizeof buffer, v).ptr;
  out.append(buffer, static_cast<size_t>(end - buffer));
}

// `units` at `scale`, with all its digits: (5, 2) -> 0.05.
inline void append_decimal(std::string& out, int64_t units, int scale) {
  uint64_t rest = static_cast<uint64_t>(units);
  if (units < 0) {
    out.push_back('-');
    rest = 0 - rest;
  }
  uint64_t one = static_cast<uint64_t>(kPowersOfTen[scale]);
  char buffer[24];
  auto end = std::to_chars(buffer, buffer + sizeof buffer, rest / one).ptr;
  out.append(buffer, static_cast<size_t>(end - buffer));
  if (scale == 0) return;
  uint64_t fraction = rest % one;
  buffer[0] = '.';
  for (int i = scale; i > 0; --i, fraction /= 10)
    buffer[i] = static_cast<char>('0' + fraction % 10);
  out.append(buffer, static_cast<size_t>(scale) + 1);
}

// A double given in units of 1/64, exactly.
inline void append_sixty_fourths(std::string& out, int64_t units) {
  append_decimal(out, units * 15625, 6);
}

inline void append_digits(std::string& out, uint64_t v, int width) {
  char buffer[20];
  for (int i = width - 1; i >= 0; --i, v /= 10)
    buffer[i] = static_cast<char>('0' + v % 10);
  out.append(buffer, static_cast<size_t>(width));
}

// Text of times as a dataset's `time.format` wants it, as a JSON value. Keeps
// the last day's date, so it is quick for times near each other.
class TimeText {
 public:
  explicit TimeText(std::string format = "iso") : format_(std::move(format)) {}
  void append(std::string& out, Timestamp t);
  // ISO 8601 whatever the format: columns of type timestamp.
  void append_iso(std::string& out, Timestamp t);

 private:
  std::string format_;
  int64_t day_ = INT64_MIN;
  std::string date_;  // "2026-11-22T
};

}  // namespace freshet
