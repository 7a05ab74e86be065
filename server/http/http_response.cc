#include "server/http/http.h"
#include "server/json/error_text.h"

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
  HttpResponse response =
      json_response(error_json(error, request_id), http_status(error.code));
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
