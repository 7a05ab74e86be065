#include "server/model/dimension_filter.h"

#include <algorithm>

#include "server/json/json_value.h"

namespace freshet {
namespace {

// A character of the filter, and whether it was escaped.
struct Letter {
  char c;
  bool literal;
};

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

Result<std::vector<Letter>> unescape(std::string_view text) {
  std::vector<Letter> out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\') {
      if (++i == text.size()) {
        return invalid("the filter ends in a single backslash: " +
                       std::string(text));
      }
      out.push_back({text[i], true});
    } else if (text[i] == '%' && i + 2 < text.size() &&
               hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0) {
      int byte = hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]);
      out.push_back({static_cast<char>(byte), true});
      i += 2;
    } else {
      out.push_back({text[i], false});
    }
  }
  return out;
}

std::vector<std::vector<Letter>> split(const std::vector<Letter>& letters,
                                       char separator) {
  std::vector<std::vector<Letter>> parts(1);
  for (const Letter& letter : letters) {
    if (!letter.literal && letter.c == separator) {
      parts.emplace_back();
    } else {
      parts.back().push_back(letter);
    }
  }
  return parts;
}

std::string plain(const std::vector<Letter>& letters) {
  std::string out;
  for (const Letter& letter : letters) out += letter.c;
  return out;
}

bool is_word(const std::vector<Letter>& letters, std::string_view word) {
  return plain(letters) == word &&
         std::none_of(letters.begin(), letters.end(),
                      [](const Letter& l) { return l.literal; });
}

ExpressionPtr any_of_values(const std::string& name,
                            const std::vector<ExpressionPtr>& values) {
  if (values.size() == 1) return call("=", {column(name), values[0]});
  std::vector<ExpressionPtr> arguments = {column(name)};
  arguments.insert(arguments.end(), values.begin(), values.end());
  return call("in", std::move(arguments));
}

ExpressionPtr condition(const std::string& name, bool exclude, bool with_null,
                        const std::vector<ExpressionPtr>& values) {
  ExpressionPtr is_null = call("is_null", {column(name)});
  if (values.empty()) return exclude ? call("not", {is_null}) : is_null;
  ExpressionPtr one = any_of_values(name, values);
  if (!exclude) return with_null ? call("or", {is_null, one}) : one;
  ExpressionPtr none = call("not", {one});
  // A missing value is none of the excluded ones.
  return with_null ? none : call("or", {is_null, none});
}

Result<ExpressionPtr> parse_clause(const std::vector<Letter>& letters,
                                   const std::vector<std::string>& allowed,
                                   std::string_view whose) {
  auto colon = std::find_if(letters.begin(), letters.end(),
                            [](Letter l) { return !l.literal && l.c == ':'; });
  if (colon == letters.end()) {
    return invalid("a filter is NAME:VALUE[,VALUE], not '" + plain(letters) +
                   "'");
  }
  std::string name = plain({letters.begin(), colon});
  if (std::find(allowed.begin(), allowed.end(), name) == allowed.end()) {
    std::string near = nearest_name(name, allowed);
    return invalid("'" + name + "' isn't a dimension of " + std::string(whose) +
                   (near.empty() ? "" : "; did you mean '" + near + "'?"));
  }
  std::vector<Letter> rest(colon + 1, letters.end());
  bool exclude = !rest.empty() && !rest[0].literal && rest[0].c == '!';
  if (exclude) rest.erase(rest.begin());
  bool with_null = false;
  std::vector<ExpressionPtr> values;
  for (const std::vector<Letter>& value : split(rest, ',')) {
    if (value.empty()) {
      return invalid("an empty value in the filter of '" + name +
                     "'; the empty text is written \"\"");
    }
    if (!value[0].literal && value[0].c == '!') {
      return invalid(
          "'!' stands once, before the first value, in the filter "
          "of '" +
          name + "'");
    }
    if (is_word(value, "null")) {
      with_null = true;
    } else if (is_word(value, "\"\"")) {
      values.push_back(literal(Value("")));
    } else {
      values.push_back(literal(Value(plain(value))));
    }
  }
  return condition(name, exclude, with_null, values);
}

}  // namespace

Result<ExpressionPtr> parse_dimension_filter(
    std::string_view text, const std::vector<std::string>& allowed,
    std::string_view whose) {
  if (text.empty()) return ExpressionPtr();
  TRY_ASSIGN(std::vector<Letter> letters, unescape(text));
  std::vector<ExpressionPtr> clauses;
  for (const std::vector<Letter>& part : split(letters, ';')) {
    TRY_ASSIGN(ExpressionPtr clause, parse_clause(part, allowed, whose));
    clauses.push_back(std::move(clause));
  }
  if (clauses.size() == 1) return clauses[0];
  return call("and", std::move(clauses));
}

bool filter_holds(const Expression& filter, const Value& value) {
  auto holds = [&](const ExpressionPtr& e) { return filter_holds(*e, value); };
  const std::vector<ExpressionPtr>& arguments = filter.arguments;
  if (filter.name == "and") {
    return std::all_of(arguments.begin(), arguments.end(), holds);
  }
  if (filter.name == "or") {
    return std::any_of(arguments.begin(), arguments.end(), holds);
  }
  if (filter.name == "not") return !holds(arguments[0]);
  if (filter.name == "is_null") return value.is_null();
  return !value.is_null() &&
         std::any_of(arguments.begin() + 1, arguments.end(),
                     [&](const ExpressionPtr& e) {
                       return e->literal.to_text() == value.to_text();
                     });
}

}  // namespace freshet
