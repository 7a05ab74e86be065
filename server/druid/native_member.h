// Members of a native query's JSON. Absent and null are the same; a wrong type
// or word is kInvalid and names the member.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/json/json_value.h"

namespace freshet {

// "type" of a node, or "".
std::string_view native_type(const JsonValue& node);
// What we lack, with its Druid name; kInvalid when the name is not there.
Error native_unsupported(std::string_view what, std::string_view type);

// A member that must be a text.
Result<std::string> native_text(const JsonValue& node, const char* name);
// A member that may be a text.
Result<std::optional<std::string>> native_optional_text(const JsonValue& node,
                                                        const char* name);
// A member that may be a list of texts.
Result<std::optional<std::vector<std::string>>> native_texts(
    const JsonValue& node, const char* name);
// A member that may be one of `choices`, as spelled there; case is of no
// account and "" is as absent.
Result<std::optional<std::string>> native_choice(
    const JsonValue& node, const char* name,
    std::initializer_list<std::string_view> choices);
// One of Druid's sorting orders, as a text or as {"type"}; lexicographic if
// absent. kUnsupported when it is none of `known`.
Result<std::string> native_ordering(
    const JsonValue& node, const char* name,
    std::initializer_list<std::string_view> known = {"lexicographic",
                                                     "numeric"});
// A name alone, or "dimension" of a spec.
Result<std::string> native_dimension_name(const JsonValue& spec);
// kInvalid when a name is there twice: they are keys of one object.
Status check_native_names(std::vector<std::string> names);

}  // namespace freshet
