#include "server/http/request_parser.h"

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "server/http/ascii.h"

namespace freshet {

namespace http = boost::beast::http;

struct RequestParser::Parser {
  http::request_parser<http::string_body> beast;
};

namespace {

std::string_view view(boost::beast::string_view text) {
  return {text.data(), text.size()};
}

// Headers that a request may have once only: two could be read in two ways.
bool is_single(std::string_view name) {
  return name == "host" || name == "authorization" || name == "content-type" ||
         name == "origin" || name == "content-encoding" || name == "expect";
}

// Whether the first line does: the parser takes that for a bad version.
bool ends_in_bare_lf(std::string_view bytes) {
  size_t end = bytes.find('\n');
  return end != bytes.npos && (end == 0 || bytes[end - 1] != '\r');
}

}  // namespace

RequestParser::RequestParser() : parser_(std::make_unique<Parser>()) {
  parser_->beast.header_limit(kMaxHead);
  // The limit of the body depends on the route, which is not known yet.
  parser_->beast.body_limit(boost::none);
  parser_->beast.eager(false);
}
RequestParser::~RequestParser() = default;
RequestParser::RequestParser(RequestParser&&) noexcept = default;

RequestParser::Progress RequestParser::fail(int status, ErrorCode code,
                                            std::string message) {
  refusal_ = {status, {code, std::move(message)}};
  return Progress::kFailed;
}

RequestParser::Progress RequestParser::read_head(std::string_view bytes,
                                                 size_t& used) {
  boost::system::error_code error;
  used = parser_->beast.put(boost::asio::buffer(bytes.data(), bytes.size()),
                            error);
  if (error == http::error::header_limit) {
    return fail(431, ErrorCode::kLimit, "the request's head exceeds 16 KiB");
  }
  if (error == http::error::bad_version && ends_in_bare_lf(bytes)) {
    return fail(400, ErrorCode::kInvalid,
                "the request's first line ends in LF without CR");
  }
  if (error == http::error::bad_version) {
    return fail(505, ErrorCode::kUnsupported, "this server speaks HTTP/1.1");
  }
  if (error && error != http::error::need_more) {
    return fail(400, ErrorCode::kInvalid,
                "the request is not HTTP: " + error.message());
  }
  if (is_folded(bytes.substr(0, used))) {
    return fail(400, ErrorCode::kInvalid,
                "a header goes on in the next line, which is not allowed");
  }
  if (!parser_->beast.is_header_done()) return Progress::kMore;
  return collect_head();
}

// Whether a line of the head begins with a blank. Others read such a line as
// a part of the header before it, or as one of its own.
bool RequestParser::is_folded(std::string_view head) {
  for (char c : head) {
    if (at_line_start_ && (c == ' ' || c == '\t')) return true;
    at_line_start_ = c == '\n';
  }
  return false;
}

RequestParser::Progress RequestParser::collect_head() {
  auto& beast = parser_->beast;
  const auto& message = beast.get();
  head_.method = view(message.method_string());
  head_.target = view(message.target());
  head_.http_1_0 = message.version() == 10;
  head_.keep_alive = beast.keep_alive();
  head_.chunked = beast.chunked();
  if (auto length = beast.content_length()) head_.content_length = *length;
  size_t count = 0;
  for (const auto& field : message) {
    if (++count > kMaxHeaders) {
      return fail(431, ErrorCode::kLimit, "the request has over 100 headers");
    }
    std::string name = ascii_lower(view(field.name_string()));
    std::string value(view(field.value()));
    auto [at, is_new] = head_.headers.try_emplace(name, value);
    if (is_new) continue;
    if (is_single(name)) {
      return fail(400, ErrorCode::kInvalid, "repeated header: " + name);
    }
    at->second += (name == "cookie" ? "; " : ", ") + value;
  }
  return Progress::kDone;
}

void RequestParser::limit_body(size_t max_bytes) {
  parser_->beast.body_limit(max_bytes);
  parser_->beast.eager(true);
}

RequestParser::Progress RequestParser::read_body(std::string_view bytes,
                                                 size_t& used) {
  used = 0;
  auto& beast = parser_->beast;
  if (beast.is_done()) return Progress::kDone;
  boost::system::error_code error;
  used = beast.put(boost::asio::buffer(bytes.data(), bytes.size()), error);
  if (error == http::error::body_limit) {
    return fail(413, ErrorCode::kLimit, "the body is larger than allowed");
  }
  if (error && error != http::error::need_more) {
    return fail(400, ErrorCode::kInvalid,
                "the body is not HTTP: " + error.message());
  }
  return beast.is_done() ? Progress::kDone : Progress::kMore;
}

size_t RequestParser::body_size() const {
  return parser_->beast.get().body().size();
}

std::string RequestParser::take_body() {
  return std::move(parser_->beast.get().body());
}

}  // namespace freshet
