#include "server/sql/rewrite.h"

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <fmt/core.h>

#include <algorithm>
#include <optional>

#include "server/sql/calendar_unit.h"
#include "server/sql/formula_window.h"
#include "server/sql/letters.h"
#include "server/sql/nesting.h"

namespace freshet {
namespace {

class Rewriter {
 public:
  explicit Rewriter(const std::vector<Token>& tokens)
      : tokens_(tokens), texts_(tokens.size()) {
    for (size_t i = 0; i < tokens.size(); ++i) {
      texts_[i] = std::string(tokens[i].text);
    }
  }

  // Replaces EXPLAIN [ANALYZE] [PLAN FOR] by nothing.
  Explain drop_explain() {
    size_t i = first_;
    if (!is_word(i, "explain")) return Explain::kNone;
    Explain out = Explain::kPlan;
    texts_[i++].clear();
    if (is_word(i, "analyze")) {
      out = Explain::kAnalyze;
      texts_[i++].clear();
    }
    if (is_word(i, "plan") && is_word(i + 1, "for")) {
      texts_[i].clear();
      texts_[i + 1].clear();
    }
    return out;
  }

  // The token of a SET of another form than drop_settings() takes, or null.
  const Token* other_setting() const {
    return is_word(first_, "set") ? &tokens_[first_] : nullptr;
  }

  // Replaces SET key = value; at the start by nothing.
  std::vector<size_t> drop_settings() {
    std::vector<size_t> keys;
    auto value = [&](size_t i) {
      return i < tokens_.size() && (tokens_[i].kind == Token::Kind::kString ||
                                    tokens_[i].kind == Token::Kind::kNumber ||
                                    tokens_[i].kind == Token::Kind::kWord);
    };
    while (is_word(first_, "set") && first_ + 1 < tokens_.size() &&
           (word(first_ + 1) ||
            tokens_[first_ + 1].kind == Token::Kind::kQuoted) &&
           symbol(first_ + 2, "=")) {
      size_t last = first_ + (symbol(first_ + 3, "-") ? 4 : 3);
      if (!value(last) || !symbol(last + 1, ";")) break;
      keys.push_back(first_ + 1);
      for (; first_ <= last + 1; ++first_) texts_[first_].clear();
    }
    return keys;
  }

  void query_forms() {
    int parameters = 0;
    std::vector<bool> selects = {false};  // by depth: whether SELECT was there
    for (size_t i = 0; i < tokens_.size(); ++i) {
      if (symbol(i, "(")) selects.push_back(false);
      if (symbol(i, ")") && selects.size() > 1) selects.pop_back();
      if (is_word(i, "select")) selects.back() = true;
      if (tokens_[i].text == "?") texts_[i] = fmt::format("${}", ++parameters);
      if (is_word(i, "interval")) interval(i);
      bool table =
          (is_word(i, "from") && selects.back() && !distinct_from(i)) ||
          is_word(i, "join");
      if (table && symbol(i + 1, "(")) name_subquery(i + 1);
      if (!is_call(i)) continue;
      if (is_word(i, "table")) table_of(i);
      if (is_word(i, "position")) position_from(i);
      // The tree reader tells them apart by the token.
      if (is_word(i, "try_cast") || is_word(i, "safe_cast")) texts_[i] = "cast";
      if (is_word(i, "floor")) to_unit(i, "time_floor");
      if (is_word(i, "ceil") || is_word(i, "ceiling")) to_unit(i, "time_ceil");
      if (is_word(i, "timestampadd") || is_word(i, "timestampdiff")) {
        if (word(i + 2)) texts_[i + 2] = fmt::format("'{}'", texts_[i + 2]);
      }
    }
  }

  void formula_forms() {
    for (size_t i = 0; i < tokens_.size(); ++i) {
      if (tokens_[i].is_symbol("[")) kpi_name(i);
      if (!is_call(i)) continue;
      if (is_word(i, "last") || is_word(i, "first")) by_keys(i);
      for (std::string_view name : kFormulaWindows) {
        if (is_word(i, name)) quote_span(i + 1);
      }
      if (is_word(i, "distinct") && !inside_sql_aggregate(i)) {
        texts_[i] = "\"distinct\"";
      }
    }
  }

  void write(RewrittenSql& out) const {
    for (size_t i = 0; i < tokens_.size(); ++i) {
      out.offsets.push_back(out.text.size());
      if (texts_[i].empty()) continue;
      out.text += texts_[i];
      out.text += ' ';
    }
  }

