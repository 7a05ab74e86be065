#include "server/api/openapi_schema.h"

#include <algorithm>
#include <string>

namespace freshet {
namespace {

constexpr std::string_view kPlain[] = {"string",  "integer", "number",
                                       "boolean", "object",  "null"};

bool is_plain(std::string_view type) {
  return std::find(std::begin(kPlain), std::end(kPlain), type) !=
         std::end(kPlain);
}

std::string_view inside(std::string_view type) {
  return type.substr(1, type.size() - 2);
}

void write_choice(JsonWriter& out, std::string_view names) {
  out.begin_object().field("type", "string").key("enum").begin_array();
  while (!names.empty()) {
    size_t end = std::min(names.find(','), names.size());
    out.value(names.substr(0, end));
    names.remove_prefix(std::min(end + 1, names.size()));
  }
  out.end_array().end_object();
}

// Of the first '|' that is not in brackets; or npos.
size_t find_or(std::string_view type) {
  int depth = 0;
  for (size_t i = 0; i < type.size(); ++i) {
    if (type[i] == '[' || type[i] == '{') ++depth;
    if (type[i] == ']' || type[i] == '}') --depth;
    if (type[i] == '|' && depth == 0) return i;
  }
  return std::string_view::npos;
}

void write_either(JsonWriter& out, std::string_view type) {
  out.begin_object().key("anyOf").begin_array();
  while (!type.empty()) {
    size_t end = std::min(find_or(type), type.size());
    write_type(out, type.substr(0, end));
    type.remove_prefix(std::min(end + 1, type.size()));
  }
  out.end_array().end_object();
}

}  // namespace

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  while (!text.empty()) {
    size_t end = std::min(text.find(' '), text.size());
    if (end > 0) words.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

void write_type(JsonWriter& out, std::string_view type) {
  if (find_or(type) != type.npos) return write_either(out, type);
  if (type.front() == '(') return write_choice(out, inside(type));
  out.begin_object();
  if (type.front() == '[') {
    out.field("type", "array").key("items");
    write_type(out, inside(type));
  } else if (type.front() == '{') {
    out.field("type", "object").key("additionalProperties");
    write_type(out, inside(type));
  } else if (type == "time") {
    out.field("type", "string").field("format", "date-time");
  } else if (is_plain(type)) {
    out.field("type", type);
  } else if (type != "any") {
    std::string place = "#/components/schemas/" + std::string(type);
    out.field("$ref", std::string_view(place));
  }
  out.end_object();
}

void write_shape(JsonWriter& out, const NamedShape& shape) {
  std::vector<std::string_view> required;
  bool closed = false, others = false;
  out.begin_object().field("type", "object").key("properties").begin_object();
  for (std::string_view word : words_of(shape.members)) {
    if (word == "." || word == "...") {
      closed = word == ".";
      others = !closed;
      continue;
    }
    std::string_view name = word.substr(0, word.find(':'));
    std::string_view type = word.substr(name.size() + 1);
    if (name.ends_with('?')) {
      name.remove_suffix(1);
    } else {
      required.push_back(name);
    }
    out.key(name);
    write_type(out, type);
  }
  out.end_object();
  if (!required.empty()) {
    out.key("required").begin_array();
    for (std::string_view name : required) out.value(name);
    out.end_array();
  }
  if (closed || others) out.field("additionalProperties", others);
  if (*shape.example) out.key("example").raw(shape.example);
  out.end_object();
}

}  // namespace freshet
