#include "server/auth/access.h"

#include <sodium.h>

#include <optional>
#include <vector>

namespace freshet {
namespace {

bool same_secret(std::string_view a, std::string_view b) {
  // Hashed first: the time then tells nothing of the length either.
  unsigned char left[crypto_generichash_BYTES];
  unsigned char right[crypto_generichash_BYTES];
  auto hash = [](unsigned char* out, std::string_view text) {
    crypto_generichash(out, crypto_generichash_BYTES,
                       reinterpret_cast<const unsigned char*>(text.data()),
                       text.size(), nullptr, 0);
  };
  hash(left, a);
  hash(right, b);
  return sodium_memcmp(left, right, sizeof left) == 0;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) {
    text.remove_prefix(1);
  }
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) {
    text.remove_suffix(1);
  }
  return text;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  auto lower = [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  };
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (lower(a[i]) != lower(b[i])) return false;
  }
  return true;
}

// The password of base64("user:password"); the user may be anything.
std::optional<std::string> basic_password(std::string_view encoded) {
  std::vector<unsigned char> bytes(encoded.size() + 1);
  size_t length = 0;
  if (sodium_base642bin(bytes.data(), bytes.size(), encoded.data(),
                        encoded.size(), nullptr, &length, nullptr,
                        sodium_base64_VARIANT_ORIGINAL) != 0) {
    return std::nullopt;
  }
  std::string text(bytes.begin(), bytes.begin() + length);
  size_t colon = text.find(':');
  if (colon == std::string::npos) return std::nullopt;
  return text.substr(colon + 1);
}

std::optional<std::string> presented_in_header(std::string_view header) {
  header = trim(header);
  size_t blank = header.find(' ');
  if (blank == std::string_view::npos) return std::nullopt;
  std::string_view scheme = header.substr(0, blank);
  std::string_view rest = trim(header.substr(blank));
  if (equal_ignoring_case(scheme, "bearer")) return std::string(rest);
  if (equal_ignoring_case(scheme, "basic")) return basic_password(rest);
  return std::nullopt;
}

std::optional<std::string> presented_in_cookie(std::string_view cookie) {
  while (!cookie.empty()) {
    std::string_view pair = cookie.substr(0, cookie.find(';'));
    cookie.remove_prefix(std::min(cookie.size(), pair.size() + 1));
    pair = trim(pair);
    constexpr std::string_view kName = "freshet_token=";
    if (pair.starts_with(kName)) return std::string(pair.substr(kName.size()));
  }
  return std::nullopt;
}

// "127.0.0.1:8080", "[::1]:8080", "localhost" -> the host.
std::string_view host_of(std::string_view listen) {
  if (listen.starts_with('[')) {
    size_t end = listen.find(']');
    return end == std::string_view::npos ? listen : listen.substr(1, end - 1);
  }
  size_t colon = listen.find(':');
  // More than one colon: a bare IPv6 address without a port.
  if (colon != listen.rfind(':')) return listen;
  return listen.substr(0, colon);
}

// "127.a.b.c" with a, b, c of 0 to 255.
bool is_loopback_ipv4(std::string_view host) {
  int parts = 0;
  while (true) {
    std::string_view part = host.substr(0, host.find('.'));
    if (part.empty() || part.size() > 3) return false;
    int value = 0;
    for (char c : part) {
      if (c < '0' || c > '9') return false;
      value = value * 10 + (c - '0');
    }
    if (value > 255 || (parts == 0 && value != 127)) return false;
    ++parts;
    if (part.size() == host.size()) return parts == 4;
    host.remove_prefix(part.size() + 1);
  }
}

}  // namespace

bool is_loopback(std::string_view listen) {
  std::string_view host = host_of(listen);
  return equal_ignoring_case(host, "localhost") || host == "::1" ||
         is_loopback_ipv4(host);
}

Status check_exposure(const AccessSettings& settings) {
  bool certificate = !settings.tls_certificate.empty();
  bool key = !settings.tls_key.empty();
  if (certificate != key) {
    return invalid(std::string("TLS wants both a certificate and a key; ") +
                   (certificate ? "tls_key" : "tls_certificate") +
                   " is not set");
  }
  if (is_loopback(settings.listen) || settings.insecure) return {};
  std::string missing;
  if (!certificate) missing = "tls_certificate and tls_key";
  if (settings.token.empty()) {
    missing += missing.empty() ? "a token" : " and a token";
  }
  if (missing.empty()) return {};
  return invalid(
      "listening beyond this machine wants " + missing +
      "; set them, listen on 127.0.0.1, or say --insecure: " + settings.listen);
}

Status check_token(std::string_view token, std::string_view authorization,
                   std::string_view cookie) {
  if (sodium_init() < 0) {
    return Error{ErrorCode::kInternal, "libsodium has no randomness"};
  }
  // A wrong header is not made good by a right cookie.
  auto presented = authorization.empty() ? presented_in_cookie(cookie)
                                         : presented_in_header(authorization);
  if (!presented) {
    return Error{ErrorCode::kUnauthorized,
                 "a token is wanted: Authorization: Bearer TOKEN"};
  }
  if (token.empty() || !same_secret(token, *presented)) {
    return Error{ErrorCode::kUnauthorized, "the token is wrong"};
  }
  return {};
}

}  // namespace freshet
