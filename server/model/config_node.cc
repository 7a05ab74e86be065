#include "server/model/config_node.h"

#include <fmt/format.h>

#include "server/json/json_value.h"

namespace freshet {

const ConfigNode* ConfigNode::find(std::string_view key) const {
  for (const ConfigEntry& entry : entries) {
    if (entry.key == key) return &entry.value;
  }
  return nullptr;
}

std::string describe(const ConfigNode& node) {
  switch (node.kind) {
    case ConfigNode::Kind::kNull:
      return "nothing";
    case ConfigNode::Kind::kList:
      return node.items.empty() ? "an empty list" : "a list";
    case ConfigNode::Kind::kMap:
      return node.entries.empty() ? "an empty map" : "a map";
    case ConfigNode::Kind::kScalar:
      break;
  }
  constexpr size_t kMaxShown = 80;
  if (node.text.size() <= kMaxShown) return "'" + node.text + "'";
  return "'" + node.text.substr(0, kMaxShown) + "...'";
}

ConfigNode config_from_json(const JsonValue& value) {
  ConfigNode node;
  if (const JsonArray* array = value.as_array()) {
    node.kind = ConfigNode::Kind::kList;
    for (const JsonValue& item : *array) {
      node.items.push_back(config_from_json(item));
    }
  } else if (const JsonObject* object = value.as_object()) {
    node.kind = ConfigNode::Kind::kMap;
    for (const auto& [key, member] : *object) {
      node.entries.push_back({key, 0, config_from_json(member)});
    }
  } else if (!value.is_null()) {
    node.kind = ConfigNode::Kind::kScalar;
    if (const std::string* text = value.as_string()) {
      node.text = *text;
      node.quoted = true;
    } else if (const bool* flag = value.as_bool()) {
      node.text = *flag ? "true" : "false";
    } else if (const int64_t* integer = value.as_int()) {
      node.text = std::to_string(*integer);
    } else if (const double* number = value.as_double()) {
      node.text = fmt::format("{}", *number);
    }
  }
  return node;
}

}  // namespace freshet
