#include "server/sql/token.h"

#include <absl/strings/ascii.h>
#include <fmt/core.h>

#include <algorithm>

#include "server/sql/letters.h"

namespace freshet {
namespace {

bool starts_word(char c) {
  return absl::ascii_isalpha(c) || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}
bool in_word(char c) {
  return starts_word(c) || absl::ascii_isdigit(c) || c == '$';
}

// Longest first.
constexpr std::string_view kSymbols[] = {
    "!~*", "!~", "~*", "->>", "->", "<=", ">=", "<>", "!=", "||",
    "::",  "(",  ")",  "[",   "]",  ",",  ".",  ";",  "+",  "-",
    "*",   "/",  "%",  "<",   ">",  "=",  "~",  "^"};

class Tokenizer {
 public:
  explicit Tokenizer(std::string_view text) : text_(text) {}

  Result<std::vector<Token>> run() {
    TRY(skip_blanks());
    while (at_ < text_.size()) {
      TRY(next());
      TRY(skip_blanks());
    }
    return std::move(tokens_);
  }

 private:
  char peek(size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }

  Error fault(std::string message, size_t offset) const {
    return error_at(ErrorCode::kInvalid, std::move(message), text_, offset);
  }

  void add(Token::Kind kind, size_t begin) {
    tokens_.push_back({kind, text_.substr(begin, at_ - begin), begin});
  }

  Status skip_blanks() {
    while (at_ < text_.size()) {
      if (absl::ascii_isspace(peek())) {
        ++at_;
      } else if (peek() == '-' && peek(1) == '-') {
        while (at_ < text_.size() && peek() != '\n') ++at_;
      } else if (peek() == '/' && peek(1) == '*') {
        TRY(skip_comment());
      } else {
        break;
      }
    }
    return {};
  }

  Status skip_comment() {
    size_t end = text_.find("*/", at_ + 2);
    if (end == std::string_view::npos) {
      return fault("comment is not closed", at_);
    }
    at_ = end + 2;
    return {};
  }

  Status next() {
    size_t begin = at_;
    if (peek() == '\'' || peek() == '"') return quoted(begin, false);
    if (starts_word(peek())) return word(begin);
    if (absl::ascii_isdigit(peek()) ||
        (peek() == '.' && absl::ascii_isdigit(peek(1)))) {
      number(begin);
      return {};
    }
    if (peek() == '?') {
      ++at_;
      add(Token::Kind::kParameter, begin);
      return {};
    }
    if (peek() == '$' && absl::ascii_isdigit(peek(1))) {
      for (++at_; absl::ascii_isdigit(peek()); ++at_) {
      }
      add(Token::Kind::kParameter, begin);
      return {};
    }
    return symbol(begin);
  }

  Status symbol(size_t begin) {
    for (std::string_view s : kSymbols) {
      if (text_.substr(at_, s.size()) == s) {
        at_ += s.size();
        add(Token::Kind::kSymbol, begin);
        return {};
      }
    }
    return fault(fmt::format("unexpected character: {}", text_.substr(at_, 1)),
                 begin);
  }

  Status word(size_t begin) {
    while (in_word(peek())) ++at_;
    std::string prefix = to_lower(text_.substr(begin, at_ - begin));
    if (prefix == "u" && peek() == '&' && (peek(1) == '\'' || peek(1) == '"')) {
      ++at_;
      return quoted(begin, false);
    }
    if ((prefix == "e" || prefix == "n" || prefix == "b" || prefix == "x") &&
        peek() == '\'') {
      return quoted(begin, prefix == "e");
    }
    add(Token::Kind::kWord, begin);
    return {};
  }

  void number(size_t begin) {
    while (absl::ascii_isdigit(peek())) ++at_;
    if (peek() == '.') {
      for (++at_; absl::ascii_isdigit(peek()); ++at_) {
      }
    }
    bool exponent = peek() == 'e' || peek() == 'E';
    size_t sign = peek(1) == '+' || peek(1) == '-' ? 1 : 0;
    if (exponent && absl::ascii_isdigit(peek(1 + sign))) at_ += 1 + sign;
    while (in_word(peek())) ++at_;
    add(Token::Kind::kNumber, begin);
  }

  // at_ is on the opening quote; begin may be before it, on a prefix.
  Status quoted(size_t begin, bool backslash) {
    char quote = peek();
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == '\0') break;
      if (backslash && peek() == '\\') {
        ++at_;
      } else if (peek() == quote) {
        if (peek(1) != quote) {
          ++at_;
          add(quote == '"' ? Token::Kind::kQuoted : Token::Kind::kString,
              begin);
          return {};
        }
        ++at_;
      }
    }
    return fault("quote is not closed", begin);
  }

  std::string_view text_;
  size_t at_ = 0;
  std::vector<Token> tokens_;
};

}  // namespace

bool Token::is_word(std::string_view lower) const {
  return kind == Kind::kWord && text.size() == lower.size() &&
         std::equal(text.begin(), text.end(), lower.begin(),
                    [](char a, char b) { return absl::ascii_tolower(a) == b; });
}

std::string Token::identifier() const {
  if (kind != Kind::kQuoted || text.front() != '"') return std::string(text);
  std::string out;
  for (size_t i = 1; i + 1 < text.size(); ++i) {
    out += text[i];
    if (text[i] == '"') ++i;
  }
  return out;
}

Result<std::vector<Token>> tokenize(std::string_view text) {
  return Tokenizer(text).run();
}

void place_of(std::string_view text, size_t offset, int& line, int& column) {
  std::string_view before = text.substr(0, std::min(offset, text.size()));
  line = 1 + static_cast<int>(std::count(before.begin(), before.end(), '\n'));
  size_t newline = before.rfind('\n');
  size_t start = newline == std::string_view::npos ? 0 : newline + 1;
  column = 1 + static_cast<int>(before.size() - start);
}

Error error_at(ErrorCode code, std::string message, std::string_view text,
               size_t offset) {
  Error error{code, std::move(message), 0, 0};
  place_of(text, offset, error.line, error.column);
  return error;
}

}  // namespace freshet
