// parse_yaml: the one file that knows yaml-cpp. Its event interface is used,
// not its tree: that keeps duplicate keys, and aliases can be bounded while
// they are expanded.
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <memory>
#include <sstream>

#include "server/model/config_node.h"

namespace freshet {
namespace {

size_t count_nodes(const ConfigNode& node) {
  size_t count = 1;
  for (const ConfigNode& item : node.items) count += count_nodes(item);
  for (const ConfigEntry& entry : node.entries) {
    count += count_nodes(entry.value);
  }
  return count;
}

// Thrown through yaml-cpp and caught in parse_yaml.
struct YamlFault {
  Error error;
};

[[noreturn]] void fail(int line, std::string message) {
  throw YamlFault{Error{ErrorCode::kInvalid, std::move(message), line, 0}};
}

class TreeBuilder : public YAML::EventHandler {
 public:
  explicit TreeBuilder(std::string_view text) : text_(text) {}

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    ConfigNode node;
    node.line = line_of(mark);
    if (says_null(mark)) node.text = "null";
    place(std::move(node), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    auto found = anchors_.find(anchor);
    if (found == anchors_.end()) {
      fail(line_of(mark), "an alias inside the value it names");
    }
    spend(line_of(mark), found->second.nodes);
    ConfigNode copy = found->second.value;
    place(std::move(copy), 0);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag,
                YAML::anchor_t anchor, const std::string& value) override {
    refuse_tag(mark, tag);
    ConfigNode node;
    node.kind = ConfigNode::Kind::kScalar;
    node.line = line_of(mark);
    node.text = value;
    node.quoted = tag == "!";
    place(std::move(node), anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag,
                       YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(ConfigNode::Kind::kList, mark, tag, anchor);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag,
                  YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    open(ConfigNode::Kind::kMap, mark, tag, anchor);
  }
  void OnMapEnd() override { close(); }

  ConfigNode take() { return std::move(root_); }

 private:
  struct Open {
    ConfigNode node;
    YAML::anchor_t anchor = 0;
    bool has_key = false;
    std::string key;
    int key_line = 0;
  };
  struct Anchored {
    ConfigNode value;
    size_t nodes = 0;
  };

  // yaml-cpp does not tell the word from a missing value, whose mark is at what
  // comes next: a key, if that begins with the word.
  bool says_null(const YAML::Mark& mark) const {
    if (mark.is_null()) return false;
    std::string_view rest =
        text_.substr(std::min(text_.size(), static_cast<size_t>(mark.pos)), 5);
    bool word = rest.starts_with("null") || rest.starts_with("Null") ||
                rest.starts_with("NULL");
    return word &&
           (rest.size() < 5 || std::string_view(" \t\r\n,]}#").find(rest[4]) !=
                                   std::string_view::npos);
  }

  static int line_of(const YAML::Mark& mark) { return mark.line + 1; }

  void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
    if (!tag.empty() && tag != "?" && tag != "!") {
      fail(line_of(mark), "tags are not understood: '" + tag + "'");
    }
  }

  void spend(int line, size_t nodes) {
    nodes_ += nodes;
    if (nodes_ > kMaxConfigNodes) {
      fail(line, "more than " + std::to_string(kMaxConfigNodes) +
                     " values, aliases expanded");
    }
  }

  void open(ConfigNode::Kind kind, const YAML::Mark& mark,
            const std::string& tag, YAML::anchor_t anchor) {
    refuse_tag(mark, tag);
    if (stack_.size() >= kMaxConfigDepth) {
      fail(line_of(mark), "nested too deep: more than " +
                              std::to_string(kMaxConfigDepth) +
                              " lists and maps within one another");
    }
    Open opened;
    opened.node.kind = kind;
    opened.node.line = line_of(mark);
    opened.anchor = anchor;
    stack_.push_back(std::move(opened));
  }

  void close() {
    Open done = std::move(stack_.back());
    stack_.pop_back();
    place(std::move(done.node), done.anchor);
  }

  void place(ConfigNode node, YAML::anchor_t anchor) {
    spend(node.line, 1);
    if (anchor != 0) anchors_[anchor] = {node, count_nodes(node)};
    if (stack_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& top = stack_.back();
    if (top.node.kind == ConfigNode::Kind::kList) {
      top.node.items.push_back(std::move(node));
    } else if (top.has_key) {
      top.node.entries.push_back(
          {std::move(top.key), top.key_line, std::move(node)});
      top.has_key = false;
    } else {
      take_key(top, node);
    }
  }

  void take_key(Open& map, ConfigNode& node) {
    if (node.kind != ConfigNode::Kind::kScalar) {
      fail(node.line, "a key must be a plain word, not " + describe(node));
    }
    for (const ConfigEntry& entry : map.node.entries) {
      if (entry.key == node.text) {
        fail(node.line, "key '" + node.text +
                            "' is given twice, first in line " +
                            std::to_string(entry.line));
      }
    }
    map.has_key = true;
    map.key = std::move(node.text);
    map.key_line = node.line;
  }

  std::string_view text_;
  ConfigNode root_;
  std::vector<Open> stack_;
  std::map<YAML::anchor_t, Anchored> anchors_;
  size_t nodes_ = 0;
};

}  // namespace

Result<ConfigNode> parse_yaml(std::string_view text) {
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    TreeBuilder builder(text);
    if (!parser.HandleNextDocument(builder)) {
      ConfigNode empty;
      empty.kind = ConfigNode::Kind::kMap;
      empty.line = 1;
      return empty;
    }
    TreeBuilder rest(text);
    if (parser.HandleNextDocument(rest)) {
      return Error{ErrorCode::kInvalid,
                   "a file holds one document; a second '---' begins another",
                   0, 0};
    }
    ConfigNode root = builder.take();
    if (root.kind == ConfigNode::Kind::kNull) {
      root.kind = ConfigNode::Kind::kMap;
    }
    return root;
  } catch (const YamlFault& fault) {
    return fault.error;
  } catch (const YAML::Exception& error) {
    return Error{ErrorCode::kInvalid, "not valid YAML: " + error.msg,
                 error.mark.is_null() ? 0 : error.mark.line + 1, 0};
  }
}

}  // namespace freshet
