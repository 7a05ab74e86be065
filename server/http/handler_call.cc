#include "server/http/handler_call.h"

#include <spdlog/spdlog.h>

#include <exception>

#include "server/http/accept_encoding.h"
#include "server/http/content_coding.h"
#include "server/http/request_head.h"

namespace freshet {
namespace {

constexpr size_t kCompressAbove = 1024;

// False, with the response set, if the body cannot be had.
bool undo_body_coding(HandlerCall& call) {
  HttpRequest& request = call.request;
  auto body = undo_coding(request.header("content-encoding"),
                          std::move(request.body), call.match.max_body);
  if (body) {
    request.body = std::move(*body);
    return true;
  }
  ErrorCode code = body.error().code;
  int status = code == ErrorCode::kUnsupported ? 415
               : code == ErrorCode::kLimit     ? 413
                                               : 400;
  call.response =
      refused(call.match, {status, body.error()}, request.request_id);
  return false;
}

// False, with the response set, if a parameter is none of the route's.
bool parameters_fit(HandlerCall& call) {
  if (!call.match.parameters) return true;
  Status fit = check_parameters(call.request, *call.match.parameters);
  if (fit) return true;
  call.response =
      refused(call.match, {400, fit.error()}, call.request.request_id);
  return false;
}

void call_handler(HandlerCall& call) {
  call.response = (*call.match.handler)(call.request);
  if (!call.response.events) return;
  call.queue = std::make_shared<EventQueue>();
  call.kept = call.response.events(call.queue);
}

void fail(HandlerCall& call, const char* what) {
  spdlog::error("http: {} {} failed, request {}: {}", call.request.method,
                call.match.pattern, call.request.request_id, what);
  call.queue = nullptr;
  call.kept = nullptr;
  call.response = refused(
      call.match,
      {500, {ErrorCode::kInternal, "something went wrong on the server"}},
      call.request.request_id);
}

bool is_compressible(std::string_view content_type) {
  return content_type.starts_with("application/json") ||
         content_type.starts_with("text/");
}

void compress(HandlerCall& call) {
  HttpResponse& response = call.response;
  if (call.queue || !is_compressible(response.content_type)) return;
  for (const auto& header : response.headers) {
    if (header.first == "Content-Encoding") return;
  }
  if (response.body.size() <= kCompressAbove) return;
  response.headers.emplace_back("Vary", "Accept-Encoding");
  if (!accepts_encoding(call.request.header("accept-encoding"), "gzip")) {
    return;
  }
  std::string packed = gzip_body(response.body);
  if (packed.empty() || packed.size() >= response.body.size()) return;
  response.body = std::move(packed);
  response.headers.emplace_back("Content-Encoding", "gzip");
}

}  // namespace

HttpResponse refused(const Router::Match& match, const Refusal& refusal,
                     const std::string& request_id) {
  HttpResponse plain = refusal_response(refusal, request_id);
  if (!match.errors) return plain;
  HttpResponse response = (*match.errors)(refusal.error, refusal.status);
  response.status = refusal.status;
  for (auto& header : plain.headers) {
    response.headers.push_back(std::move(header));
  }
  return response;
}

void run_handler(HandlerCall& call) {
  try {
    if (!parameters_fit(call) || !undo_body_coding(call)) return;
    call_handler(call);
    compress(call);
  } catch (const std::exception& error) {
    fail(call, error.what());
  } catch (...) {
    fail(call, "unknown exception");
  }
}

}  // namespace freshet
