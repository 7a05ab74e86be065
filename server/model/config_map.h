// Reads the keys of one map of a model file, strictly: what is wrong is added
// to the faults and a default is returned, so that one pass finds every fault.
// The keys asked for are the known ones; finish() reports all others.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/model/config_node.h"
#include "server/model/model.h"

namespace freshet {

// The faults found in one file.
class FaultList {
 public:
  FaultList(std::string file, std::vector<ModelFault>& out)
      : file_(std::move(file)), out_(out) {}
  // `key` is the one it is about: "when", "labels.team", "by[1]".
  void add(int line, std::string message, std::string key = "") {
    out_.push_back({file_, line, std::move(message), std::move(key)});
  }
  const std::string& file() const { return file_; }

 private:
  std::string file_;
  std::vector<ModelFault>& out_;
};

// A text and where it stands.
struct ConfigText {
  std::string text;
  int line = 0;
};

class ConfigMap {
 public:
  // `place` names the map in messages: "kpi 'net_sales'". A node that is no
  // map is a fault, and then as good as an empty map without required keys.
  ConfigMap(const ConfigNode& node, std::string place, FaultList& faults);

  const std::string& place() const { return place_; }
  void rename(std::string place) { place_ = std::move(place); }
  int line() const { return node_.line; }
  FaultList& faults() { return faults_; }

  bool has(std::string_view key);
  // The value, or nullptr if absent or null. A null in a file is a fault, told
  // once: who wrote the key meant something. In a JSON body it is an absence.
  const ConfigNode* find(std::string_view key);
  int line_of(std::string_view key);
  // "KEY in PLACE must be WHAT, not VALUE" at the value.
  void wrong(std::string_view key, const ConfigNode& node,
             std::string_view what);
  void fault(std::string_view key, std::string message);
  // A key of the contract that this version cannot honour.
  void unavailable(std::string_view key, std::string_view why = "");

  // References such as ${env:NAME} in it are faults.
  std::string text(std::string_view key, std::string fallback = "");
  // Without the key, and if it is blank, that is a fault, and "".
  std::string required_text(std::string_view key);
  std::string required_secret_text(std::string_view key);
  // Letters, digits, '_' and '-', beginning with a letter.
  std::string name(std::string_view key);
  // With ${env:NAME} and ${file:PATH} replaced; a missing one is a fault.
  std::string secret_text(std::string_view key);
  // What must not stand in a file: a fault unless it is such a reference. Its
  // value is in no message.
  std::string secret(std::string_view key);
  bool flag(std::string_view key, bool fallback);
  int64_t integer(std::string_view key, int64_t fallback, int64_t least,
                  int64_t most);
  int64_t duration_ms(std::string_view key, int64_t fallback,
                      int64_t least = 0);
  // Where "null" is among the known words, a bare null of YAML is that word.
  std::string choice(std::string_view key, std::string fallback,
                     const std::vector<std::string>& known);
  // A list of texts; a text alone is a list of one. Duplicates are faults.
  std::vector<ConfigText> texts(std::string_view key);
  // The same with ${env:NAME} and ${file:PATH} replaced.
  std::vector<ConfigText> secret_texts(std::string_view key);
  // A map of plain values.
  std::vector<std::pair<std::string, ConfigNode>> pairs(std::string_view key);

  // Reports every key that nobody asked for.
  void finish();

 private:
  // Whether it is asked for the first time.
  bool know(std::string_view key);
  bool lacks(std::string_view key);
  void refuse_reference(std::string_view key, const ConfigNode& node);
  std::string resolved(std::string_view key, const ConfigNode& node);
  std::vector<ConfigText> list(std::string_view key, bool references);

  const ConfigNode& node_;
  std::string place_;
  FaultList& faults_;
  std::vector<std::string> known_;
};

// "; did you mean 'x'?" or nothing.
std::string did_you_mean(std::string_view name,
                         const std::vector<std::string>& known);

// A whole number or a decimal fraction, entirely; nothing otherwise.
std::optional<double> parse_number(std::string_view text);

std::vector<std::string> plain_texts(const std::vector<ConfigText>& texts);

}  // namespace freshet
