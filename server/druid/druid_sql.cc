#include "server/druid/druid_sql.h"

#include <fmt/core.h>

#include "server/druid/druid_request.h"
#include "server/json/error_text.h"
#include "server/json/json_writer.h"
#include "server/sql/request_setting.h"

namespace freshet {
namespace {

constexpr const char* kQueryIdHeader = "X-Druid-SQL-Query-Id";
constexpr const char* kHeaderIncluded = "X-Druid-SQL-Header-Included";

// How Druid names a fault. `error` is "druidException" for faults its planner
// finds, and the older name for those of a running query.
struct Fault {
  int status;
  const char* error;
  const char* code;
  const char* category;
};

Fault fault_of(ErrorCode code) {
  constexpr const char* kPlanned = "druidException";
  constexpr const char* kRun = "legacyQueryException";
  switch (code) {
    case ErrorCode::kInvalid:
      return {400, kPlanned, "invalidInput", "INVALID_INPUT"};
    case ErrorCode::kNotFound:
      return {404, kPlanned, "notFound", "NOT_FOUND"};
    case ErrorCode::kConflict:
      return {409, kPlanned, "conflict", "CONFLICT"};
    case ErrorCode::kUnauthorized:
      return {401, kPlanned, "unauthorized", "UNAUTHORIZED"};
    case ErrorCode::kForbidden:
      return {403, kPlanned, "forbidden", "FORBIDDEN"};
    case ErrorCode::kUnavailable:
      return {503, kPlanned, "unavailable", "SERVICE_UNAVAILABLE"};
    case ErrorCode::kUnsupported:
      return {501, "Unsupported operation", kRun, "UNSUPPORTED"};
    case ErrorCode::kLimit:
      return {400, "Resource limit exceeded", kRun, "CAPACITY_EXCEEDED"};
    case ErrorCode::kDeadline:
      return {504, "Query timeout", kRun, "TIMEOUT"};
    case ErrorCode::kCancelled:
      return {500, "Query cancelled", kRun, "CANCELED"};
    case ErrorCode::kCorrupt:
    case ErrorCode::kIo:  // the same status as on our own routes
      return {503, "Unknown exception", kRun, "RUNTIME_FAILURE"};
    case ErrorCode::kInternal:
      break;
  }
  return {500, "Unknown exception", kRun, "DEFENSIVE"};
}

DruidResponse run_request(Sql& sql, DruidSqlRequest request,
                          const DruidCaller& caller) {
  RunningQueries::Handle handle(caller.running, request.sql.id, caller.gone);
  request.sql.cancel = handle.flag();
  apply_settings(request.sql);
  begin_limits(request.sql.limits);
  QueryControl control(request.sql.limits, handle.flag());
  auto answer = [&]() -> Result<std::string> {
    TRY_ASSIGN(QueryResult result, sql.run(request.sql));
    return write_druid_result(result, request.shape, request.sql.zone, control);
  }();
  DruidResponse response;
  if (!answer) {
    response = druid_error(handle.told(answer.error(), request.sql.limits));
  } else {
    response.content_type = druid_content_type(request.shape.format);
    response.body = std::move(*answer);
    if (request.shape.header) response.headers[kHeaderIncluded] = "yes";
  }
  response.headers[kQueryIdHeader] = request.sql.id;
  return response;
}

}  // namespace

DruidResponse answer_druid_sql(Sql& sql, std::string_view content_type,
                               std::string_view body,
                               const DruidCaller& caller) {
  auto request = parse_druid_request(content_type, body, caller.limits);
  if (request) return run_request(sql, std::move(*request), caller);
  DruidResponse response = druid_error(request.error());
  response.headers[kQueryIdHeader] = "none";  // nothing was run
  return response;
}

DruidResponse cancel_druid_sql(RunningQueries& running, std::string_view id) {
  DruidResponse response;
  response.status = running.cancel(id) ? 202 : 404;
  return response;
}

// Keys of both of Druid's generations of error objects, in one.
DruidResponse druid_error(const Error& error, int status) {
  Fault fault = fault_of(error.code);
  if (status != 0) fault.status = status;
  if (status == 429) fault.error = "Query capacity exceeded";
  std::string message = error_text(error.message);
  if (error.line > 0) {
    message +=
        fmt::format(" (line [{}], column [{}])", error.line, error.column);
  }
  bool user = fault.status < 500 || fault.status == 501;
  JsonWriter out;
  out.begin_object().field("error", fault.error);
  out.key("errorClass").null().key("host").null();
  out.field("errorCode", fault.code);
  out.field("persona", user ? "USER" : "OPERATOR");
  out.field("category", fault.category).field("errorMessage", message);
  out.key("context").begin_object();
  if (error.line > 0) {
    out.field("sourceType", "sql");
    out.field("line", std::to_string(error.line));
    out.field("column", std::to_string(error.column));
  }
  out.end_object().end_object();
  return {fault.status, "application/json", {}, out.take()};
}

}  // namespace freshet
