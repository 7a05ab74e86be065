// References to secrets inside texts of the model: ${env:NAME} and
// ${file:PATH}. Values never appear in messages.
#pragma once

#include <string>
#include <string_view>

#include "segments/result.h"

namespace freshet {

// `text` with every reference replaced; of a file its content without the last
// newline. kInvalid names the variable or the path that is missing, and any
// other "${...}".
Result<std::string> resolve_secrets(std::string_view text);

}  // namespace freshet
