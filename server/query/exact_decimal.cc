#include "server/query/exact_decimal.h"

#include <algorithm>
#include <charconv>

namespace freshet {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// What stands behind 'e', if it is a whole number that could matter.
std::optional<int> read_exponent(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  int exponent = 0;
  auto [end, fault] =
      std::from_chars(text.data(), text.data() + text.size(), exponent);
  bool whole = fault == std::errc() && end == text.data() + text.size();
  if (!whole || exponent > kMaxExactDigits || exponent < -kMaxExactDigits) {
    return std::nullopt;
  }
  return exponent;
}

// "12.50" as 1250 at scale 2; the digits before the point may be missing, or
// those behind it.
std::optional<Decimal> read_digits(std::string_view text) {
  Decimal out;
  int digits = 0;
  bool any = false, behind = false;
  for (char c : text) {
    if (c == '.' && !behind) {
      behind = true;
      continue;
    }
    if (!is_digit(c)) return std::nullopt;
    any = true;
    if (out.units != 0 || c != '0') ++digits;
    if (behind) ++out.scale;
    if (digits > kMaxExactDigits || out.scale > kMaxExactDigits) {
      return std::nullopt;
    }
    out.units = out.units * 10 + (c - '0');
  }
  return any ? std::optional(out) : std::nullopt;
}

// out * 10^exponent.
std::optional<Decimal> shifted(Decimal out, int exponent) {
  int scale = out.scale - exponent;
  if (out.units == 0) scale = std::max(scale, 0);
  for (; scale < 0; ++scale) {
    if (__builtin_mul_overflow(out.units, static_cast<__int128>(10),
                               &out.units)) {
      return std::nullopt;
    }
  }
  if (scale > kMaxExactDigits) return std::nullopt;
  out.scale = static_cast<uint8_t>(scale);
  return out;
}

}  // namespace

std::optional<Decimal> exact_decimal(std::string_view text) {
  bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  int exponent = 0;
  if (size_t at = text.find_first_of("eE"); at != std::string_view::npos) {
    auto read = read_exponent(text.substr(at + 1));
    if (!read) return std::nullopt;
    exponent = *read;
    text = text.substr(0, at);
  }
  auto out = read_digits(text);
  if (out && negative) out->units = -out->units;
  return out ? shifted(*out, exponent) : std::nullopt;
}

}  // namespace freshet
