// The message of an error as an answer carries it.
#pragma once

#include <string>
#include <string_view>

namespace freshet {

// `message`, or its first 1,000 bytes (whole UTF-8 characters) and "…": a
// message may quote what was sent, of any length. Thread-safe.
std::string error_text(std::string_view message);

}  // namespace freshet
