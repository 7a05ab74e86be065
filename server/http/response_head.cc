#include "server/http/response_head.h"

#include <absl/time/clock.h>
#include <absl/time/time.h>
#include <spdlog/spdlog.h>

#include <string_view>
#include <utility>

#include "server/http/ascii.h"

namespace freshet {
namespace {

std::string_view reason(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 413:
      return "Content Too Large";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 421:
      return "Misdirected Request";
    case 422:
      return "Unprocessable Content";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 499:
      return "Client Closed Request";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Status";
  }
}

// Scripts, styles, images and connections from this server only; frames too.
constexpr std::pair<std::string_view, std::string_view> kDefaults[] = {
    {"X-Content-Type-Options", "nosniff"},
    {"Referrer-Policy", "no-referrer"},
    {"Content-Security-Policy",
     "default-src 'self'; object-src 'none'; base-uri 'none'; "
     "form-action 'self'; frame-ancestors 'self'"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Cache-Control", "no-store"},
};

bool has_line_end(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) !=
         std::string_view::npos;
}

class HeadWriter {
 public:
  explicit HeadWriter(int status) {
    text_.reserve(768);
    text_.append("HTTP/1.1 ").append(std::to_string(status)).append(" ");
    text_.append(reason(status)).append("\r\n");
  }
  void add(std::string_view name, std::string_view value) {
    if (has_line_end(name) || has_line_end(value)) {
      spdlog::error("http: a response header with a line end is left out");
      return;
    }
    text_.append(name).append(": ").append(value).append("\r\n");
  }
  std::string finish() {
    text_ += "\r\n";
    return std::move(text_);
  }

 private:
  std::string text_;
};

bool names(const HttpResponse& response, std::string_view name) {
  for (const auto& header : response.headers) {
    if (equal_ignoring_case(header.first, name)) return true;
  }
  return false;
}

// "Sun, 22 Nov 2026 10:41:07 GMT", made once a second and thread.
const std::string& http_date() {
  thread_local int64_t second = -1;
  thread_local std::string text;
  int64_t current = absl::ToUnixSeconds(absl::Now());
  if (current != second) {
    second = current;
    text =
        absl::FormatTime("%a, %d %b %Y %H:%M:%S GMT",
                         absl::FromUnixSeconds(current), absl::UTCTimeZone());
  }
  return text;
}

}  // namespace

std::string response_head(const HttpResponse& response,
                          const ResponseFrame& frame) {
  HeadWriter head(response.status);
  head.add("Date", http_date());
  head.add("X-Request-Id", frame.request_id);
  bool has_content = response.status != 204 && response.status != 304;
  if (has_content) {
    head.add("Content-Type", response.content_type);
    if (frame.content_length) {
      head.add("Content-Length", std::to_string(*frame.content_length));
    } else if (frame.chunked) {
      head.add("Transfer-Encoding", "chunked");
    }
  }
  if (!frame.keep_alive) head.add("Connection", "close");
  for (const auto& [name, value] : kDefaults) {
    if (!names(response, name)) head.add(name, value);
  }
  if (frame.tls) {
    head.add("Strict-Transport-Security",
             "max-age=31536000; includeSubDomains");
  }
  for (const auto& [name, value] : response.headers) head.add(name, value);
  return head.finish();
}

}  // namespace freshet
