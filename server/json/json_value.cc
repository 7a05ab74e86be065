#include "server/json/json_value.h"

#include <fmt/core.h>
#include <simdjson.h>

#include <algorithm>
#include <unordered_set>

#include "server/json/json_fault.h"

namespace freshet {
namespace {

Error fault_at(std::string_view text, const char* what) {
  size_t at = std::min(find_json_fault(text), text.size());
  Error error{ErrorCode::kInvalid, "", 1, 1};
  for (char c : text.substr(0, at)) {
    error.line += c == '\n';
    error.column = c == '\n' ? 1 : error.column + 1;
  }
  error.message = fmt::format("not JSON at line {} column {}: {}", error.line,
                              error.column, what);
  return error;
}

Error too_deep(int limit) {
  return invalid(
      fmt::format("JSON is nested deeper than the limit of {}", limit));
}

// `depth` more levels may follow.
Result<JsonValue> convert(simdjson::dom::element element, int depth);

Result<JsonValue> convert_array(simdjson::dom::array array, int depth) {
  if (depth == 0) return Error{ErrorCode::kLimit, ""};
  JsonArray out;
  for (auto item : array) {
    auto value = convert(item, depth - 1);
    if (!value) return at_path(fmt::format("[{}]", out.size()), value.error());
    out.push_back(std::move(*value));
  }
  return JsonValue(std::move(out));
}

Result<JsonValue> convert_object(simdjson::dom::object object, int depth) {
  if (depth == 0) return Error{ErrorCode::kLimit, ""};
  JsonObject out;
  std::unordered_set<std::string_view> names;
  for (auto member : object) {
    if (!names.insert(member.key).second) {
      return at_path(member.key,
                     invalid(fmt::format("duplicate name in a JSON object: {}",
                                         std::string_view(member.key))));
    }
    auto value = convert(member.value, depth - 1);
    if (!value) return at_path(member.key, value.error());
    out.emplace_back(std::string(member.key), std::move(*value));
  }
  return JsonValue(std::move(out));
}

Result<JsonValue> convert(simdjson::dom::element element, int depth) {
  using simdjson::dom::element_type;
  switch (element.type()) {
    case element_type::ARRAY:
      return convert_array(element.get_array().value_unsafe(), depth);
    case element_type::OBJECT:
      return convert_object(element.get_object().value_unsafe(), depth);
    case element_type::INT64:
      return JsonValue(int64_t{element.get_int64().value_unsafe()});
    case element_type::UINT64:  // above INT64_MAX
      return JsonValue(
          static_cast<double>(element.get_uint64().value_unsafe()));
    case element_type::DOUBLE:
      return JsonValue(element.get_double().value_unsafe());
    case element_type::STRING:
      return JsonValue(std::string(element.get_string().value_unsafe()));
    case element_type::BOOL:
      return JsonValue(bool{element.get_bool().value_unsafe()});
    case element_type::NULL_VALUE:
      break;
  }
  return JsonValue();
}

std::string lower(std::string_view s) {
  std::string out(s);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c += 'a' - 'A';
  }
  return out;
}

// Levenshtein distance.
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      size_t replace = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replace});
    }
  }
  return row[b.size()];
}

}  // namespace

const JsonValue* JsonValue::find(std::string_view name) const {
  const JsonObject* object = as_object();
  if (object == nullptr) return nullptr;
  for (const auto& [key, value] : *object) {
    if (key == name) return &value;
  }
  return nullptr;
}

const char* JsonValue::type_name() const {
  static constexpr const char* kNames[] = {
      "null", "boolean", "number", "number", "string", "array", "object"};
  return kNames[value_.index()];
}

Result<JsonValue> parse_json(std::string_view text, int max_depth) {
  simdjson::dom::parser parser;
  simdjson::padded_string padded(text);
  // Deeper than the limit, so that a level too many is told as such.
  auto error = parser.allocate(padded.size() + 1, max_depth + 8);
  simdjson::dom::element root;
  if (!error) error = parser.parse(padded).get(root);
  if (error == simdjson::DEPTH_ERROR) return too_deep(max_depth);
  if (error) return fault_at(text, simdjson::error_message(error));
  auto value = convert(root, max_depth);
  if (!value && value.error().code == ErrorCode::kLimit) {
    return too_deep(max_depth);
  }
  return value;
}

std::string nearest_name(std::string_view name,
                         const std::vector<std::string>& known) {
  constexpr size_t kLongestName = 256;  // beyond it the answer is no help
  if (name.size() > kLongestName) return "";
  std::string wanted = lower(name);
  size_t least = std::max<size_t>(2, name.size() / 3) + 1;
  std::string nearest;
  for (const std::string& candidate : known) {
    if (candidate.size() > kLongestName) continue;
    size_t distance = edit_distance(wanted, lower(candidate));
    bool anything_fits = distance >= std::max(name.size(), candidate.size());
    if (distance < least && !anything_fits) {
      least = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

}  // namespace freshet
