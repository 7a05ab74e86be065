// An error as an answer carries it.
#pragma once

#include <string>
#include <string_view>

#include "segments/result.h"

namespace freshet {

// `message`, or its first 1,000 bytes (whole UTF-8 characters) and "…": a
// message may quote what was sent, of any length. Thread-safe.
std::string error_text(std::string_view message);

// {"error":{"code","message","details":[{"path","message"}],"request_id"}},
// with "line" and "column" where they are known, and no "request_id" if it is
// empty: of what several requests share.
std::string error_json(const Error& error, std::string_view request_id);

}  // namespace freshet
