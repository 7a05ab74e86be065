// Shorthand over libpg_query's JSON: absent members are zero, empty or false
// there.
#pragma once

#include <string_view>

#include "server/json/json_value.h"

namespace freshet {

inline int64_t tree_int(const JsonValue& node, std::string_view name,
                        int64_t absent = 0) {
  const JsonValue* member = node.find(name);
  return member && member->as_int() ? *member->as_int() : absent;
}

inline bool tree_bool(const JsonValue& node, std::string_view name) {
  const JsonValue* member = node.find(name);
  return member && member->as_bool() && *member->as_bool();
}

inline std::string_view tree_string(const JsonValue& node,
                                    std::string_view name) {
  const JsonValue* member = node.find(name);
  return member && member->as_string() ? std::string_view(*member->as_string())
                                       : std::string_view();
}

// The content of {"String":{"sval":...}}.
inline std::string_view tree_name(const JsonValue& node) {
  const JsonValue* text = node.find("String");
  return text ? tree_string(*text, "sval") : std::string_view();
}

inline const JsonArray& tree_array(const JsonValue& node,
                                   std::string_view name) {
  static const JsonArray kNone;
  const JsonValue* member = node.find(name);
  return member && member->as_array() ? *member->as_array() : kNone;
}

}  // namespace freshet
