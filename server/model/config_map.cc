#include "server/model/config_map.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <span>

#include "server/json/json_value.h"
#include "server/model/secret_reference.h"

namespace freshet {
namespace {

std::string quoted(std::string_view text) {
  return "'" + std::string(text) + "'";
}

bool empty_in_file(const ConfigNode& node) {
  return node.kind == ConfigNode::Kind::kNull && node.line != 0;
}

}  // namespace

std::string did_you_mean(std::string_view name,
                         const std::vector<std::string>& known) {
  std::string near = nearest_name(name, known);
  return near.empty() ? "" : "; did you mean '" + near + "'?";
}

std::optional<double> parse_number(std::string_view text) {
  double value = 0;
  auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() ||
      !std::isfinite(value)) {
    return std::nullopt;
  }
  return value;
}

std::vector<std::string> plain_texts(const std::vector<ConfigText>& texts) {
  std::vector<std::string> out;
  for (const ConfigText& t : texts) out.push_back(t.text);
  return out;
}

ConfigMap::ConfigMap(const ConfigNode& node, std::string place,
                     FaultList& faults)
    : node_(node), place_(std::move(place)), faults_(faults) {
  if (node_.kind != ConfigNode::Kind::kMap) {
    faults_.add(node_.line,
                place_ + " must be a map of keys, not " + describe(node_));
  }
}

bool ConfigMap::know(std::string_view key) {
  if (std::find(known_.begin(), known_.end(), key) != known_.end()) {
    return false;
  }
  known_.emplace_back(key);
  return true;
}

const ConfigNode* ConfigMap::find(std::string_view key) {
  bool first = know(key);
  const ConfigNode* found = node_.find(key);
  if (!found || found->kind != ConfigNode::Kind::kNull) return found;
  if (first && empty_in_file(*found)) {
    faults_.add(found->line,
                quoted(key) + " in " + place_ +
                    " has no value: give it one or leave the key out",
                std::string(key));
  }
  return nullptr;
}

bool ConfigMap::has(std::string_view key) { return find(key) != nullptr; }

int ConfigMap::line_of(std::string_view key) {
  const ConfigNode* found = find(key);
  return found ? found->line : node_.line;
}

void ConfigMap::wrong(std::string_view key, const ConfigNode& node,
                      std::string_view what) {
  faults_.add(node.line,
              quoted(key) + " in " + place_ + " must be " + std::string(what) +
                  ", not " + describe(node),
              std::string(key));
}

void ConfigMap::fault(std::string_view key, std::string message) {
  faults_.add(line_of(key), std::move(message), std::string(key));
}

void ConfigMap::unavailable(std::string_view key, std::string_view why) {
  if (!has(key)) return;
  std::string message =
      quoted(key) + " in " + place_ + " isn't available in this version";
  if (!why.empty()) message += ": " + std::string(why);
  fault(key, std::move(message));
}

std::string ConfigMap::text(std::string_view key, std::string fallback) {
  const ConfigNode* node = find(key);
  if (!node) return fallback;
  if (node->kind != ConfigNode::Kind::kScalar) {
    wrong(key, *node, "a text");
    return fallback;
  }
  refuse_reference(key, *node);
  return node->text;
}

// Where references are not resolved, one would stand there as a plain text.
void ConfigMap::refuse_reference(std::string_view key, const ConfigNode& node) {
  for (const char* reference : {"${env:", "${file:"}) {
    if (node.text.find(reference) == std::string::npos) continue;
    faults_.add(node.line,
                quoted(key) + " in " + place_ +
                    " takes no reference such as ${env:NAME}",
                std::string(key));
    return;
  }
}

bool ConfigMap::lacks(std::string_view key) {
  const ConfigNode* node = find(key);
  if (!node) {
    const ConfigNode* empty = node_.find(key);
    bool told = empty && empty_in_file(*empty);
    if (node_.kind == ConfigNode::Kind::kMap && !told) {
      faults_.add(node_.line, place_ + " lacks the key " + quoted(key),
                  std::string(key));
    }
    return true;
  }
  bool blank = node->kind == ConfigNode::Kind::kScalar &&
               node->text.find_first_not_of(" \t\r\n") == std::string::npos;
  if (blank) wrong(key, *node, "a text that is not empty");
  return blank;
}

std::string ConfigMap::required_text(std::string_view key) {
  return lacks(key) ? "" : text(key);
}

std::string ConfigMap::name(std::string_view key) {
  if (lacks(key)) return "";
  std::string value = text(key);
  if (value.empty()) return value;  // no text
  bool fits =
      value.size() <= 100 && std::isalpha(static_cast<unsigned char>(value[0]));
  for (char c : value) {
    fits = fits && (std::isalnum(static_cast<unsigned char>(c)) || c == '_' ||
                    c == '-');
  }
  if (!fits) {
    wrong(key, *find(key),
          "a name of letters, digits, '_' and '-' that begins with a letter");
  }
  return value;
}

std::string ConfigMap::secret_text(std::string_view key) {
  const ConfigNode* node = find(key);
  if (!node) return "";
  if (node->kind != ConfigNode::Kind::kScalar) return text(key);
  return resolved(key, *node);
}

std::string ConfigMap::secret(std::string_view key) {
  const ConfigNode* node = find(key);
  if (node && node->kind == ConfigNode::Kind::kScalar && !node->text.empty() &&
      !node->text.starts_with("${")) {
    fault(key, quoted(key) + " in " + place_ +
                   " must be a reference to a secret: ${file:PATH} or "
                   "${env:NAME}");
  }
  return secret_text(key);
}

