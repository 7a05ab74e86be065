// The request target of HTTP ("/d/trading?range=today") as path and query.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "segments/result.h"

namespace freshet {

struct Target {
  std::string path;  // as HttpRequest::path
  std::vector<std::pair<std::string, std::string>> query;
  // Of a target in absolute form ("http://HOST/PATH"), which then takes the
  // place of the Host header; otherwise empty.
  std::string authority;
};

// Decodes and canonicalises once, before routing and authorising. kInvalid for
// a target that is no path, broken escapes, control characters, invalid
// UTF-8, and empty, "." or ".." parts inside the path.
Result<Target> parse_target(std::string_view target);

// A part of HttpRequest::path with its last escapes undone.
std::string decode_part(std::string_view part);

}  // namespace freshet
