#include "server/http/request_head.h"

#include <fmt/format.h>

#include <atomic>
#include <random>

#include "server/auth/access.h"
#include "server/http/ascii.h"

namespace freshet {
namespace {

std::string_view find(const RequestHead& head, const char* name) {
  auto found = head.headers.find(name);
  return found == head.headers.end() ? std::string_view() : found->second;
}

// "localhost:8080" -> "localhost:8080"; ":80" and ":443" are left out.
std::string_view without_default_port(std::string_view host) {
  for (std::string_view port : {":80", ":443"}) {
    if (host.ends_with(port)) host.remove_suffix(port.size());
  }
  return host;
}

bool is_local_host(std::string_view host) {
  return is_loopback(host) ||
         ascii_lower(host.substr(0, host.rfind(':'))).ends_with(".localhost");
}

bool changes_state(std::string_view method) {
  return method != "GET" && method != "HEAD" && method != "OPTIONS";
}

// Whether a browser says that a page of another site made it send this.
bool is_cross_site(const RequestHead& head, std::string_view host) {
  if (find(head, "sec-fetch-site") == "cross-site") return true;
  if (!head.headers.contains("origin")) return false;
  std::string_view origin = find(head, "origin");
  size_t scheme = origin.find("://");
  if (scheme == std::string_view::npos) return true;  // "null" and the like
  return !equal_ignoring_case(without_default_port(origin.substr(scheme + 3)),
                              without_default_port(host));
}

bool is_plain_id(std::string_view id) {
  if (id.empty() || id.size() > 64) return false;
  for (char c : id) {
    bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
                 (c >= 'a' && c <= 'z') || c == '-' || c == '_' || c == '.';
    if (!plain) return false;
  }
  return true;
}

Refusal refuse(int status, ErrorCode code, std::string message) {
  return {status, {code, std::move(message)}};
}

}  // namespace

std::optional<Refusal> RequestGuard::check(const RequestHead& head,
                                           const Target& target) const {
  bool has_host = head.headers.contains("host");
  if (!has_host && !head.http_1_0) {
    return refuse(400, ErrorCode::kInvalid, "the Host header is missing");
  }
  std::string_view host = find(head, "host");
  if (!target.authority.empty()) {
    if (!equal_ignoring_case(host, target.authority)) {
      return refuse(400, ErrorCode::kInvalid,
                    "Host and the request target name different hosts");
    }
  }
  if (local_only_ && has_host && !is_local_host(host)) {
    return refuse(
        421, ErrorCode::kForbidden,
        "this server answers to localhost only, not to: " + std::string(host));
  }
  if (head.headers.contains("transfer-encoding") &&
      (head.http_1_0 ||
       !equal_ignoring_case(find(head, "transfer-encoding"), "chunked"))) {
    return refuse(501, ErrorCode::kUnsupported,
                  "the only transfer coding is chunked, in HTTP/1.1");
  }
  if (changes_state(head.method) && is_cross_site(head, host)) {
    return refuse(403, ErrorCode::kForbidden,
                  "a page of another site may not do this");
  }
  return std::nullopt;
}

HttpResponse refusal_response(const Refusal& refusal,
                              const std::string& request_id) {
  HttpResponse response = error_response(refusal.error, request_id);
  response.status = refusal.status;
  return response;
}

std::string request_id(const RequestHead& head) {
  std::string_view given = find(head, "x-request-id");
  if (is_plain_id(given)) return std::string(given);
  // Unique, not secret: a random start for the process and a count.
  static const uint64_t start = [] {
    std::random_device device;
    return (uint64_t{device()} << 32) | device();
  }();
  static std::atomic<uint64_t> count{0};
  uint64_t id = start + count.fetch_add(1) * 0x9e3779b97f4a7c15u;
  return fmt::format("{:016x}", id);
}

}  // namespace freshet
