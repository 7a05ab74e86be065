// SQL LIKE: % any run of characters, _ one UTF-8 character; the escape
// character makes the next one literal. Case-sensitive.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace freshet {

class LikePattern {
 public:
  LikePattern(std::string_view pattern, std::optional<char> escape);
  bool matches(std::string_view text) const;

 private:
  struct Token {
    enum class Kind : uint8_t { kByte, kOne, kAny } kind;
    char byte = 0;
  };
  std::vector<Token> tokens_;
};

}  // namespace freshet
