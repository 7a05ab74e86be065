#include "server/sql/number_literal.h"

#include <absl/strings/numbers.h>

namespace freshet {

Value number_literal(const std::string& text) {
  int64_t whole = 0;
  if (absl::SimpleAtoi(text, &whole)) return Value(whole);
  size_t dot = text.find('.');
  bool plain = text.find_first_of("eE") == std::string::npos;
  if (plain && dot != std::string::npos) {
    int scale = static_cast<int>(text.size() - dot - 1);
    if (scale <= 18) {
      auto units = parse_decimal(text, scale);
      if (units) return Value(Decimal{*units, static_cast<uint8_t>(scale)});
    }
  }
  double value = 0;
  (void)absl::SimpleAtod(text, &value);
  return Value(value);
}

}  // namespace freshet
