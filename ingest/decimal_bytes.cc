#include "ingest/decimal_bytes.h"

#include <algorithm>

namespace freshet {
namespace {

int base64_value(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  return c == '/' ? 63 : -1;
}

std::string_view without_padding(std::string_view text) {
  for (int i = 0; i < 2 && text.ends_with('='); ++i) text.remove_suffix(1);
  return text;
}

}  // namespace

bool is_base64(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0) return false;
  std::string_view digits = without_padding(text);
  return std::ranges::all_of(digits,
                             [](char c) { return base64_value(c) >= 0; });
}

std::string to_base64(std::string_view bytes) {
  constexpr char kDigits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    unsigned bits = 0;
    for (size_t k = 0; k < 3; ++k) {
      bits <<= 8;
      if (i + k < bytes.size())
        bits |= static_cast<unsigned char>(bytes[i + k]);
    }
    for (size_t k = 0; k < 4; ++k) {
      out += i + k <= bytes.size() ? kDigits[bits >> (18 - 6 * k) & 63] : '=';
    }
  }
  return out;
}

std::optional<std::string> decimal_of_base64(std::string_view text, int scale) {
  constexpr size_t kMaxText = 24;  // 16 bytes
  if (!is_base64(text) || text.size() > kMaxText) return {};
  std::string bytes;
  unsigned bits = 0, count = 0;
  for (char c : without_padding(text)) {
    bits = bits << 6 | static_cast<unsigned>(base64_value(c));
    count += 6;
    if (count >= 8) {
      count -= 8;
      bytes += static_cast<char>(bits >> count & 0xff);
    }
  }
  return decimal_of_bytes(bytes, scale);
}

std::optional<std::string> decimal_of_bytes(std::string_view bytes, int scale) {
  if (bytes.empty() || bytes.size() > 16) return {};
  bool negative = (static_cast<unsigned char>(bytes[0]) & 0x80) != 0;
  unsigned __int128 units = negative ? ~static_cast<unsigned __int128>(0) : 0;
  for (char c : bytes) units = units << 8 | static_cast<unsigned char>(c);
  if (negative) units = ~units + 1;
  std::string digits;  // last first
  for (; units != 0; units /= 10) {
    digits += static_cast<char>('0' + static_cast<int>(units % 10));
  }
  auto behind = static_cast<size_t>(std::max(scale, 0));
  while (digits.size() <= behind) digits += '0';
  std::string text = negative ? "-" : "";
  for (size_t i = digits.size(); i-- > 0;) {
    text += digits[i];
    if (i == behind && behind > 0) text += '.';
  }
  text.append(static_cast<size_t>(std::max(-scale, 0)), '0');
  return text;
}

}  // namespace freshet
