#include "segments/schema.h"

#include <algorithm>

namespace freshet {
namespace {

// Digits kept of a number's text; more than any int64 at any scale needs, so
// that what is cut off cannot change the rounded value.
constexpr int kKeptDigits = 36;

// A number's text: mantissa * 10^exponent.
struct DecimalText {
  bool negative = false;
  unsigned __int128 mantissa = 0;
  int64_t exponent = 0;
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool read_exponent(std::string_view text, int64_t& exponent) {
  bool negative = !text.empty() && text[0] == '-';
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    text.remove_prefix(1);
  }
  if (text.empty()) return false;
  int64_t value = 0;
  for (char c : text) {
    if (!is_digit(c)) return false;
    value = std::min<int64_t>(value * 10 + (c - '0'), 1'000'000);
  }
  exponent += negative ? -value : value;
  return true;
}

bool read_decimal_text(std::string_view text, DecimalText& number) {
  size_t i = 0;
  if (i < text.size() && (text[i] == '-' || text[i] == '+')) {
    number.negative = text[i++] == '-';
  }
  int kept = 0;
  bool any = false, after_point = false;
  for (; i < text.size(); ++i) {
    char c = text[i];
    if (c == '.' && !after_point) {
      after_point = true;
      continue;
    }
    if (!is_digit(c)) break;
    any = true;
    if (kept < kKeptDigits) {
      number.mantissa = number.mantissa * 10 + static_cast<unsigned>(c - '0');
      kept += number.mantissa != 0;
      number.exponent -= after_point;
    } else {
      number.exponent += !after_point;
    }
  }
  if (!any) return false;
  if (i == text.size()) return true;
  if (text[i] != 'e' && text[i] != 'E') return false;
  return read_exponent(text.substr(i + 1), number.exponent);
}

// mantissa * 10^shift, rounded half away from zero; false if above 10^37.
bool shift_decimal(unsigned __int128& mantissa, int64_t shift) {
  constexpr unsigned __int128 kLimit =
      static_cast<unsigned __int128>(static_cast<unsigned __int128>(1) << 120);
  for (; shift > 0 && mantissa != 0; --shift) {
    if (mantissa > kLimit) return false;
    mantissa *= 10;
  }
  if (shift >= 0) return true;
  for (; shift < -1 && mantissa != 0; ++shift) mantissa /= 10;
  if (mantissa != 0) mantissa = (mantissa + 5) / 10;
  return true;
}

}  // namespace

const int64_t kPowersOfTen[19] = {1,
                                  10,
                                  100,
                                  1000,
                                  10000,
                                  100000,
                                  1000000,
                                  10000000,
                                  100000000,
                                  1000000000,
                                  10000000000,
                                  100000000000,
                                  1000000000000,
                                  10000000000000,
                                  100000000000000,
                                  1000000000000000,
                                  10000000000000000,
                                  100000000000000000,
                                  1000000000000000000};

std::string to_string(ColumnType type) {
  switch (type.kind) {
    case ColumnKind::kString:
      return "string";
    case ColumnKind::kLong:
      return "long";
    case ColumnKind::kDouble:
      return "double";
    case ColumnKind::kDecimal:
      return "decimal(" + std::to_string(type.scale) + ")";
    case ColumnKind::kBool:
      return "bool";
    case ColumnKind::kTimestamp:
      return "timestamp";
  }
  return "unknown";
}

Result<ColumnType> parse_column_type(std::string_view text) {
  for (ColumnKind kind :
       {ColumnKind::kString, ColumnKind::kLong, ColumnKind::kDouble,
        ColumnKind::kBool, ColumnKind::kTimestamp}) {
    if (text == to_string(ColumnType{kind, 0})) return ColumnType{kind, 0};
  }
  if (text.starts_with("decimal(") && text.ends_with(")")) {
    std::string_view digits = text.substr(8, text.size() - 9);
    int scale = -1;
    if (digits.size() == 1 && is_digit(digits[0])) scale = digits[0] - '0';
    if (digits.size() == 2 && digits[0] == '1' && is_digit(digits[1])) {
      scale = 10 + digits[1] - '0';
    }
    if (scale >= 0 && scale <= 18) {
      return ColumnType{ColumnKind::kDecimal, static_cast<uint8_t>(scale)};
    }
    return invalid("decimal scale must be 0 to 18: " + std::string(text));
  }
  return invalid(
      "unknown column type (string, long, double, decimal(N), bool, "
      "timestamp): " +
      std::string(text));
}

std::optional<size_t> Schema::find(std::string_view name) const {
  for (size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].name == name) return i;
  }
  return std::nullopt;
}

std::string decimal_to_string(__int128 units, int scale) {
  bool negative = units < 0;
  unsigned __int128 rest = static_cast<unsigned __int128>(units);
  if (negative) rest = -rest;
  std::string text;
  for (int digits = 0; rest != 0 || digits <= scale; ++digits) {
    if (digits == scale && scale > 0) text.push_back('.');
    text.push_back(static_cast<char>('0' + static_cast<int>(rest % 10)));
    rest /= 10;
  }
  if (negative) text.push_back('-');
  std::reverse(text.begin(), text.end());
  return text;
}

Result<int64_t> parse_decimal(std::string_view text, int scale) {
  DecimalText number;
  if (!read_decimal_text(text, number)) {
    return invalid("not a number: " + std::string(text.substr(0, 64)));
  }
  bool fits = shift_decimal(number.mantissa, number.exponent + scale);
  constexpr unsigned __int128 kMax = INT64_MAX;
  if (!fits || number.mantissa > kMax + number.negative) {
    return invalid("number is too large for decimal(" + std::to_string(scale) +
                   "): " + std::string(text.substr(0, 64)));
  }
  uint64_t units = static_cast<uint64_t>(number.mantissa);
  return static_cast<int64_t>(number.negative ? 0 - units : units);
}

}  // namespace freshet
