// Which codings a client takes: the Accept-Encoding header.
#pragma once

#include <string_view>

namespace freshet {

// Whether `header` names `coding` ("gzip", "br") with a weight above 0, or
// else "*" with one. A missing header takes none but identity.
bool accepts_encoding(std::string_view header, std::string_view coding);

}  // namespace freshet
