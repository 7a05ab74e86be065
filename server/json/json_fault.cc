#include "server/json/json_fault.h"

#include <cctype>

namespace freshet {
namespace {

constexpr int kDepth = 1000;

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  size_t run() {
    if (value(0)) skip_blanks();
    return at_;
  }

 private:
  bool at_end() const { return at_ >= text_.size(); }
  char peek() const { return at_end() ? '\0' : text_[at_]; }

  void skip_blanks() {
    while (!at_end() && (peek() == ' ' || peek() == '\n' || peek() == '\r' ||
                         peek() == '\t')) {
      ++at_;
    }
  }

  bool take(char c) {
    skip_blanks();
    if (at_end() || peek() != c) return false;
    ++at_;
    return true;
  }

  bool value(int depth) {
    if (depth > kDepth) return false;
    skip_blanks();
    if (peek() == '{') return members(depth);
    if (peek() == '[') return elements(depth);
    if (peek() == '"') return string();
    if (peek() == '-' || std::isdigit(static_cast<unsigned char>(peek()))) {
      return number();
    }
    return word("true") || word("false") || word("null");
  }

  bool members(int depth) {
    take('{');
    if (take('}')) return true;
    do {
      skip_blanks();
      if (peek() != '"' || !string()) return false;
      if (!take(':') || !value(depth + 1)) return false;
    } while (take(','));
    return take('}');
  }

  bool elements(int depth) {
    take('[');
    if (take(']')) return true;
    do {
      if (!value(depth + 1)) return false;
    } while (take(','));
    return take(']');
  }

  bool string() {
    ++at_;
    while (!at_end() && peek() != '"') {
      if (static_cast<unsigned char>(peek()) < 0x20) return false;
      at_ += peek() == '\\' ? 2 : 1;
    }
    if (at_end()) {
      at_ = text_.size();
      return false;
    }
    ++at_;
    return true;
  }

  bool number() {
    while (!at_end() && (std::isalnum(static_cast<unsigned char>(peek())) ||
                         peek() == '.' || peek() == '-' || peek() == '+')) {
      ++at_;
    }
    return true;
  }

  bool word(std::string_view w) {
    if (text_.substr(at_, w.size()) != w) return false;
    at_ += w.size();
    return true;
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

size_t find_json_fault(std::string_view text) { return Scanner(text).run(); }

}  // namespace freshet
