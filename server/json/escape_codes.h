// Escapes by code in JSON text.
#pragma once

#include <string>
#include <string_view>

namespace freshet {

// `text` with \uXXXX as the characters themselves: it reads the same as JSON,
// and as YAML. What YAML would not take as it is stays: control characters and
// the line breaks of Unicode. Text that is no JSON document comes back as it
// is, since there a backslash may be just that.
std::string without_escape_codes(std::string_view text);

}  // namespace freshet
