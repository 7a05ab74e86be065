// Cuts a request body or a file into the texts of its events, by brackets and
// quotes alone; whether each text is good JSON is for the decoder.
#include "ingest/decoder.h"
#include "ingest/field_value.h"

namespace freshet {
namespace {

// Position behind the value that starts at `from`: a balanced object or array,
// a string, or a bare word. npos if it does not end.
size_t value_end(std::string_view text, size_t from) {
  size_t depth = 0;
  bool quoted = false;
  for (size_t i = from; i < text.size(); ++i) {
    char c = text[i];
    if (quoted) {
      if (c == '\\') ++i;
      if (c == '"') {
        quoted = false;
        if (depth == 0) return i + 1;
      }
      continue;
    }
    if (c == '"') {
      quoted = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if (c == '}' || c == ']') {
      if (depth == 0) return i;
      if (--depth == 0) return i + 1;
    } else if (c == ',' && depth == 0) {
      return i;
    }
  }
  return std::string_view::npos;
}

size_t skip_blanks(std::string_view text, size_t from) {
  size_t at = text.find_first_not_of(" \t\r\n", from);
  return at == std::string_view::npos ? text.size() : at;
}

Result<std::vector<std::string_view>> split_array(std::string_view body) {
  std::vector<std::string_view> events;
  size_t at = skip_blanks(body, 1);
  if (at < body.size() && body[at] == ']') {
    if (skip_blanks(body, at + 1) != body.size()) {
      return invalid("text after the end of the JSON array");
    }
    return events;
  }
  for (;;) {
    size_t end = value_end(body, at);
    if (end == std::string_view::npos || end == at) {
      return invalid("the JSON array does not end");
    }
    events.push_back(trim(body.substr(at, end - at)));
    at = skip_blanks(body, end);
    if (at == body.size()) return invalid("the JSON array does not end");
    if (body[at] == ']') break;
    if (body[at] != ',') {
      return invalid("no comma between two events of the JSON array");
    }
    at = skip_blanks(body, at + 1);
  }
  if (skip_blanks(body, at + 1) != body.size()) {
    return invalid("text after the end of the JSON array");
  }
  return events;
}

// Line by line; a line that is no object is left for the decoder to reject.
std::vector<std::string_view> split_lines(std::string_view body) {
  std::vector<std::string_view> events;
  for (size_t at = 0; at < body.size();) {
    size_t end = body.find('\n', at);
    if (end == std::string_view::npos) end = body.size();
    std::string_view line = trim(body.substr(at, end - at));
    if (!line.empty()) events.push_back(line);
    at = end + 1;
  }
  return events;
}

std::string_view without_frame(std::string_view body) {
  body = without_byte_order_mark(body);
  return trim(body);
}

}  // namespace

bool is_json_array(std::string_view body) {
  return without_frame(body).starts_with('[');
}

Result<std::vector<std::string_view>> split_json_events(std::string_view body) {
  body = without_frame(body);
  if (body.empty()) return std::vector<std::string_view>{};
  if (body[0] == '[') return split_array(body);
  if (body[0] != '{') {
    // Lines with an object among them are JSON lines with a bad start.
    if (body.find("\n{") != std::string_view::npos) return split_lines(body);
    return invalid(
        "the body is neither a JSON object, nor an array of them, nor JSON "
        "lines: it starts with " +
        shorten(body.substr(0, 20)));
  }
  // One object may be spread over lines; JSON lines have one on each.
  if (value_end(body, 0) == body.size()) {
    return std::vector<std::string_view>{body};
  }
  return split_lines(body);
}

}  // namespace freshet