 private:
  bool is_word(size_t i, std::string_view lower) const {
    return i < tokens_.size() && tokens_[i].is_word(lower);
  }
  bool word(size_t i) const {
    return i < tokens_.size() && tokens_[i].kind == Token::Kind::kWord;
  }
  bool symbol(size_t i, std::string_view s) const {
    return i < tokens_.size() && tokens_[i].is_symbol(s);
  }
  bool is_call(size_t i) const {
    return word(i) && symbol(i + 1, "(") && !(i > 0 && symbol(i - 1, "."));
  }

  // The first `lower` directly inside the parentheses that open at `open`.
  std::optional<size_t> word_inside(size_t open, std::string_view lower) const {
    int depth = 0;
    for (size_t i = open; i < tokens_.size(); ++i) {
      if (symbol(i, "(")) ++depth;
      if (symbol(i, ")") && --depth == 0) break;
      if (depth == 1 && is_word(i, lower)) return i;
    }
    return std::nullopt;
  }

  // The FROM of IS [NOT] DISTINCT FROM.
  bool distinct_from(size_t i) const {
    return i >= 2 && is_word(i - 1, "distinct") &&
           (is_word(i - 2, "is") || is_word(i - 2, "not"));
  }

  // POSITION(a IN b FROM n), where PostgreSQL has no FROM.
  void position_from(size_t i) {
    auto in = word_inside(i + 1, "in");
    auto from = word_inside(i + 1, "from");
    if (!in || !from || *from < *in) return;
    texts_[i] = "\"position\"";
    texts_[*in] = texts_[*from] = ",";
  }

  void to_unit(size_t i, const char* function) {
    auto to = word_inside(i + 1, "to");
    if (!to || !word(*to + 1) || !symbol(*to + 2, ")")) return;
    auto unit = parse_calendar_unit(tokens_[*to + 1].text);
    if (!unit) return;  // PostgreSQL's parser will point at the TO
    texts_[i] = function;
    texts_[*to] = ",";
    texts_[*to + 1] = fmt::format("'{}'", unit->period);
  }

  // TABLE(APPEND(...)) becomes APPEND(...).
  void table_of(size_t i) {
    size_t close = closing(i + 1);
    if (!is_word(i + 2, "append") || close == tokens_.size()) return;
    for (size_t at : {i, i + 1, close}) texts_[at].clear();
  }

  // The parenthesis that ends the one at `open`, or the number of tokens.
  size_t closing(size_t open) const {
    int depth = 0;
    size_t close = open;
    for (; close < tokens_.size(); ++close) {
      if (symbol(close, "(")) ++depth;
      if (symbol(close, ")") && --depth == 0) break;
    }
    return close;
  }

  // PostgreSQL wants an alias after a sub-query in FROM.
  void name_subquery(size_t open) {
    size_t first = open;
    while (symbol(first, "(")) ++first;
    if (!is_word(first, "select") && !is_word(first, "with") &&
        !is_word(first, "values")) {
      return;
    }
    size_t close = closing(open);
    static constexpr std::string_view kAfter[] = {
        "where", "group",  "having", "order", "limit",  "offset", "union",
        "fetch", "except", "join",   "left",  "inner",  "cross",  "intersect",
        "right", "full",   "on",     "using", "window", "natural"};
    size_t next = close + 1;
    bool clause = std::any_of(std::begin(kAfter), std::end(kAfter),
                              [&](auto w) { return is_word(next, w); });
    bool has_alias = next < tokens_.size() && !clause &&
                     tokens_[next].kind != Token::Kind::kSymbol;
    if (close < tokens_.size() && !has_alias) {
      texts_[close] = fmt::format(") AS \"sub-query{}\"", unnamed_++);
    }
  }

  // INTERVAL [-]'1-2' YEAR(4) TO MONTH becomes INTERVAL '-1-2 YEAR TO MONTH'.
  void interval(size_t i) {
    size_t digits = i + 1;
    bool sign = symbol(digits, "-") || symbol(digits, "+");
    digits += sign;
    if (digits + 1 >= tokens_.size()) return;
    std::string_view count = tokens_[digits].text;
    if (tokens_[digits].kind == Token::Kind::kString && count[0] == '\'') {
      count = count.substr(1, count.size() - 2);
    } else if (tokens_[digits].kind != Token::Kind::kNumber) {
      return;
    }
    auto unit = [&](size_t at) {
      return word(at) && parse_calendar_unit(tokens_[at].text);
    };
    if (!unit(digits + 1)) return;
    size_t end = after_precision(digits + 2);
    std::string qualifier(tokens_[digits + 1].text);
    if (is_word(end, "to") && unit(end + 1)) {
      qualifier += fmt::format(" TO {}", tokens_[end + 1].text);
      end = after_precision(end + 2);
    }
    bool minus = symbol(i + 1, "-");
    bool twice = minus && count.starts_with('-');
    if (twice) count.remove_prefix(1);
    for (size_t at = i + 2; at < end; ++at) texts_[at].clear();
    texts_[i + 1] =
        fmt::format("'{}{} {}'", minus && !twice ? "-" : "", count, qualifier);
  }

