// regexp_like, regexp_extract, regexp_replace, by RE2: its time is linear in
// the text, whatever the pattern. A pattern that is none fails the query when
// it is a constant, and is null on its row otherwise.
#include <re2/re2.h>

#include "server/query/evaluator.h"
#include "server/query/expression_type.h"
#include "server/query/function_table.h"
#include "server/query/query_control.h"

namespace freshet {
namespace {

constexpr ExpressionType kString{ValueType::kString};
constexpr ExpressionType kLong{ValueType::kLong};
constexpr ExpressionType kBool{ValueType::kBool};
constexpr int kMostGroups = 100;
constexpr size_t kMostReplaced = size_t{256} << 10;  // bytes

re2::StringPiece piece(std::string_view text) {
  return {text.data(), text.size()};
}

RE2::Options quiet() {
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(int64_t{8} << 20);
  return options;
}

Status check_pattern(Expression& call) {
  for (size_t i = 0; i < 2; ++i) {
    call.arguments[i] = as_type(call.arguments[i], kString);
  }
  const std::string* text = call.arguments[1]->literal.as_string();
  if (!text) return {};
  RE2 pattern(*text, quiet());
  if (pattern.ok()) return {};
  return Error{ErrorCode::kInvalid,
               "not a regular expression, " + pattern.error() + ": " + *text,
               call.arguments[1]->line, call.arguments[1]->column};
}

Result<ExpressionType> check_like(Expression& call) {
  TRY(check_pattern(call));
  return kBool;
}

Result<ExpressionType> check_extract(Expression& call) {
  TRY(check_pattern(call));
  if (call.arguments.size() > 2) TRY(expect(call, 2, kLong));
  return kString;
}

Result<ExpressionType> check_replace(Expression& call) {
  TRY(check_pattern(call));
  call.arguments[2] = as_type(call.arguments[2], kString);
  return kString;
}

std::string_view text(const FunctionCall& call, size_t k, size_t i) {
  const Vector& v = call.argument(k);
  return v.strings[v.at(i)];
}

// f(lane, pattern) for lanes of values; a bad pattern gives null.
template <class F>
std::shared_ptr<Vector> each_match(const FunctionCall& call, F f) {
  auto out = result_vector(call);
  std::unique_ptr<RE2> pattern;
  for (size_t i = 0; i < call.size; ++i) {
    if (out->state(i) != kLaneValue) continue;
    std::string_view written = text(call, 1, i);
    if (!pattern || pattern->pattern() != piece(written)) {
      // It may take milliseconds. The evaluator tells why it ended.
      if (call.context.control && !call.context.control->check()) {
        out->set_null(i);
        continue;
      }
      pattern = std::make_unique<RE2>(piece(written), quiet());
    }
    if (pattern->ok()) {
      f(*out, i, *pattern);
    } else {
      out->set_null(i);
    }
  }
  return out;
}

std::shared_ptr<Vector> evaluate_like(const FunctionCall& call) {
  return each_match(call, [&](Vector& out, size_t i, const RE2& pattern) {
    out.longs[i] = RE2::PartialMatch(piece(text(call, 0, i)), pattern);
  });
}

// regexp_extract(text, pattern[, group]): group 0 is the whole match.
std::shared_ptr<Vector> evaluate_extract(const FunctionCall& call) {
  return each_match(call, [&](Vector& out, size_t i, const RE2& pattern) {
    int64_t group = 0;
    if (call.arguments.size() > 2) {
      const Vector& given = call.argument(2);
      group = given.longs[given.at(i)];
    }
    std::string_view in = text(call, 0, i);
    int groups = std::min(pattern.NumberOfCapturingGroups(), kMostGroups);
    std::vector<re2::StringPiece> found(static_cast<size_t>(groups) + 1);
    bool fits = group >= 0 && group <= groups;
    if (!fits || !pattern.Match(piece(in), 0, in.size(), RE2::UNANCHORED,
                                found.data(), groups + 1)) {
      return out.set_null(i);
    }
    const re2::StringPiece& part = found[static_cast<size_t>(group)];
    if (part.data() == nullptr) return out.set_null(i);
    out.strings[i] = {part.data(), part.size()};
  });
}

// Java's $1 is RE2's \1; a backslash takes the next letter as it is.
std::string replacement_of(std::string_view java) {
  std::string out;
  for (size_t i = 0; i < java.size(); ++i) {
    bool digit =
        i + 1 < java.size() && java[i + 1] >= '0' && java[i + 1] <= '9';
    if (java[i] == '$' && digit) {
      out += '\\';
    } else if (java[i] == '\\') {
      if (i + 1 < java.size()) ++i;
      out += java[i] == '\\' ? "\\\\" : std::string(1, java[i]);
    } else {
      out += java[i];
    }
  }
  return out;
}

std::shared_ptr<Vector> evaluate_replace(const FunctionCall& call) {
  return each_match(call, [&](Vector& out, size_t i, const RE2& pattern) {
    std::string changed(text(call, 0, i));
    std::string to = replacement_of(text(call, 2, i));
    if (to.size() + 1 > kMostReplaced / (changed.size() + 1)) {
      out.need_states();
      out.states[i] = kLaneOverflow;
      return;
    }
    std::string why;
    if (!pattern.CheckRewriteString(to, &why)) return out.set_null(i);
    RE2::GlobalReplace(&changed, pattern, to);
    out.strings[i] = call.context.arena.copy(changed);
  });
}

constexpr Function kFunctions[] = {
    {"regexp_like", 2, 2, check_like, evaluate_like},
    {"regexp_extract", 2, 3, check_extract, evaluate_extract},
    {"regexp_replace", 3, 3, check_replace, evaluate_replace, true},
};

}  // namespace

std::span<const Function> regexp_functions() { return kFunctions; }

}  // namespace freshet
