// Tokens of SQL text: what the rewriting of Druid's forms works on.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "segments/result.h"

namespace freshet {

struct Token {
  enum class Kind : uint8_t {
    kWord,       // unquoted identifier or keyword
    kQuoted,     // "identifier", U&"identifier"
    kString,     // 'text', E'text', U&'text', ...
    kNumber,     // 12, 1.5, 2e3; also 7d (a duration in KPI formulas)
    kSymbol,     // operators and punctuation: ( ) , . <= :: ...
    kParameter,  // ? or $1
  };
  Kind kind = Kind::kSymbol;
  std::string_view text;  // as written, quotes included
  size_t offset = 0;      // of its first byte

  bool is_symbol(std::string_view s) const {
    return kind == Kind::kSymbol && text == s;
  }
  // Unquoted and equal to `lower`, which is in lower case.
  bool is_word(std::string_view lower) const;
  // The identifier it spells: quotes removed, doubled quotes halved.
  std::string identifier() const;
};

// `text` must outlive the tokens. kInvalid, with its place, for an unclosed
// quote or comment and for bytes no token starts with.
Result<std::vector<Token>> tokenize(std::string_view text);

// An error at byte `offset` of `text`, with line and column filled in.
Error error_at(ErrorCode code, std::string message, std::string_view text,
               size_t offset);
// 1-based line and column (in bytes) of `offset`.
void place_of(std::string_view text, size_t offset, int& line, int& column);

}  // namespace freshet
