#include "ingest/field_value.h"

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <string>

namespace freshet {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// A number taken apart: (-1)^negative * digits * 10^exponent, and whether
// digits other than 0 were left out behind the 36th.
struct Parts {
  bool negative = false;
  bool cut = false;
  unsigned __int128 digits = 0;
  int64_t exponent = 0;
};

constexpr int kMaxDigits = 36;  // fit an unsigned __int128

// Reads the digits at `p`; `after_point` lowers the exponent for each one
// kept. Returns how many digit characters there were.
size_t read_digits(const char*& p, const char* end, bool after_point, int& kept,
                   Parts& parts) {
  const char* begin = p;
  for (; p < end && is_digit(*p); ++p) {
    if (kept < kMaxDigits) {
      parts.digits = parts.digits * 10 + static_cast<unsigned>(*p - '0');
      if (parts.digits != 0) ++kept;
      parts.exponent -= after_point;
    } else {
      parts.cut |= *p != '0';
      parts.exponent += !after_point;
    }
  }
  return static_cast<size_t>(p - begin);
}

bool read_exponent(const char* p, const char* end, Parts& parts) {
  if (p == end) return true;
  if (*p != 'e' && *p != 'E') return false;
  ++p;
  bool negative = p < end && *p == '-';
  if (p < end && (*p == '-' || *p == '+')) ++p;
  if (p == end) return false;
  int64_t exponent = 0;
  for (; p < end; ++p) {
    if (!is_digit(*p)) return false;
    if (exponent < 1'000'000) exponent = exponent * 10 + (*p - '0');
  }
  parts.exponent += negative ? -exponent : exponent;
  return true;
}

bool take_apart(std::string_view text, Parts& parts) {
  const char* p = text.data();
  const char* end = p + text.size();
  if (p == end) return false;
  parts.negative = *p == '-';
  if (*p == '-' || *p == '+') ++p;
  int kept = 0;
  size_t digits = read_digits(p, end, false, kept, parts);
  if (p < end && *p == '.') {
    ++p;
    digits += read_digits(p, end, true, kept, parts);
  }
  return digits > 0 && read_exponent(p, end, parts);
}

bool fit(unsigned __int128 magnitude, bool negative, int64_t& out) {
  constexpr auto kMax =
      static_cast<unsigned __int128>(std::numeric_limits<int64_t>::max());
  if (magnitude > kMax + negative) return false;
  auto low = static_cast<uint64_t>(magnitude);
  out = static_cast<int64_t>(negative ? ~low + 1 : low);
  return true;
}

bool grow(Parts& parts, int64_t power, int64_t& out) {
  if (parts.cut || power > 38) return false;
  for (; power > 0; --power) {
    if (parts.digits > (~static_cast<unsigned __int128>(0)) / 10) return false;
    parts.digits *= 10;
  }
  return fit(parts.digits, parts.negative, out);
}

bool shrink(Parts& parts, int64_t power, bool rounded, int64_t& out) {
  if (power > 38) {  // less than half a unit: at most 10^36 / 10^39
    out = 0;
    return rounded;
  }
  unsigned __int128 divisor = 1;
  for (int64_t i = 0; i < power; ++i) divisor *= 10;
  unsigned __int128 quotient = parts.digits / divisor;
  unsigned __int128 rest = parts.digits % divisor;
  if (!rounded && (rest != 0 || parts.cut)) return false;
  // The divisor is even, so digits cut off cannot lift a rest below half.
  if (rest >= divisor - rest) ++quotient;
  return fit(quotient, parts.negative, out);
}

// Up to 18 digits and nothing else: the common case.
bool parse_plain(std::string_view text, int64_t& out) {
  bool negative = text[0] == '-';
  size_t size = text.size() - negative;
  if (size == 0 || size > 18) return false;
  int64_t value = 0;
  for (size_t i = negative; i < text.size(); ++i) {
    if (!is_digit(text[i])) return false;
    value = value * 10 + (text[i] - '0');
  }
  out = negative ? -value : value;
  return true;
}

// "123.45" with at most `scale` digits behind the point, 17 in all.
bool parse_fixed(std::string_view text, int scale, int64_t& out) {
  bool negative = text[0] == '-';
  if (text.size() + static_cast<size_t>(scale) > 18) return false;
  int64_t value = 0;
  int fraction = -1;
  size_t digits = 0;
  for (size_t i = negative; i < text.size(); ++i) {
    char c = text[i];
    if (c == '.' && fraction < 0) {
      fraction = 0;
      continue;
    }
    if (!is_digit(c)) return false;
    value = value * 10 + (c - '0');
    ++digits;
    fraction += fraction >= 0;
  }
  if (fraction < 0) fraction = 0;
  if (digits == 0 || fraction > scale) return false;
  value *= kPowersOfTen[scale - fraction];
  out = negative ? -value : value;
  return true;
}

}  // namespace

