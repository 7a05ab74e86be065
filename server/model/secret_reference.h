// References to secrets inside texts of the model: ${env:NAME} and
// ${file:PATH}. Values never appear in messages.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "segments/result.h"

namespace freshet {

// `text` with every reference replaced; of a file its content without the last
// newline. kInvalid names the variable or the path that is missing, no regular
// file or empty, and any other "${...}".
Result<std::string> resolve_secrets(std::string_view text);

// Adds the paths of all ${file:PATH} in `text`, which may be a whole file of
// the model: whoever holds what they resolved to watches them.
void note_secret_files(std::string_view text, std::set<std::string>& paths);

}  // namespace freshet
