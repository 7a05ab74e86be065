// JsonWriter: appends JSON text to a string, front to back. It writes what it
// is told: names and values alternate inside objects by the caller's care.
// Escapes control characters, quotes, and every backslash as \u005c (some
// clients misread a value that ends in "\\"); invalid UTF-8 becomes U+FFFD.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace freshet {

class JsonValue;

class JsonWriter {
 public:
  JsonWriter& begin_object();
  JsonWriter& end_object();
  JsonWriter& begin_array();
  JsonWriter& end_array();
  JsonWriter& key(std::string_view name);

  JsonWriter& null();
  JsonWriter& value(bool v);
  JsonWriter& value(int64_t v);
  JsonWriter& value(uint64_t v);
  JsonWriter& value(int v) { return value(static_cast<int64_t>(v)); }
  JsonWriter& value(uint32_t v) { return value(static_cast<uint64_t>(v)); }
  // Shortest text that reads back the same; NaN and infinities become null.
  JsonWriter& value(double v);
  JsonWriter& value(std::string_view v);
  JsonWriter& value(const char* v) { return value(std::string_view(v)); }
  // Exact decimal of `units` at `scale`, as a JSON number: 81234.56.
  JsonWriter& decimal(__int128 units, int scale);
  // A parsed document, as it was but for blanks and the spelling of numbers.
  JsonWriter& tree(const JsonValue& v);
  // Text that is already JSON.
  JsonWriter& raw(std::string_view json);

  // key(name) then value(v).
  template <class T>
  JsonWriter& field(std::string_view name, const T& v) {
    key(name);
    return value(v);
  }

  const std::string& text() const { return text_; }
  std::string take() { return std::move(text_); }
  void clear();

 private:
  void separate();
  std::string text_;
  bool needs_comma_ = false;
};

}  // namespace freshet
