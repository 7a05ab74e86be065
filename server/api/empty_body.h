// For routes that take no body.
#pragma once

#include <string>

#include "segments/result.h"

namespace freshet {

// Good: nothing, or {}. kInvalid names the first key, or what is no object.
Status check_empty_body(const std::string& body);

}  // namespace freshet
