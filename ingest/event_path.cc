#include "ingest/event_path.h"

#include <charconv>

#include "ingest/field_value.h"

namespace freshet {
namespace {

Error bad_path(std::string_view text) {
  return invalid("not a path like item.sku or lines[0].sku: " + shorten(text));
}

// Reads "[0][1]" into steps.
bool read_indexes(std::string_view text, std::vector<EventPath::Step>& steps) {
  while (!text.empty()) {
    size_t end = text.find(']');
    if (text[0] != '[' || end == std::string_view::npos) return false;
    EventPath::Step step;
    step.element = true;
    const char* first = text.data() + 1;
    const char* last = text.data() + end;
    auto [rest, error] = std::from_chars(first, last, step.index);
    if (error != std::errc() || rest != last) return false;
    steps.push_back(std::move(step));
    text.remove_prefix(end + 1);
  }
  return true;
}

}  // namespace

Result<EventPath> EventPath::parse(std::string_view text, Lone lone) {
  EventPath path;
  path.lone_ = lone;
  std::string_view rest = text;
  if (rest.starts_with("$.")) {
    path.from_top_ = true;
    rest.remove_prefix(2);
  }
  for (;;) {
    size_t dot = rest.find('.');
    std::string_view part = rest.substr(0, dot);
    size_t bracket = part.find('[');
    std::string_view name = part.substr(0, bracket);
    if (name.empty()) return bad_path(text);
    path.steps_.push_back({std::string(name), false, 0});
    if (bracket != std::string_view::npos &&
        !read_indexes(part.substr(bracket), path.steps_)) {
      return bad_path(text);
    }
    if (dot == std::string_view::npos) return path;
    rest.remove_prefix(dot + 1);
  }
}

const EventNode* EventPath::find(const EventTree& tree, const EventNode* node,
                                 size_t skipped) const {
  for (size_t i = skipped; i < steps_.size() && node != nullptr; ++i) {
    const Step& step = steps_[i];
    if (!step.element) {
      node = tree.child(*node, step.name);
      continue;
    }
    if (node->kind != EventNode::Kind::kArray) {
      // What an exploded path was bound to is an element already.
      bool first = step.index == 0 && i > skipped;
      if (lone_ == Lone::kNoElement || !first) return nullptr;
      continue;
    }
    node = tree.first_child(*node);
    for (uint32_t n = step.index; n > 0 && node != nullptr; --n) {
      node = tree.next(*node);
    }
  }
  return node;
}

}  // namespace freshet
