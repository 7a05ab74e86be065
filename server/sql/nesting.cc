#include "server/sql/nesting.h"

#include <algorithm>

namespace freshet {
namespace {

constexpr size_t kMostOpen = 200;
constexpr size_t kMostRun = 400;
constexpr size_t kMostJoined = 100;

struct Level {
  size_t run = 0;       // tokens of the current run
  size_t inner = 0;     // depth of what was closed within the run
  size_t deepest = 0;   // of the runs before
  size_t betweens = 0;  // BETWEENs whose AND has not come
  size_t depth() const { return std::max(deepest, run + inner); }
};

bool opens(const Token& t) {
  return t.is_symbol("(") || t.is_symbol("[") || t.is_word("case");
}
bool closes(const Token& t) {
  return t.is_symbol(")") || t.is_symbol("]") || t.is_word("end");
}
bool joins(const Token& t) {
  return t.is_word("union") || t.is_word("except") || t.is_word("intersect") ||
         t.is_word("join");
}

// Whether the tokens before and after are siblings in the tree.
bool separates(const Token& t, Level& level) {
  if (t.is_word("between")) ++level.betweens;
  if (t.is_word("and") && level.betweens > 0) {
    --level.betweens;
    return false;
  }
  return t.is_symbol(",") || t.is_word("and") || t.is_word("or") ||
         t.is_word("when") || t.is_word("then") || t.is_word("else");
}

}  // namespace

Status check_nesting(std::string_view text, const std::vector<Token>& tokens) {
  std::vector<Level> levels(1);
  size_t open = 0;  // tokens of the runs of the enclosing levels
  size_t joined = 0;
  for (size_t i = 0; i < tokens.size(); ++i) {
    const Token& token = tokens[i];
    bool member = i > 0 && tokens[i - 1].is_symbol(".");  // a.end, a.and
    Level& level = levels.back();
    joined += joins(token);
    if (!member && separates(token, level)) {
      level.deepest = level.depth();
      level.run = level.inner = 0;
    } else {
      ++level.run;
    }
    if (levels.size() > kMostOpen || open + level.depth() > kMostRun ||
        joined > kMostJoined) {
      return error_at(ErrorCode::kLimit,
                      "the expression is nested too deeply or too long for one "
                      "expression; split it",
                      text, token.offset);
    }
    if (!member && opens(token)) {
      open += level.run;
      levels.emplace_back();
    } else if (!member && closes(token) && levels.size() > 1) {
      size_t inner = level.depth();
      levels.pop_back();
      Level& outer = levels.back();
      open -= outer.run;
      outer.inner = std::max(outer.inner, inner);
    }
  }
  return {};
}

}  // namespace freshet
