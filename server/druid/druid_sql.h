// Druid's HTTP SQL protocol without the HTTP: request body in, body text out.
// Shapes: Druid documentation, "Druid SQL API".
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "segments/result.h"
#include "server/query/query_control.h"
#include "server/sql/running_queries.h"
#include "server/sql/sql.h"

namespace freshet {

struct DruidResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::map<std::string, std::string> headers;  // X-Druid-SQL-Query-Id, ...
  std::string body;
};

// Who asks: what the answer may cost, and what can stop it.
struct DruidCaller {
  Limits limits;
  RunningQueries& running;               // by id while it runs
  std::function<bool()> gone = nullptr;  // the client has left; may be empty
};

// Answers POST /druid/v2/sql. `content_type` decides how `body` is read
// (application/json, text/plain, application/x-www-form-urlencoded).
// Errors become Druid's error object with the honest status.
DruidResponse answer_druid_sql(Sql& sql, std::string_view content_type,
                               std::string_view body,
                               const DruidCaller& caller);

// Answers DELETE /druid/v2/sql/{id}: 202, or 404 if no such query runs.
DruidResponse cancel_druid_sql(RunningQueries& running, std::string_view id);

// Druid's error object for any Error, for the other Druid routes. `status`: of
// what the server refused before the query was seen; 0: the error's own.
DruidResponse druid_error(const Error& error, int status = 0);

// Rows as a JSON array of objects, the shape `object`; used by /api/v1/query
// too. Decimals keep their exact digits, timestamps are ISO 8601 in `zone`.
// Errors are those of `control`.
Result<std::string> rows_as_objects(const QueryResult& result,
                                    const absl::TimeZone& zone,
                                    const QueryControl& control);

}  // namespace freshet
