// Where a text stops being JSON. Only for error messages: simdjson's tree
// parser says what is wrong, but not where.
#pragma once

#include <cstddef>
#include <string_view>

namespace freshet {

// Byte position of the first token that no JSON document could have there;
// text.size() if the text ends too early or no fault is found. Looks at most
// 1000 levels deep.
size_t find_json_fault(std::string_view text);

}  // namespace freshet
