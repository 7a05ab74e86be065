#include "server/query/letter_case.h"

#include <wctype.h>

#include <clocale>

#include "server/query/utf8.h"

namespace freshet {
namespace {

// The letters of Unicode, whatever the user's locale is. Null where the system
// lacks it: then only ASCII letters change.
locale_t unicode() {
  static const locale_t made = ::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  return made;
}

// The character at the start of `text`, of `width` bytes; 0 if it is broken.
char32_t first_character(std::string_view text, size_t width) {
  if (width < 2 || text.size() < width) return 0;
  auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  char32_t out = byte(0) & (0x7F >> width);
  for (size_t i = 1; i < width; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
    out = out << 6 | (byte(i) & 0x3F);
  }
  return out;
}

void append_character(char32_t c, std::string& out) {
  if (c < 0x80) {
    out += static_cast<char>(c);
    return;
  }
  const int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
  const unsigned lead = 0xF80u >> more & 0xFF;  // C0, E0, F0
  out += static_cast<char>(lead | c >> (6 * more));
  for (int i = more - 1; i >= 0; --i) {
    out += static_cast<char>(0x80 | (c >> (6 * i) & 0x3F));
  }
}

size_t ascii_length(std::string_view text) {
  size_t i = 0;
  while (i < text.size() && static_cast<unsigned char>(text[i]) < 0x80) ++i;
  return i;
}

void append_ascii(std::string_view text, bool upper, std::string& out) {
  const size_t before = out.size();
  out.append(text);
  const char first = upper ? 'a' : 'A';
  for (size_t i = before; i < out.size(); ++i) {
    const bool letter = out[i] >= first && out[i] < first + 26;
    out[i] = static_cast<char>(out[i] ^ (letter ? 0x20 : 0));
  }
}

}  // namespace

void change_case(std::string_view text, bool upper, std::string& out) {
  out.clear();
  while (!text.empty()) {
    const size_t plain = ascii_length(text);
    append_ascii(text.substr(0, plain), upper, out);
    text.remove_prefix(plain);
    if (text.empty()) return;
    const size_t width = utf8_width(static_cast<unsigned char>(text[0]));
    const char32_t c = unicode() ? first_character(text, width) : 0;
    if (c == 0) {
      out += text[0];
      text.remove_prefix(1);
      continue;
    }
    const auto letter = static_cast<wint_t>(c);
    append_character(
        static_cast<char32_t>(upper ? ::towupper_l(letter, unicode())
                                    : ::towlower_l(letter, unicode())),
        out);
    text.remove_prefix(width);
  }
}

}  // namespace freshet
