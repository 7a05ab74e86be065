#include "server/sql/number_literal.h"

#include <absl/strings/numbers.h>

#include <optional>
#include <string_view>

namespace freshet {
namespace {

// Behind the point, of a decimal; and in all, of one that still can be brought
// to that scale.
constexpr size_t kMostScale = 18;
constexpr int kMostDigits = 20;

// The digits of a number without an exponent; nothing for more than that.
std::optional<__int128> units_of(std::string_view text) {
  const bool minus = text.starts_with('-');
  __int128 units = 0;
  int digits = 0;
  for (char c : text.substr(minus ? 1 : 0)) {
    if (c == '.') continue;
    if (c < '0' || c > '9' || ++digits > kMostDigits) return std::nullopt;
    units = units * 10 + (c - '0');
  }
  if (digits == 0) return std::nullopt;
  return minus ? -units : units;
}

}  // namespace

Value number_literal(const std::string& text) {
  int64_t whole = 0;
  if (absl::SimpleAtoi(text, &whole)) return Value(whole);
  size_t dot = text.find('.');
  size_t scale = dot == std::string::npos ? 0 : text.size() - dot - 1;
  if (scale <= kMostScale) {
    if (auto units = units_of(text)) {
      return Value(Decimal{*units, static_cast<uint8_t>(scale)});
    }
  }
  double value = 0;
  (void)absl::SimpleAtod(text, &value);
  return Value(value);
}

}  // namespace freshet
