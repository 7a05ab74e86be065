#include "server/query/like_pattern.h"

#include <cstdint>

namespace freshet {

LikePattern::LikePattern(std::string_view pattern, std::string_view escape) {
  for (size_t i = 0; i < pattern.size(); ++i) {
    char c = pattern[i];
    if (!escape.empty() && pattern.substr(i).starts_with(escape) &&
        i + escape.size() < pattern.size()) {
      i += escape.size();
      tokens_.push_back({Token::Kind::kByte, pattern[i]});
    } else if (c == '%') {
      tokens_.push_back({Token::Kind::kAny});
    } else if (c == '_') {
      tokens_.push_back({Token::Kind::kOne});
    } else {
      tokens_.push_back({Token::Kind::kByte, c});
    }
  }
}

// Greedy with one point of return: the last '%' seen.
bool LikePattern::matches(std::string_view text) const {
  size_t token = 0, at = 0, retry_token = 0, retry_at = 0;
  bool retry = false;
  auto next_character = [&](size_t i) {
    ++i;
    while (i < text.size() && (text[i] & 0xC0) == 0x80) ++i;
    return i;
  };
  while (true) {
    if (token < tokens_.size() && tokens_[token].kind == Token::Kind::kAny) {
      retry = true;
      retry_token = ++token;
      retry_at = at;
      continue;
    }
    if (token == tokens_.size() && at == text.size()) return true;
    if (token < tokens_.size() && at < text.size()) {
      if (tokens_[token].kind == Token::Kind::kOne) {
        at = next_character(at);
        ++token;
        continue;
      }
      if (tokens_[token].byte == text[at]) {
        ++at;
        ++token;
        continue;
      }
    }
    if (!retry || retry_at >= text.size()) return false;
    token = retry_token;
    retry_at = next_character(retry_at);
    at = retry_at;
  }
}

}  // namespace freshet
