// EventTree: one event as a tree of named values, whatever it was written in
// (JSON, Avro, XML). Built front to back, then read; used again for the next
// event, so that a steady stream allocates nothing. Used by one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace freshet {

struct EventNode {
  static constexpr uint32_t kNone = ~uint32_t{0};
  enum class Kind : uint8_t {
    kNull,
    kText,
    kBare,  // a number, true or false, as it is written
    kObject,
    kArray
  };
  // What the text means beyond itself, if the event says so.
  enum class Meaning : uint8_t {
    kPlain,
    kDecimal,  // text: base64 of big-endian two's complement units
    kUnits,    // text: bytes, the same without base64
    kDays,     // since 1970, as the ones below
    kMillis,
    kMicros,
    kNanos,
    kNoMoment,     // a number that is no time of a calendar: a time of day,
                   // a year, a duration
    kMalformed,    // what it says of its meaning cannot be read
    kUnavailable,  // the source left the value out: it did not change
  };
  Kind kind = Kind::kNull;
  Meaning meaning = Meaning::kPlain;
  int8_t scale = 0;        // of kDecimal and kUnits; may be negative
  bool stated = false;     // that it is plain was said, not assumed
  uint32_t next = kNone;   // sibling
  uint32_t first = kNone;  // child
  std::string_view name;   // in an object
  std::string_view text;   // of a scalar

  bool is_scalar() const { return kind == Kind::kText || kind == Kind::kBare; }
  bool is_null() const { return kind == Kind::kNull; }
};

class EventTree {
 public:
  EventTree() = default;
  EventTree(const EventTree&) = delete;
  EventTree& operator=(const EventTree&) = delete;

  // (leaf | open ... close)*: the first is the root.
  void open(EventNode::Kind kind, std::string_view name);
  void close() { open_.pop_back(); }
  EventNode& leaf(EventNode::Kind kind, std::string_view name,
                  std::string_view text);
  size_t depth() const { return open_.size(); }
  // Copies text into memory valid until clear().
  std::string_view keep(std::string_view text);
  void clear();

  const EventNode* root() const {
    return nodes_.empty() ? nullptr : &nodes_.front();
  }
  EventNode* root() { return nodes_.empty() ? nullptr : &nodes_.front(); }
  // Pointers to nodes stay valid once the tree is built.
  const EventNode* first_child(const EventNode& node) const {
    return node.first == EventNode::kNone ? nullptr : &nodes_[node.first];
  }
  EventNode* first_child(const EventNode& node) {
    return node.first == EventNode::kNone ? nullptr : &nodes_[node.first];
  }
  const EventNode* next(const EventNode& node) const {
    return node.next == EventNode::kNone ? nullptr : &nodes_[node.next];
  }
  EventNode* next(const EventNode& node) {
    return node.next == EventNode::kNone ? nullptr : &nodes_[node.next];
  }
  // The first member of that name; null if there is none.
  const EventNode* child(const EventNode& node, std::string_view name) const;

 private:
  struct Open {
    uint32_t node;
    uint32_t last;  // child
  };
  uint32_t add(EventNode::Kind kind, std::string_view name);

  std::vector<EventNode> nodes_;
  std::vector<Open> open_;
  std::vector<std::unique_ptr<char[]>> texts_;
  size_t room_ = 0;  // left in the last of texts_, from place_ on
  char* place_ = nullptr;
};

}  // namespace freshet
