#include "segments/result.h"

#include <cstdio>
#include <cstdlib>

namespace freshet {

void throw_exception_from_error(const Error& error,
                                const boost::source_location& where) {
  std::fprintf(stderr, "%s:%u: value of a failed result was used: %s: %s\n",
               where.file_name(), static_cast<unsigned>(where.line()),
               error_code_name(error.code), error.message.c_str());
  std::abort();
}

const char* error_code_name(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalid:
      return "invalid";
    case ErrorCode::kNotFound:
      return "not_found";
    case ErrorCode::kConflict:
      return "conflict";
    case ErrorCode::kCorrupt:
      return "corrupt";
    case ErrorCode::kIo:
      return "io";
    case ErrorCode::kUnavailable:
      return "unavailable";
    case ErrorCode::kLimit:
      return "limit";
    case ErrorCode::kUnsupported:
      return "unsupported";
    case ErrorCode::kDeadline:
      return "deadline";
    case ErrorCode::kCancelled:
      return "cancelled";
    case ErrorCode::kUnauthorized:
      return "unauthorized";
    case ErrorCode::kForbidden:
      return "forbidden";
    case ErrorCode::kInternal:
      return "internal";
  }
  return "internal";
}

Error at_path(std::string_view path, Error error) {
  if (error.details.empty()) {
    error.details.push_back({std::string(path), error.message});
    return error;
  }
  for (ErrorDetail& detail : error.details) {
    const char* between = detail.path.starts_with('[') ? "" : ".";
    detail.path = std::string(path) + between + detail.path;
  }
  return error;
}

}  // namespace freshet
