// Result<T>: a value or an Error. Every operation that can fail on bytes or
// conditions from outside returns one; nothing in Freshet throws across a
// function boundary (STYLE: errors are values).
#pragma once

#include <boost/system/result.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace freshet {

enum class ErrorCode {
  kInvalid,       // the input is wrong: file, event, query, request
  kNotFound,      // the named thing does not exist
  kConflict,      // compare-and-set failed, or already in use
  kCorrupt,       // stored bytes fail their checksum or their format
  kIo,            // the operating system refused: read, write, fsync, space
  kUnavailable,   // a peer (Kafka, webhook) cannot be reached now
  kLimit,         // a stated limit was broken: memory, rows, bytes, groups
  kUnsupported,   // understood, but not something this version does
  kDeadline,      // ran out of its time
  kCancelled,     // asked to stop
  kUnauthorized,  // no or wrong credentials
  kForbidden,     // known, but not allowed
  kInternal,      // our own fault
};

// A fault at one place of what was asked: "tz", "queries[1].range".
struct ErrorDetail {
  std::string path;
  std::string message;
};

// What went wrong, in words for the person who can mend it. The message ends
// with the value at fault. `line`/`column` (1-based, 0 = unknown) point into
// the text at fault where there is one (SQL, YAML); `details` name the places
// of the request at fault, where the reader knows them.
struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;
  int line = 0;
  int column = 0;
  std::vector<ErrorDetail> details = {};
};

// Called by boost::system::result::value() on an error; value() is only used
// after has_value(), so reaching it is a bug of ours.
[[noreturn]] void throw_exception_from_error(const Error& error,
                                             const boost::source_location&);

template <class T>
class [[nodiscard]] Result : public boost::system::result<T, Error> {
  using Base = boost::system::result<T, Error>;

 public:
  using Base::Base;
};

using Status = Result<void>;

inline Error invalid(std::string message) {
  return Error{ErrorCode::kInvalid, std::move(message)};
}

// `error`, which is about the place `path`: its details are places below that
// ("queries[1]", "range" -> "queries[1].range"); without any it is one itself.
Error at_path(std::string_view path, Error error);
template <class T>
Result<T> at_path(std::string_view path, Result<T> result) {
  if (!result) return at_path(path, result.error());
  return result;
}

// Name of a code for logs and JSON bodies, e.g. "not_found".
const char* error_code_name(ErrorCode code);

}  // namespace freshet

#define FRESHET_CONCAT_INNER(a, b) a##b
#define FRESHET_CONCAT(a, b) FRESHET_CONCAT_INNER(a, b)

// TRY(expr): returns the error of `expr` from the enclosing function. A named
// result is only looked at: its value is neither copied nor moved.
#define TRY(expr)                                       \
  do {                                                  \
    auto&& freshet_status = (expr);                     \
    if (!freshet_status) return freshet_status.error(); \
  } while (0)

// TRY_ASSIGN(auto x, expr): the value of `expr`, or returns its error.
#define TRY_ASSIGN(lhs, expr) \
  TRY_ASSIGN_INNER(FRESHET_CONCAT(freshet_result_, __LINE__), lhs, expr)
#define TRY_ASSIGN_INNER(name, lhs, expr) \
  auto name = (expr);                     \
  if (!name) return name.error();         \
  lhs = std::move(*name)