std::string ConfigMap::resolved(std::string_view key, const ConfigNode& node) {
  auto value = resolve_secrets(node.text);
  if (value) return *value;
  faults_.add(node.line,
              quoted(key) + " in " + place_ + ": " + value.error().message,
              std::string(key));
  return "";
}

bool ConfigMap::flag(std::string_view key, bool fallback) {
  const ConfigNode* node = find(key);
  if (!node) return fallback;
  if (node->kind == ConfigNode::Kind::kScalar && !node->quoted) {
    if (node->text == "true") return true;
    if (node->text == "false") return false;
  }
  wrong(key, *node, "true or false");
  return fallback;
}

int64_t ConfigMap::integer(std::string_view key, int64_t fallback,
                           int64_t least, int64_t most) {
  const ConfigNode* node = find(key);
  if (!node) return fallback;
  int64_t value = 0;
  const std::string& t = node->text;
  auto [end, error] = std::from_chars(t.data(), t.data() + t.size(), value);
  bool fits = node->kind == ConfigNode::Kind::kScalar && !t.empty() &&
              error == std::errc() && end == t.data() + t.size() &&
              value >= least && value <= most;
  if (fits) return value;
  wrong(key, *node,
        "a whole number from " + std::to_string(least) + " to " +
            std::to_string(most));
  return fallback;
}

int64_t ConfigMap::duration_ms(std::string_view key, int64_t fallback,
                               int64_t least) {
  const ConfigNode* node = find(key);
  if (!node) return fallback;
  if (node->kind == ConfigNode::Kind::kScalar) {
    auto parsed = parse_duration_ms(node->text);
    if (parsed && *parsed >= least) return *parsed;
    if (parsed) {
      wrong(key, *node, "at least " + std::to_string(least) + " ms");
      return fallback;
    }
  }
  wrong(key, *node, "a duration such as 90s, 10m, 12h or 7d");
  return fallback;
}

std::string ConfigMap::choice(std::string_view key, std::string fallback,
                              const std::vector<std::string>& known) {
  auto takes = [&](std::string_view word) {
    return std::find(known.begin(), known.end(), word) != known.end();
  };
  if (const ConfigNode* node = node_.find(key);
      node && node->kind == ConfigNode::Kind::kNull && takes(node->text)) {
    know(key);
    return node->text;
  }
  const ConfigNode* node = find(key);
  if (!node) return fallback;
  if (node->kind == ConfigNode::Kind::kScalar && takes(node->text)) {
    return node->text;
  }
  std::string list;
  for (const std::string& word : known) {
    list += (list.empty() ? "" : ", ") + word;
  }
  wrong(key, *node, "one of " + list);
  return fallback;
}

std::string ConfigMap::required_secret_text(std::string_view key) {
  return lacks(key) ? "" : secret_text(key);
}

std::vector<ConfigText> ConfigMap::texts(std::string_view key) {
  return list(key, false);
}

std::vector<ConfigText> ConfigMap::secret_texts(std::string_view key) {
  return list(key, true);
}

std::vector<ConfigText> ConfigMap::list(std::string_view key, bool references) {
  std::vector<ConfigText> out;
  const ConfigNode* node = find(key);
  if (!node) return out;
  bool one = node->kind == ConfigNode::Kind::kScalar;
  if (!one && node->kind != ConfigNode::Kind::kList) {
    wrong(key, *node, "a list of texts");
    return out;
  }
  for (const ConfigNode& item :
       one ? std::span(node, 1) : std::span(node->items)) {
    if (item.kind != ConfigNode::Kind::kScalar) {
      wrong(key, item, "a list of texts");
      continue;
    }
    if (!references) refuse_reference(key, item);
    std::string text = references ? resolved(key, item) : item.text;
    bool known = std::any_of(out.begin(), out.end(), [&](const ConfigText& t) {
      return t.text == text;
    });
    if (known) {
      faults_.add(item.line,
                  quoted(item.text) + " stands twice in " + quoted(key) +
                      " in " + place_,
                  std::string(key));
    } else {
      out.push_back({std::move(text), item.line});
    }
  }
  return out;
}

std::vector<std::pair<std::string, ConfigNode>> ConfigMap::pairs(
    std::string_view key) {
  std::vector<std::pair<std::string, ConfigNode>> out;
  const ConfigNode* node = find(key);
  if (!node) return out;
  if (node->kind != ConfigNode::Kind::kMap) {
    wrong(key, *node, "a map");
    return out;
  }
  for (const ConfigEntry& entry : node->entries) {
    if (entry.value.kind != ConfigNode::Kind::kScalar) {
      wrong(std::string(key) + "." + entry.key, entry.value, "a text");
    } else {
      out.emplace_back(entry.key, entry.value);
    }
  }
  return out;
}

namespace {

// Each once, in order.
std::string joined(const std::vector<std::string>& names) {
  std::string out;
  for (auto at = names.begin(); at != names.end(); ++at) {
    if (std::find(names.begin(), at, *at) != at) continue;
    out += (out.empty() ? "" : ", ") + *at;
  }
  return out;
}

}  // namespace

void ConfigMap::finish() {
  for (const ConfigEntry& entry : node_.entries) {
    if (std::find(known_.begin(), known_.end(), entry.key) != known_.end()) {
      continue;
    }
    std::string near = did_you_mean(entry.key, known_);
    if (near.empty()) near = "; known are " + joined(known_);
    faults_.add(entry.line,
                "unknown key " + quoted(entry.key) + " in " + place_ + near,
                entry.key);
  }
}

}  // namespace freshet
