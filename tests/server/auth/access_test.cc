#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include "server/auth/access.h"

#include <doctest/doctest.h>

namespace freshet {
namespace {

AccessSettings settings(std::string listen, std::string token,
                        std::string certificate, std::string key,
                        bool insecure = false) {
  return {listen, token, certificate, key, insecure};
}

TEST_CASE("loopback is 127.0.0.0/8, ::1 and localhost") {
  for (const char* yes : {"127.0.0.1:8080", "127.0.0.1", "127.255.3.4:1",
                          "localhost:80", "LocalHost", "[::1]:8080", "::1"}) {
    CAPTURE(yes);
    CHECK(is_loopback(yes));
  }
  for (const char* no :
       {"0.0.0.0:8080", ":8080", "", "*:80", "[::]:8080", "128.0.0.1:1",
        "127.0.0.1.evil.example:80", "127.0.0:80", "127.0.0.256:1",
        "localhost.evil.example", "10.0.0.1:80", "[::1", "127.0.0.1x"}) {
    CAPTURE(no);
    CHECK_FALSE(is_loopback(no));
  }
}

TEST_CASE("beyond loopback: TLS and a token, or an explicit word") {
  CHECK(check_exposure(settings("127.0.0.1:80", "", "", "")).has_value());
  CHECK(check_exposure(settings("0.0.0.0:80", "t", "c.pem", "k.pem"))
            .has_value());
  CHECK(check_exposure(settings("0.0.0.0:80", "", "", "", true)).has_value());
  auto no_tls = check_exposure(settings("0.0.0.0:80", "t", "", ""));
  REQUIRE_FALSE(no_tls.has_value());
  CHECK(no_tls.error().code == ErrorCode::kInvalid);
  CHECK(no_tls.error().message.find("tls_certificate") != std::string::npos);
  CHECK(no_tls.error().message.find("and a token") == std::string::npos);
  auto no_token = check_exposure(settings("[::]:80", "", "c", "k"));
  REQUIRE_FALSE(no_token.has_value());
  CHECK(no_token.error().message.find("a token") != std::string::npos);
  CHECK_FALSE(
      check_exposure(settings("127.0.0.1:80", "", "c", "")).has_value());
  CHECK_FALSE(
      check_exposure(settings("0.0.0.0:80", "t", "", "k", true)).has_value());
}

TEST_CASE("a token by bearer, basic or cookie") {
  struct Case {
    const char* authorization;
    const char* cookie;
    bool right;
  };
  const Case cases[] = {
      {"Bearer secret", "", true},
      {"bearer  secret ", "", true},
      {"Bearer secre", "", false},
      {"Bearer secret2", "", false},
      {"Bearer", "", false},
      {"Bearer ", "", false},
      {"secret", "", false},
      {"Basic dXNlcjpzZWNyZXQ=", "", true},   // user:secret
      {"Basic OnNlY3JldA==", "", true},       // :secret
      {"Basic c2VjcmV0", "", false},          // secret
      {"Basic dXNlcjpzZWNyZXR4", "", false},  // user:secretx
      {"Basic !!!", "", false},
      {"", "freshet_token=secret", true},
      {"", "a=b; freshet_token=secret; c=d", true},
      {"", "xfreshet_token=secret", false},
      {"", "freshet_token=wrong", false},
      {"", "", false},
      {"Bearer wrong", "freshet_token=secret", false},
  };
  for (const Case& c : cases) {
    CAPTURE(c.authorization);
    CAPTURE(c.cookie);
    Status status = check_token("secret", c.authorization, c.cookie);
    CHECK(status.has_value() == c.right);
    if (!status) CHECK(status.error().code == ErrorCode::kUnauthorized);
  }
  // No token set is no token guessed.
  CHECK_FALSE(check_token("", "Bearer ", "").has_value());
  CHECK_FALSE(check_token("", "Basic Og==", "freshet_token=").has_value());
}

}  // namespace
}  // namespace freshet
