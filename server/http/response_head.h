// The head of a response as bytes, with the headers that all responses have.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "server/http/http.h"

namespace freshet {

struct ResponseFrame {
  std::string request_id;
  bool keep_alive = true;
  bool tls = false;
  // Of the body; without it the body is chunked, or, for HTTP/1.0, ends with
  // the connection.
  std::optional<size_t> content_length;
  bool chunked = false;
};

// Status line and headers, up to and with the blank line. A handler's header
// replaces a default of the same name; one with a line end in it is left out.
std::string response_head(const HttpResponse& response,
                          const ResponseFrame& frame);

}  // namespace freshet