bool parse_exact(std::string_view text, int scale, bool rounded, int64_t& out) {
  if (text.empty()) return false;
  if (scale == 0 && parse_plain(text, out)) return true;
  if (scale > 0 && parse_fixed(text, scale, out)) return true;
  Parts parts;
  if (!take_apart(text, parts)) return false;
  if (parts.digits == 0) {
    out = 0;
    return true;
  }
  int64_t power = parts.exponent + scale;
  return power >= 0 ? grow(parts, power, out)
                    : shrink(parts, -power, rounded, out);
}

bool parse_double(std::string_view text, double& out) {
  if (!text.empty() && text[0] == '+') text.remove_prefix(1);
  if (text.empty()) return false;
  char first = text[0] == '-' && text.size() > 1 ? text[1] : text[0];
  if (!is_digit(first) && first != '.') return false;
  const char* end = text.data() + text.size();
  auto [rest, error] = std::from_chars(text.data(), end, out);
  if (rest != end) return false;
  if (error == std::errc()) return true;
  // Out of range is also said of numbers too small, which are 0.
  out = std::strtod(std::string(text).c_str(), nullptr);
  return std::isfinite(out);
}

bool parse_bool(std::string_view text, int64_t& out) {
  auto equals = [text](std::string_view word) {
    if (text.size() != word.size()) return false;
    for (size_t i = 0; i < word.size(); ++i) {
      if ((text[i] | 0x20) != word[i]) return false;
    }
    return true;
  };
  if (text == "1" || equals("true")) {
    out = 1;
    return true;
  }
  out = 0;
  return text == "0" || equals("false");
}

int64_t count_line_ends(std::string_view text) {
  int64_t count = 0;
  for (size_t at = 0; (at = text.find('\n', at)) != text.npos; ++at) ++count;
  return count;
}

std::string_view without_byte_order_mark(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  return text;
}

std::string_view trim(std::string_view text) {
  auto blank = [](char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
  };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

namespace {

// Bytes of the character that `text` begins with; 0 if it begins with none.
size_t character_size(std::string_view text) {
  auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  unsigned char c = byte(0);
  if (c < 0x80) return 1;
  size_t size = c >= 0xC2 && c < 0xE0   ? 2
                : c >= 0xE0 && c < 0xF0 ? 3
                : c >= 0xF0 && c < 0xF5 ? 4
                                        : 0;
  if (size == 0 || size > text.size()) return 0;
  for (size_t k = 1; k < size; ++k) {
    if ((byte(k) & 0xC0) != 0x80) return 0;
  }
  bool overlong =
      (c == 0xE0 && byte(1) < 0xA0) || (c == 0xF0 && byte(1) < 0x90);
  bool beyond = (c == 0xED && byte(1) > 0x9F) || (c == 0xF4 && byte(1) > 0x8F);
  return overlong || beyond ? 0 : size;
}

// The same of a character that can be shown as it stands.
size_t printable_size(std::string_view text) {
  size_t size = character_size(text);
  if (size == 1) return text[0] >= 0x20 && text[0] != 0x7F ? 1 : 0;
  if (size == 2 && text[0] == '\xC2' && text[1] < '\xA0') return 0;  // C1
  if (size != 3) return size;
  std::string_view begin = text.substr(0, 3);
  // U+200B to U+200F, U+2028 to U+202E, U+2060 to U+206F, U+FEFF: no width, or
  // they turn what stands around them.
  bool odd = (begin >= "\xE2\x80\x8B" && begin <= "\xE2\x80\x8F") ||
             (begin >= "\xE2\x80\xA8" && begin <= "\xE2\x80\xAE") ||
             (begin >= "\xE2\x81\xA0" && begin <= "\xE2\x81\xAF") ||
             begin == "\xEF\xBB\xBF";
  return odd ? 0 : size;
}

}  // namespace

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    size_t size = character_size(text);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

std::string shorten(std::string_view text) {
  constexpr size_t kMax = 80;
  std::string out;
  size_t count = 0;
  for (; count < kMax && !text.empty(); ++count) {
    size_t size = printable_size(text);
    if (size == 0) {
      out += '?';
      size = 1;
    } else {
      out += text.substr(0, size);
    }
    text.remove_prefix(size);
  }
  if (!text.empty()) out += "...";
  return out;
}

}  // namespace freshet
