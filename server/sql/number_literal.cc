#include "server/sql/number_literal.h"

#include <absl/strings/numbers.h>

#include "server/query/exact_decimal.h"

namespace freshet {
namespace {

// Digits behind the point of a decimal; and 20 digits in all, so that it still
// can be brought to that scale.
constexpr int kMostScale = 18;
constexpr __int128 kUnitsBound =
    static_cast<__int128>(10'000'000'000) * 10'000'000'000;

bool fits(const Decimal& decimal) {
  return decimal.scale <= kMostScale && decimal.units < kUnitsBound &&
         decimal.units > -kUnitsBound;
}

}  // namespace

Value number_literal(const std::string& text) {
  int64_t whole = 0;
  if (absl::SimpleAtoi(text, &whole)) return Value(whole);
  if (text.find_first_of("eE") == std::string::npos) {
    auto decimal = exact_decimal(text);
    if (decimal && fits(*decimal)) return Value(*decimal);
  }
  double value = 0;
  (void)absl::SimpleAtod(text, &value);
  return Value(value);
}

}  // namespace freshet
