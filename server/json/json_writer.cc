#include "server/json/json_writer.h"

#include <charconv>
#include <cmath>

#include "segments/schema.h"
#include "server/json/json_value.h"

namespace freshet {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

bool is_plain(unsigned char c) {
  return c >= 0x20 && c < 0x80 && c != '"' && c != '\\' && c != 0x7F;
}

bool is_continuation(std::string_view s, size_t i) {
  return i < s.size() && (static_cast<unsigned char>(s[i]) & 0xC0) == 0x80;
}

// Length of the well-formed UTF-8 sequence of several bytes at s[i], else 0.
// Table 3-7 of the Unicode standard.
size_t sequence_length(std::string_view s, size_t i) {
  auto first = static_cast<unsigned char>(s[i]);
  size_t length = 0;
  if (first >= 0xC2 && first <= 0xDF) length = 2;
  if (first >= 0xE0 && first <= 0xEF) length = 3;
  if (first >= 0xF0 && first <= 0xF4) length = 4;
  for (size_t k = 1; k < length; ++k) {
    if (!is_continuation(s, i + k)) return 0;
  }
  if (length < 3) return length;
  auto second = static_cast<unsigned char>(s[i + 1]);
  bool bad = (first == 0xE0 && second < 0xA0) ||
             (first == 0xED && second > 0x9F) ||  // surrogates
             (first == 0xF0 && second < 0x90) ||
             (first == 0xF4 && second > 0x8F);
  return bad ? 0 : length;
}

void append_escape(unsigned char c, std::string& out) {
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      break;
  }
  constexpr char kHex[] = "0123456789abcdef";
  out += "\\u00";
  out += kHex[c >> 4];
  out += kHex[c & 15];
}

void append_string(std::string_view s, std::string& out) {
  out += '"';
  size_t i = 0;
  while (i < s.size()) {
    size_t begin = i;
    while (i < s.size() && is_plain(static_cast<unsigned char>(s[i]))) ++i;
    out.append(s.substr(begin, i - begin));
    if (i == s.size()) break;
    auto c = static_cast<unsigned char>(s[i]);
    if (c < 0x80) {
      append_escape(c, out);
      ++i;
      continue;
    }
    size_t length = sequence_length(s, i);
    out.append(length > 0 ? s.substr(i, length) : kReplacement);
    i += length > 0 ? length : 1;
  }
  out += '"';
}

}  // namespace

void JsonWriter::separate() {
  if (needs_comma_) text_ += ',';
  needs_comma_ = true;
}

JsonWriter& JsonWriter::begin_object() {
  separate();
  text_ += '{';
  needs_comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::end_object() {
  text_ += '}';
  needs_comma_ = true;
  return *this;
}

JsonWriter& JsonWriter::begin_array() {
  separate();
  text_ += '[';
  needs_comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::end_array() {
  text_ += ']';
  needs_comma_ = true;
  return *this;
}

JsonWriter& JsonWriter::key(std::string_view name) {
  separate();
  append_string(name, text_);
  text_ += ':';
  needs_comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::null() { return raw("null"); }

JsonWriter& JsonWriter::value(bool v) { return raw(v ? "true" : "false"); }

JsonWriter& JsonWriter::value(int64_t v) {
  char buffer[24];
  auto end = std::to_chars(buffer, buffer + sizeof(buffer), v).ptr;
  return raw({buffer, static_cast<size_t>(end - buffer)});
}

JsonWriter& JsonWriter::value(uint64_t v) {
  char buffer[24];
  auto end = std::to_chars(buffer, buffer + sizeof(buffer), v).ptr;
  return raw({buffer, static_cast<size_t>(end - buffer)});
}

JsonWriter& JsonWriter::value(double v) {
  if (!std::isfinite(v)) return null();
  char buffer[40];
  // Plain for people as long as it is short: 900000, not 9e+05. A large number
  // without an exponent is read as an integer, too large for many readers.
  double size = std::fabs(v);
  bool plain = size == 0 || (size >= 1e-6 && size < 1e17);
  auto written = std::to_chars(
      buffer, buffer + sizeof(buffer), v,
      plain ? std::chars_format::fixed : std::chars_format::scientific);
  return raw({buffer, static_cast<size_t>(written.ptr - buffer)});
}

JsonWriter& JsonWriter::value(std::string_view v) {
  separate();
  append_string(v, text_);
  return *this;
}

JsonWriter& JsonWriter::decimal(__int128 units, int scale) {
  return raw(decimal_to_string(units, scale));
}

JsonWriter& JsonWriter::raw(std::string_view json) {
  separate();
  text_ += json;
  return *this;
}

void JsonWriter::clear() {
  text_.clear();
  needs_comma_ = false;
}

JsonWriter& JsonWriter::tree(const JsonValue& v) {
  if (v.is_null()) return null();
  if (auto* flag = v.as_bool()) return value(*flag);
  if (auto* number = v.as_int()) return value(*number);
  if (auto* number = v.as_double()) return value(*number);
  if (auto* text = v.as_string()) return value(std::string_view(*text));
  if (auto* array = v.as_array()) {
    begin_array();
    for (const JsonValue& one : *array) tree(one);
    return end_array();
  }
  begin_object();
  for (const auto& [name, member] : *v.as_object()) key(name).tree(member);
  return end_object();
}

}  // namespace freshet
