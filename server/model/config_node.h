// ConfigNode: a file of the model as a plain tree that knows its line numbers,
// so that YAML files and JSON bodies go through the same readers.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "segments/result.h"

namespace freshet {

class JsonValue;
struct ConfigEntry;

struct ConfigNode {
  enum class Kind { kNull, kScalar, kList, kMap };
  Kind kind = Kind::kNull;
  int line = 0;  // 1-based; 0 in a JSON body
  // kScalar: as written, without quotes. kNull: "null" where a file says so
  // with that word, "" where it has nothing.
  std::string text;
  bool quoted = false;               // a string even if it looks like a number
  std::vector<ConfigNode> items;     // kList
  std::vector<ConfigEntry> entries;  // kMap, in the order of the file

  const ConfigNode* find(std::string_view key) const;
};

struct ConfigEntry {
  std::string key;
  int line = 0;
  ConfigNode value;
};

// "nothing", "a list", "an empty map", or the text in quotes: for messages.
std::string describe(const ConfigNode& node);

// Bounds of one file: what a person writes stays far below them.
inline constexpr size_t kMaxConfigBytes = size_t{1} << 20;
inline constexpr size_t kMaxConfigNodes = 100'000;
inline constexpr size_t kMaxConfigDepth = 100;

// One YAML document. An empty text is an empty map. kInvalid, with the line,
// for text that does not parse, a key given twice, a second document, a tag, a
// key that is no scalar, and a tree (aliases expanded) above kMaxConfigNodes or
// kMaxConfigDepth.
Result<ConfigNode> parse_yaml(std::string_view text);

ConfigNode config_from_json(const JsonValue& value);

}  // namespace freshet
