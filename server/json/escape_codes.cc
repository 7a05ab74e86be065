#include "server/json/escape_codes.h"

#include <charconv>
#include <cstdint>

#include "server/json/json_value.h"

namespace freshet {
namespace {

constexpr size_t kCodeLength = 6;  // "\u00e4"

// REQUIRES: a code is at `at`, as in text that parse_json takes.
uint32_t code_at(std::string_view text, size_t at) {
  uint32_t code = 0;
  const char* digits = text.data() + at + 2;
  std::from_chars(digits, digits + 4, code, 16);
  return code;
}

bool is_plain(uint32_t c) {
  return c >= 0x20 && !(c >= 0x7f && c < 0xa0) && c != 0x2028 && c != 0x2029 &&
         c != 0xfeff && c != 0xfffe && c != 0xffff;
}

void add_utf8(std::string& out, uint32_t c) {
  auto add = [&out](uint32_t byte) { out += static_cast<char>(byte); };
  if (c < 0x80) return add(c);
  if (c < 0x800) {
    add(0xc0 | c >> 6);
  } else {
    if (c < 0x10000) {
      add(0xe0 | c >> 12);
    } else {
      add(0xf0 | c >> 18);
      add(0x80 | (c >> 12 & 0x3f));
    }
    add(0x80 | (c >> 6 & 0x3f));
  }
  add(0x80 | (c & 0x3f));
}

// The character that the escape at `at` is, or itself; moves behind it.
void add_escape(std::string& out, std::string_view text, size_t& at) {
  if (text[at + 1] != 'u') {
    out += text.substr(at, 2);
    at += 2;
    return;
  }
  uint32_t c = code_at(text, at);
  size_t length = kCodeLength;
  if (c >= 0xd800 && c < 0xe000) {  // the first of a pair
    c = 0x10000 + ((c - 0xd800) << 10) + (code_at(text, at + length) - 0xdc00);
    length += kCodeLength;
  }
  if (!is_plain(c)) {
    out += text.substr(at, length);
  } else {
    if (c == '"' || c == '\\') out += '\\';
    add_utf8(out, c);
  }
  at += length;
}

}  // namespace

std::string without_escape_codes(std::string_view text) {
  std::string out;
  if (text.find("\\u") == text.npos || !parse_json(text)) {
    return std::string(text);
  }
  for (size_t at = 0; at < text.size();) {
    if (text[at] == '\\') {
      add_escape(out, text, at);
    } else {
      out += text[at++];
    }
  }
  return out;
}

}  // namespace freshet
