#include "server/druid/native_member.h"

#include <fmt/format.h>

#include <algorithm>

#include "server/sql/letters.h"

namespace freshet {

std::string_view native_type(const JsonValue& node) {
  const JsonValue* type = node.find("type");
  return type && type->as_string() ? std::string_view(*type->as_string())
                                   : std::string_view();
}

Error native_unsupported(std::string_view what, std::string_view type) {
  if (type.empty()) return invalid(fmt::format("{} has no 'type'", what));
  return Error{ErrorCode::kUnsupported,
               fmt::format("{} is not supported: {}", what, type)};
}

Result<std::string> native_text(const JsonValue& node, const char* name) {
  TRY_ASSIGN(auto text, native_optional_text(node, name));
  if (text) return *text;
  return invalid(fmt::format("'{}' must be a text", name));
}

Result<std::optional<std::string>> native_optional_text(const JsonValue& node,
                                                        const char* name) {
  const JsonValue* member = node.find(name);
  if (!member || member->is_null()) return std::optional<std::string>();
  if (member->as_string()) return std::optional(*member->as_string());
  return invalid(
      fmt::format("'{}' must be a text, not {}", name, member->type_name()));
}

Result<std::optional<std::vector<std::string>>> native_texts(
    const JsonValue& node, const char* name) {
  const JsonValue* member = node.find(name);
  if (!member || member->is_null()) {
    return std::optional<std::vector<std::string>>();
  }
  if (!member->as_array()) {
    return invalid(fmt::format("'{}' must be a list of texts, not {}", name,
                               member->type_name()));
  }
  std::vector<std::string> out;
  for (const JsonValue& entry : *member->as_array()) {
    if (!entry.as_string()) {
      return invalid(fmt::format("'{}' must be a list of texts: one is {}",
                                 name, entry.type_name()));
    }
    out.push_back(*entry.as_string());
  }
  return std::optional(std::move(out));
}

Result<std::optional<std::string>> native_choice(
    const JsonValue& node, const char* name,
    std::initializer_list<std::string_view> choices) {
  TRY_ASSIGN(auto text, native_optional_text(node, name));
  if (!text || text->empty()) return std::optional<std::string>();
  std::string all;
  for (std::string_view choice : choices) {
    if (same_letters(choice, *text)) {
      return std::optional(std::string(choice));
    }
    all += (all.empty() ? "" : ", ") + std::string(choice);
  }
  return invalid(fmt::format("'{}' is one of {}, not: {}", name, all, *text));
}

Result<std::string> native_ordering(
    const JsonValue& node, const char* name,
    std::initializer_list<std::string_view> known) {
  const JsonValue* member = node.find(name);
  const bool nested = member && member->as_object();
  TRY_ASSIGN(auto found,
             native_choice(nested ? *member : node, nested ? "type" : name,
                           {"lexicographic", "alphanumeric", "numeric",
                            "strlen", "version"}));
  std::string ordering = found.value_or("lexicographic");
  if (std::find(known.begin(), known.end(), ordering) != known.end()) {
    return ordering;
  }
  return native_unsupported(fmt::format("this '{}'", name), ordering);
}

Result<std::string> native_dimension_name(const JsonValue& spec) {
  if (const std::string* alone = spec.as_string()) return *alone;
  return native_text(spec, "dimension");
}

Status check_native_names(std::vector<std::string> names) {
  std::sort(names.begin(), names.end());
  auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice == names.end()) return {};
  return invalid("two outputs have the name: " + *twice);
}

}  // namespace freshet
