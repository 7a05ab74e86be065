// The TLS side of the listener: certificate and key from PEM files. Private to
// server/http.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <string>

#include "segments/result.h"

namespace freshet {

// TLS 1.2 and newer, with OpenSSL's own choice of ciphers. kInvalid names the
// file that cannot be used.
Result<std::shared_ptr<boost::asio::ssl::context>> load_tls_context(
    const std::string& certificate, const std::string& key);

// Changes when a file does; for noticing that certificates were renewed.
std::string file_stamp(const std::string& certificate, const std::string& key);

}  // namespace freshet
