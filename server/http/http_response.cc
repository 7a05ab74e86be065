#include "server/http/http.h"
#include "server/json/error_text.h"
#include "server/json/json_writer.h"

namespace freshet {

int http_status(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalid:
      return 400;
    case ErrorCode::kUnauthorized:
      return 401;
    case ErrorCode::kForbidden:
      return 403;
    case ErrorCode::kNotFound:
      return 404;
    case ErrorCode::kConflict:
      return 409;
    case ErrorCode::kLimit:
      return 422;
    case ErrorCode::kCancelled:
      return 499;
    case ErrorCode::kUnsupported:
      return 501;
    case ErrorCode::kCorrupt:  // until the bytes are back
    case ErrorCode::kIo:
    case ErrorCode::kUnavailable:
      return 503;
    case ErrorCode::kDeadline:
      return 504;
    case ErrorCode::kInternal:
      return 500;
  }
  return 500;
}

HttpResponse error_response(const Error& error, const std::string& request_id) {
  JsonWriter out;
  out.begin_object().key("error").begin_object();
  out.field("code", error_code_name(error.code));
  out.field("message", error_text(error.message));
  if (error.line > 0) out.field("line", error.line);
  if (error.column > 0) out.field("column", error.column);
  out.key("details").begin_array().end_array();
  out.field("request_id", std::string_view(request_id));
  out.end_object().end_object();
  HttpResponse response = json_response(out.take(), http_status(error.code));
  if (error.code == ErrorCode::kUnauthorized) {
    response.headers.emplace_back("WWW-Authenticate",
                                  "Bearer realm=\"freshet\"");
  }
  return response;
}

HttpResponse json_response(std::string body, int status) {
  HttpResponse response;
  response.status = status;
  response.body = std::move(body);
  return response;
}

}  // namespace freshet