  // Past the "(2)" or "(2, 3)" behind a unit, which changes nothing.
  size_t after_precision(size_t i) const {
    if (!symbol(i, "(")) return i;
    size_t close = symbol(i + 2, ",") ? i + 4 : i + 2;
    return symbol(close, ")") ? close + 1 : i;
  }

  void by_keys(size_t i) {
    auto by = word_inside(i + 1, "by");
    if (!by) return;
    texts_[i] = fmt::format("\"{} by\"", to_lower(texts_[i]));
    texts_[*by] = ",";
  }

  // The 7d of rolling(sum(net), 7d), which is no number to PostgreSQL.
  void quote_span(size_t open) {
    size_t close = closing(open);
    if (close < 2 || !symbol(close - 2, ",")) return;
    Token::Kind kind = tokens_[close - 1].kind;
    if (kind != Token::Kind::kNumber && kind != Token::Kind::kWord) return;
    texts_[close - 1] = fmt::format("'{}'", tokens_[close - 1].text);
  }

  void kpi_name(size_t i) {
    if (!word(i + 1) || !symbol(i + 2, "]")) return;
    texts_[i] = fmt::format("\"[{}]\"", tokens_[i + 1].text);
    texts_[i + 1].clear();
    texts_[i + 2].clear();
  }

  // count(DISTINCT (x)) is SQL's own.
  bool inside_sql_aggregate(size_t i) const {
    static constexpr std::string_view kAggregates[] = {"count", "sum", "avg",
                                                       "min", "max"};
    if (i < 2 || !symbol(i - 1, "(")) return false;
    return std::any_of(
        std::begin(kAggregates), std::end(kAggregates),
        [&](std::string_view name) { return is_word(i - 2, name); });
  }

  const std::vector<Token>& tokens_;
  std::vector<std::string> texts_;
  size_t first_ = 0;    // token after the settings
  size_t unnamed_ = 0;  // sub-queries that were given a name
};

Setting setting_at(const RewrittenSql& sql, size_t key) {
  Setting out;
  out.key = sql.tokens[key].identifier();
  std::string_view value = sql.tokens[key + 2].text;
  if (sql.tokens[key + 2].kind == Token::Kind::kString && value.size() >= 2) {
    value = value.substr(1, value.size() - 2);
  }
  out.value = std::string(value);
  if (value == "-") out.value += sql.tokens[key + 3].text;
  place_of(sql.original, sql.tokens[key].offset, out.line, out.column);
  return out;
}

}  // namespace

size_t RewrittenSql::token_at(size_t offset) const {
  // Dropped tokens share the offset of the token after them.
  auto after = std::upper_bound(offsets.begin(), offsets.end(), offset);
  return after == offsets.begin() ? 0 : after - offsets.begin() - 1;
}

size_t RewrittenSql::original_offset(size_t offset) const {
  if (tokens.empty()) return 0;
  return offset >= text.size() ? original.size()
                               : tokens[token_at(offset)].offset;
}

void RewrittenSql::place(size_t offset, int& line, int& column) const {
  size_t at = original_offset(offset);
  auto next = std::upper_bound(lines.begin(), lines.end(), at);
  line = static_cast<int>(next - lines.begin());
  column = static_cast<int>(at - *(next - 1)) + 1;
}

Result<RewrittenSql> rewrite(std::string_view original, SqlDialect dialect) {
  RewrittenSql out;
  out.original = original;
  out.lines.push_back(0);
  for (size_t i = 0; i < original.size(); ++i) {
    if (original[i] == '\n') out.lines.push_back(i + 1);
  }
  TRY_ASSIGN(out.tokens, tokenize(original));
  TRY(check_nesting(original, out.tokens));
  Rewriter rewriter(out.tokens);
  if (dialect != SqlDialect::kQuery) {
    if (dialect == SqlDialect::kFormula) rewriter.formula_forms();
    out.text = "SELECT ";
  } else {
    for (size_t key : rewriter.drop_settings()) {
      out.settings.push_back(setting_at(out, key));
    }
    if (const Token* other = rewriter.other_setting()) {
      return error_at(ErrorCode::kInvalid,
                      "a setting is written SET key = constant; before the "
                      "statement",
                      original, other->offset);
    }
    out.explain = rewriter.drop_explain();
  }
  rewriter.query_forms();
  rewriter.write(out);
  return out;
}

}  // namespace freshet
