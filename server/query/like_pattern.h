// SQL LIKE: % any run of characters, _ one UTF-8 character; the escape
// character makes the next one literal. Case-sensitive.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace freshet {

class LikePattern {
 public:
  // An empty `escape`: none. It is one character, or compared whole.
  LikePattern(std::string_view pattern, std::string_view escape);
  bool matches(std::string_view text) const;

 private:
  struct Token {
    enum class Kind : uint8_t { kByte, kOne, kAny } kind;
    char byte = 0;
  };
  std::vector<Token> tokens_;
};

}  // namespace freshet
