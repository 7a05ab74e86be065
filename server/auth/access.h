// Who may call: a bearer token when one is configured. Rules for listening
// beyond loopback.
#pragma once

#include <string>
#include <string_view>

#include "segments/result.h"

namespace freshet {

struct AccessSettings {
  std::string listen;
  std::string token;  // empty: no token is asked for
  std::string tls_certificate, tls_key;
  bool insecure = false;
};

// kInvalid unless `listen` is loopback, or TLS files and a token are set, or
// `insecure` says so; the message says what to set.
Status check_exposure(const AccessSettings& settings);

// Compares in constant time. Accepts "Authorization: Bearer T", "Basic
// base64(user:T)" and the cookie "freshet_token=T". kUnauthorized otherwise.
Status check_token(std::string_view token, std::string_view authorization,
                   std::string_view cookie);

bool is_loopback(std::string_view listen);

}  // namespace freshet
