// like, concat, lower, upper, substring, length, trim, position, replace, ...
// Upper and lower case are of ASCII letters; other characters stay.
#include <absl/strings/ascii.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "server/query/expression_type.h"
#include "server/query/function_table.h"
#include "server/query/letter_case.h"
#include "server/query/like_pattern.h"
#include "server/query/utf8.h"

namespace freshet {
namespace {

constexpr ExpressionType kString{ValueType::kString};
constexpr ExpressionType kLong{ValueType::kLong};
constexpr ExpressionType kBool{ValueType::kBool};

const std::string_view& text(const FunctionCall& call, size_t k, size_t i) {
  const Vector& v = call.argument(k);
  return v.strings[v.at(i)];
}

int64_t number(const FunctionCall& call, size_t k, size_t i) {
  const Vector& v = call.argument(k);
  return v.longs[v.at(i)];
}

// Everything is read as text.
Result<ExpressionType> check_texts(Expression& call) {
  for (auto& argument : call.arguments) argument = as_type(argument, kString);
  return kString;
}

// Text first, then longs; text again for the fill of lpad and rpad.
Result<ExpressionType> check_text_longs(Expression& call) {
  call.arguments[0] = as_type(call.arguments[0], kString);
  for (size_t i = 1; i < call.arguments.size(); ++i) {
    TRY(expect(call, i,
               i == 2 && call.name.ends_with("pad") ? kString : kLong));
  }
  return kString;
}

Result<ExpressionType> check_length(Expression& call) {
  TRY(check_texts(call));
  return kLong;
}

Result<ExpressionType> check_test(Expression& call) {
  TRY(check_texts(call));
  return kBool;
}

// like(text, pattern[, escape])
Result<ExpressionType> check_like(Expression& call) {
  TRY(check_texts(call));
  const std::string* escape = call.arguments.size() > 2
                                  ? call.arguments[2]->literal.as_string()
                                  : nullptr;
  if (escape && utf16_length(*escape) > 1) {
    return Error{ErrorCode::kInvalid,
                 "ESCAPE takes one character, not '" + *escape + "'", call.line,
                 call.column};
  }
  return kBool;
}

// f(lane) for lanes whose arguments are all values.
template <class F>
std::shared_ptr<Vector> each_value(const FunctionCall& call, F f) {
  auto out = result_vector(call);
  for (size_t i = 0; i < call.size; ++i) {
    if (out->state(i) == kLaneValue) f(*out, i);
  }
  return out;
}

// The first character, if there are more.
std::string_view escape_of(const FunctionCall& call, size_t i) {
  if (call.arguments.size() < 3 || text(call, 2, i).empty()) return {};
  const std::string_view all = text(call, 2, i);
  return all.substr(0, utf8_width(static_cast<unsigned char>(all[0])));
}

// Bytes of a text times those of its pattern: a match may take as many steps.
constexpr size_t kMostSteps = size_t{1} << 27;

std::shared_ptr<Vector> evaluate_like(const FunctionCall& call) {
  std::optional<LikePattern> shared;
  bool same = call.argument(1).constant;
  return each_value(call, [&](Vector& out, size_t i) {
    if (text(call, 1, i).size() > kMostSteps / (text(call, 0, i).size() + 1)) {
      out.need_states();
      out.states[i] = kLaneOverflow;
      return;
    }
    if (!same || !shared) shared.emplace(text(call, 1, i), escape_of(call, i));
    out.longs[i] = shared->matches(text(call, 0, i));
  });
}

std::shared_ptr<Vector> evaluate_concat(const FunctionCall& call) {
  return each_value(call, [&](Vector& out, size_t i) {
    size_t bytes = 0;
    for (size_t k = 0; k < call.arguments.size(); ++k) {
      bytes += text(call, k, i).size();
    }
    char* at = call.context.arena.allocate(bytes);
    out.strings[i] = {at, bytes};
    for (size_t k = 0; k < call.arguments.size(); ++k) {
      std::string_view part = text(call, k, i);
      if (!part.empty()) std::memcpy(at, part.data(), part.size());
      at += part.size();
    }
  });
}

template <bool kUpper>
std::shared_ptr<Vector> evaluate_letters(const FunctionCall& call) {
  std::string changed;
  return each_value(call, [&](Vector& out, size_t i) {
    change_case(text(call, 0, i), kUpper, changed);
    out.strings[i] = call.context.arena.copy(changed);
  });
}

std::string_view slice(std::string_view in, int64_t begin, int64_t end) {
  size_t from = utf16_offset(in, std::max<int64_t>(begin, 0));
  size_t to = utf16_offset(in, std::max<int64_t>(end, 0));
  return from < to ? in.substr(from, to - from) : std::string_view();
}

// substring(text, start[, length]), start from 1.
std::shared_ptr<Vector> evaluate_substring(const FunctionCall& call) {
  return each_value(call, [&](Vector& out, size_t i) {
    int64_t begin = number(call, 1, i);
    int64_t end = std::numeric_limits<int64_t>::max();
    if (call.arguments.size() > 2) {
      int64_t length = std::max<int64_t>(number(call, 2, i), 0);
      if (__builtin_add_overflow(begin, length, &end)) {
        end = std::numeric_limits<int64_t>::max();
      }
    }
    out.strings[i] = begin > 0 ? slice(text(call, 0, i), begin - 1, end - 1)
                               : slice(text(call, 0, i), 0, end - 1);
  });
}

std::shared_ptr<Vector> evaluate_left(const FunctionCall& call) {
  return each_value(call, [&](Vector& out, size_t i) {
    out.strings[i] = slice(text(call, 0, i), 0, number(call, 1, i));
  });
}

std::shared_ptr<Vector> evaluate_right(const FunctionCall& call) {
  return each_value(call, [&](Vector& out, size_t i) {
    std::string_view in = text(call, 0, i);
    int64_t length = utf16_length(in);
    int64_t wanted = std::clamp<int64_t>(number(call, 1, i), 0, length);
    out.strings[i] = slice(in, length - wanted, length);
  });
}

std::shared_ptr<Vector> evaluate_length(const FunctionCall& call) {
  return each_value(call, [&](Vector& out, size_t i) {
    out.longs[i] = utf16_length(text(call, 0, i));
  });
}

// Whole characters of `set`, which may have several bytes each.
std::string_view trimmed(std::string_view in, std::string_view set, bool left,
                         bool right) {
  auto is_continued = [](char c) { return (c & 0xC0) == 0x80; };
  // The characters of UTF-8 are found whole: none is a part of another.
  auto in_set = [&](std::string_view character) {
    return set.find(character) != std::string_view::npos;
  };
  while (left && !in.empty()) {
    size_t width =
        std::min(utf8_width(static_cast<unsigned char>(in[0])), in.size());
    if (!in_set(in.substr(0, width))) break;
    in.remove_prefix(width);
  }
  while (right && !in.empty()) {
    size_t last = in.size() - 1;
    while (last > 0 && is_continued(in[last])) --last;
    if (!in_set(in.substr(last))) break;
    in.remove_suffix(in.size() - last);
  }
  return in;
}

template <bool kLeft, bool kRight>
std::shared_ptr<Vector> evaluate_trim(const FunctionCall& call) {
  return each_value(call, [&](Vector& out, size_t i) {
    std::string_view set = call.arguments.size() > 1 ? text(call, 1, i) : " ";
    out.strings[i] = trimmed(text(call, 0, i), set, kLeft, kRight);
  });
}

// Two texts; where the search begins, from 1, may follow.
Result<ExpressionType> check_position(Expression& call) {
  for (size_t i = 0; i < 2; ++i) {
    call.arguments[i] = as_type(call.arguments[i], kString);
  }
  if (call.arguments.size() > 2) TRY(expect(call, 2, kLong));
  return kLong;
}

// position(needle, text[, first]): from 1, 0 if absent; strpos(text, needle).
std::shared_ptr<Vector> evaluate_position(const FunctionCall& call) {
  const bool needle_first = call.expression.name == "position";
  return each_value(call, [&](Vector& out, size_t i) {
    std::string_view hay = text(call, needle_first ? 1 : 0, i);
    const bool from = call.arguments.size() > 2 && number(call, 2, i) > 1;
    size_t first = from ? utf16_offset(hay, number(call, 2, i) - 1) : 0;
    size_t at = hay.find(text(call, needle_first ? 0 : 1, i), first);
    out.longs[i] =
        at == std::string_view::npos ? 0 : utf16_length(hay.substr(0, at)) + 1;
  });
}

std::string replaced(std::string_view in, std::string_view from,
                     std::string_view to) {
  std::string out;
  size_t at = 0;
  while (!from.empty()) {
    size_t next = in.find(from, at);
    if (next == std::string_view::npos) break;
    out.append(in.substr(at, next - at)).append(to);
    at = next + from.size();
  }
  return out.append(in.substr(at));
}

constexpr size_t kMostReplaced = size_t{256} << 10;  // bytes of a result

std::shared_ptr<Vector> evaluate_replace(const FunctionCall& call) {
  return each_value(call, [&](Vector& out, size_t i) {
    size_t times = text(call, 0, i).size() + 1;
    if (text(call, 2, i).size() + 1 > kMostReplaced / times) {
      out.need_states();
      out.states[i] = kLaneOverflow;
      return;
    }
    out.strings[i] = call.context.arena.copy(
        replaced(text(call, 0, i), text(call, 1, i), text(call, 2, i)));
  });
}

std::shared_ptr<Vector> evaluate_reverse(const FunctionCall& call) {
  return each_value(call, [&](Vector& out, size_t i) {
    std::string_view in = text(call, 0, i);
    char* to = call.context.arena.allocate(in.size());
    for (size_t at = 0; at < in.size();) {
      size_t width = std::min(utf8_width(static_cast<unsigned char>(in[at])),
                              in.size() - at);
      std::memcpy(to + in.size() - at - width, in.data() + at, width);
      at += width;
    }
    out.strings[i] = {to, in.size()};
  });
}

// UTF-16 units of a padded text: more is an error of the row.
constexpr int64_t kMaxPadded = 1 << 16;

std::shared_ptr<Vector> evaluate_pad(const FunctionCall& call) {
  const bool left = call.expression.name == "lpad";
  return each_value(call, [&](Vector& out, size_t i) {
    std::string_view in = text(call, 0, i);
    std::string_view fill = call.arguments.size() > 2 ? text(call, 2, i) : " ";
    const int64_t wanted = std::max<int64_t>(number(call, 1, i), 0);
    const int64_t missing = wanted - utf16_length(in);
    const int64_t step = utf16_length(fill);
    if (missing <= 0 || step == 0) {
      out.strings[i] = slice(in, 0, wanted);
      return;
    }
    if (wanted > kMaxPadded) {
      out.need_states();
      out.states[i] = kLaneOverflow;
      return;
    }
    std::string padding;
    for (int64_t n = 0; n < missing; n += step) padding += fill;
    std::string_view cut = slice(padding, 0, missing);
    std::string joined =
        left ? std::string(cut).append(in) : std::string(in).append(cut);
    out.strings[i] = call.context.arena.copy(joined);
  });
}

std::shared_ptr<Vector> evaluate_contains(const FunctionCall& call) {
  const bool any_case = call.expression.name == "icontains_string";
  const bool same = call.argument(1).constant;
  std::string hay, needle;
  return each_value(call, [&](Vector& out, size_t i) {
    std::string_view in = text(call, 0, i), wanted = text(call, 1, i);
    if (any_case) {
      change_case(in, false, hay);
      if (!same || needle.empty()) change_case(wanted, false, needle);
      in = hay;
      wanted = needle;
    }
    out.longs[i] = in.find(wanted) != std::string_view::npos;
  });
}

constexpr Function kFunctions[] = {
    {"like", 2, 3, check_like, evaluate_like},
    {"concat", 1, -1, check_texts, evaluate_concat, true},
    {"||", 2, -1, check_texts, evaluate_concat, true},
    {"lower", 1, 1, check_texts, evaluate_letters<false>},
    {"upper", 1, 1, check_texts, evaluate_letters<true>},
    {"substring", 2, 3, check_text_longs, evaluate_substring},
    {"left", 2, 2, check_text_longs, evaluate_left},
    {"right", 2, 2, check_text_longs, evaluate_right},
    {"length", 1, 1, check_length, evaluate_length},
    {"trim", 1, 2, check_texts, evaluate_trim<true, true>},
    {"ltrim", 1, 2, check_texts, evaluate_trim<true, false>},
    {"rtrim", 1, 2, check_texts, evaluate_trim<false, true>},
    {"position", 2, 3, check_position, evaluate_position},
    {"strpos", 2, 2, check_length, evaluate_position},
    {"replace", 3, 3, check_texts, evaluate_replace, true},
    {"reverse", 1, 1, check_texts, evaluate_reverse},
    {"lpad", 2, 3, check_text_longs, evaluate_pad, true},
    {"rpad", 2, 3, check_text_longs, evaluate_pad, true},
    {"contains_string", 2, 2, check_test, evaluate_contains},
    {"icontains_string", 2, 2, check_test, evaluate_contains},
};

}  // namespace

std::span<const Function> string_functions() { return kFunctions; }

}  // namespace freshet
