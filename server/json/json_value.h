// JsonValue: a parsed JSON document as a plain tree, for request bodies and
// small files (not for events: those are decoded in ingest/).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "segments/result.h"

namespace freshet {

class JsonValue;
using JsonArray = std::vector<JsonValue>;
// In the order of the text; a duplicate name is an error of the parser.
using JsonObject = std::vector<std::pair<std::string, JsonValue>>;

class JsonValue {
 public:
  JsonValue() = default;
  JsonValue(std::nullptr_t) {}
  JsonValue(bool v) : value_(v) {}
  JsonValue(int64_t v) : value_(v) {}
  JsonValue(double v) : value_(v) {}
  JsonValue(std::string v) : value_(std::move(v)) {}
  JsonValue(JsonArray v) : value_(std::move(v)) {}
  JsonValue(JsonObject v) : value_(std::move(v)) {}

  bool is_null() const { return value_.index() == 0; }
  const bool* as_bool() const { return std::get_if<bool>(&value_); }
  const int64_t* as_int() const { return std::get_if<int64_t>(&value_); }
  const double* as_double() const { return std::get_if<double>(&value_); }
  const std::string* as_string() const {
    return std::get_if<std::string>(&value_);
  }
  const JsonArray* as_array() const { return std::get_if<JsonArray>(&value_); }
  const JsonObject* as_object() const {
    return std::get_if<JsonObject>(&value_);
  }
  // Member of an object; nullptr if absent or not an object.
  const JsonValue* find(std::string_view name) const;
  // "null", "boolean", "number", "string", "array", "object".
  const char* type_name() const;

 private:
  std::variant<std::nullptr_t, bool, int64_t, double, std::string, JsonArray,
               JsonObject>
      value_ = nullptr;
};

inline constexpr int kMaxJsonDepth = 64;

// Parses one JSON document. kInvalid for anything else, for a depth above
// `max_depth`, and for duplicate names; the message says what and where.
// Deeper limits are for trees we made ourselves.
Result<JsonValue> parse_json(std::string_view text,
                             int max_depth = kMaxJsonDepth);

// The name in `known` nearest to `name` (edit distance at most 2 or a third
// of its length), or "" if none is near: for "did you mean" in messages.
std::string nearest_name(std::string_view name,
                         const std::vector<std::string>& known);

}  // namespace freshet
