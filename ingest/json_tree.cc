#include "ingest/json_tree.h"

#include <fmt/format.h>

#include <cstring>

#include "ingest/field_value.h"

namespace freshet {
namespace {

using Kind = EventNode::Kind;

// A number as JSON wants it: -?(0|[1-9][0-9]*)(.[0-9]+)?([eE][+-]?[0-9]+)?
bool is_number(std::string_view text) {
  size_t at = 0;
  auto digits = [&] {
    size_t begin = at;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9') ++at;
    return at - begin;
  };
  if (text.starts_with('-')) ++at;
  bool zero = at < text.size() && text[at] == '0';
  size_t whole = digits();
  if (whole == 0 || (zero && whole > 1)) return false;
  if (at < text.size() && text[at] == '.') {
    ++at;
    if (digits() == 0) return false;
  }
  if (at < text.size() && (text[at] | 0x20) == 'e') {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    if (digits() == 0) return false;
  }
  return at == text.size();
}

}  // namespace

// Stage one leaves the places of tokens, then the size twice: a bracket is put
// there, on which every walk ends.
bool JsonTree::read(std::string_view text, EventTree& tree) {
  text = without_byte_order_mark(text);
  blocks_.reset();
  kinds_.clear();
  size_ = text.size();
  char* copy = blocks_.take(size_ + 2);
  if (!text.empty()) std::memcpy(copy, text.data(), size_);
  copy[size_] = '\n';
  copy[size_ + 1] = ']';
  text_ = copy;
  if (trim(text).empty()) return fail("it is empty");
  const char* error = structure_.find(copy, size_ + 2);
  if (error != nullptr) return fail(error);
  at_ = structure_.places();
  if (!read_value({}, tree)) return false;
  while (!kinds_.empty()) {
    if (!after_value(tree)) return false;
  }
  return *at_ == size_ + 1 || fail("text after its end");
}

// A scalar whole, or the opening bracket of an object or array and, if it is
// not empty, its first value.
bool JsonTree::read_value(std::string_view name, EventTree& tree) {
  for (;;) {
    char first = text_[*at_];
    if (first != '{' && first != '[') return read_scalar(name, tree);
    if (kinds_.size() == kMaxDepth) {
      return fail(fmt::format("it is nested deeper than {}", kMaxDepth));
    }
    ++at_;
    Kind kind = first == '{' ? Kind::kObject : Kind::kArray;
    kinds_.push_back(kind);
    tree.open(kind, name);
    name = {};
    char close = first == '{' ? '}' : ']';
    if (text_[*at_] == close) return true;
    if (kind == Kind::kObject && !read_name(name, tree)) return false;
  }
}

// What follows a value inside an object or array: a comma and the next value,
// or the closing bracket.
bool JsonTree::after_value(EventTree& tree) {
  bool object = kinds_.back() == Kind::kObject;
  if (*at_ > size_) return broken();
  char mark = text_[*at_];
  if (mark == (object ? '}' : ']')) {
    ++at_;
    kinds_.pop_back();
    tree.close();
    return true;
  }
  if (mark != ',') return broken();
  ++at_;
  std::string_view name;
  if (object && !read_name(name, tree)) return false;
  return read_value(name, tree);
}

bool JsonTree::read_name(std::string_view& name, EventTree& tree) {
  if (text_[*at_] != '"' || !read_string(name, tree)) return broken();
  if (text_[*at_] != ':') return broken();
  ++at_;
  return true;
}

bool JsonTree::read_string(std::string_view& text, EventTree& tree) {
  const char* begin = text_ + at_[0] + 1;
  const char* end = text_ + at_[1] - 1;
  while (*end != '"') --end;
  if (end < begin) return false;
  ++at_;
  text = {begin, static_cast<size_t>(end - begin)};
  if (text.find('\\') == std::string_view::npos) return true;
  if (!structure_.unescape(text, text)) return false;
  text = tree.keep(text);
  return true;
}

bool JsonTree::read_scalar(std::string_view name, EventTree& tree) {
  if (*at_ > size_) return broken();
  std::string_view text;
  if (text_[*at_] == '"') {
    if (!read_string(text, tree)) return broken();
    tree.leaf(Kind::kText, name, text);
    return true;
  }
  text = trim({text_ + at_[0], at_[1] - at_[0]});
  bool number = is_number(text);
  if (!number && text != "true" && text != "false" && text != "null") {
    return broken();
  }
  ++at_;
  tree.leaf(text == "null" ? Kind::kNull : Kind::kBare, name, text);
  return true;
}

bool JsonTree::fail(std::string_view why) {
  error_ = why;
  return false;
}

bool JsonTree::broken() {
  size_t at = std::min<size_t>(*at_, size_);
  std::string_view rest(text_ + at, size_ - at);
  return fail(rest.empty() ? "it does not end"
                           : "it is not JSON from here on: " + shorten(rest));
}

}  // namespace freshet
