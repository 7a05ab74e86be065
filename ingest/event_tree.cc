#include "ingest/event_tree.h"

#include <algorithm>
#include <cstring>

namespace freshet {
namespace {

constexpr size_t kBlock = 64 << 10;
// Memory of one huge event is given back.
constexpr size_t kMaxKeptNodes = 1 << 16;

}  // namespace

uint32_t EventTree::add(EventNode::Kind kind, std::string_view name) {
  auto number = static_cast<uint32_t>(nodes_.size());
  EventNode& node = nodes_.emplace_back();
  node.kind = kind;
  node.name = name;
  if (!open_.empty()) {
    Open& parent = open_.back();
    if (parent.last == EventNode::kNone) {
      nodes_[parent.node].first = number;
    } else {
      nodes_[parent.last].next = number;
    }
    parent.last = number;
  }
  return number;
}

void EventTree::open(EventNode::Kind kind, std::string_view name) {
  open_.push_back({add(kind, name), EventNode::kNone});
}

EventNode& EventTree::leaf(EventNode::Kind kind, std::string_view name,
                           std::string_view text) {
  EventNode& node = nodes_[add(kind, name)];
  node.text = text;
  return node;
}

std::string_view EventTree::keep(std::string_view text) {
  if (text.empty()) return {};
  if (text.size() > room_) {
    size_t size = std::max(kBlock, text.size());
    texts_.push_back(std::unique_ptr<char[]>(new char[size]));
    place_ = texts_.back().get();
    room_ = size;
  }
  std::memcpy(place_, text.data(), text.size());
  std::string_view kept(place_, text.size());
  place_ += text.size();
  room_ -= text.size();
  return kept;
}

void EventTree::clear() {
  if (nodes_.capacity() > kMaxKeptNodes) std::vector<EventNode>().swap(nodes_);
  nodes_.clear();
  open_.clear();
  texts_.clear();
  room_ = 0;
}

const EventNode* EventTree::child(const EventNode& node,
                                  std::string_view name) const {
  if (node.kind != EventNode::Kind::kObject) return nullptr;
  for (const EventNode* at = first_child(node); at != nullptr; at = next(*at)) {
    if (at->name == name) return at;
  }
  return nullptr;
}

}  // namespace freshet
