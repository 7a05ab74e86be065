// Positions in UTF-8 text counted in UTF-16 units, as Druid counts: a character
// beyond U+FFFF counts two. Broken bytes count as one character each.
#pragma once

#include <cstdint>
#include <string_view>

namespace freshet {

inline size_t utf8_width(unsigned char lead) {
  if (lead < 0xC0) return 1;
  if (lead < 0xE0) return 2;
  return lead < 0xF0 ? 3 : 4;
}

inline int64_t utf16_length(std::string_view text) {
  int64_t units = 0;
  for (unsigned char c : text) {
    units += (c & 0xC0) != 0x80;
    units += c >= 0xF0;
  }
  return units;
}

// Byte at which UTF-16 unit `units` begins (text.size() past the end). A
// position inside a pair moves to after it.
inline size_t utf16_offset(std::string_view text, int64_t units) {
  size_t at = 0;
  while (at < text.size() && units > 0) {
    size_t width = utf8_width(static_cast<unsigned char>(text[at]));
    units -= width == 4 ? 2 : 1;
    at += width;
  }
  return at < text.size() ? at : text.size();
}

}  // namespace freshet
