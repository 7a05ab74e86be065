// Content codings of HTTP: gzip and zstd bodies undone, gzip made. The only
// file of server/http that names zlib and zstd.
#pragma once

#include <string>
#include <string_view>

#include "segments/result.h"

namespace freshet {

// Undoes `coding` (the Content-Encoding header: "gzip", "x-gzip", "zstd",
// "identity", ""; not a list). kUnsupported for another coding, kInvalid for
// bytes that are not of that coding or end early, kLimit for more than
// `max_bytes`, and for more than 1 MiB that is 250 times the input or more (a
// bomb; events do not compress like that).
Result<std::string> undo_coding(std::string_view coding, std::string body,
                                size_t max_bytes);

// `body` as gzip at the fastest level.
std::string gzip_body(std::string_view body);

}  // namespace freshet
