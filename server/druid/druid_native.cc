#include "server/druid/druid_native.h"

#include "server/druid/druid_request.h"
#include "server/druid/native_query.h"

namespace freshet {
namespace {

constexpr const char* kQueryIdHeader = "X-Druid-Query-Id";

// The id, limits and cancel flag of a body's context.
Result<SqlRequest> base_request(const JsonValue& body,
                                const DruidCaller& caller) {
  SqlRequest base;
  base.limits = caller.limits;
  TRY_ASSIGN(base.id, druid_query_id(body, "queryId"));
  TRY(read_druid_timeout(body, base.limits));
  TRY(read_druid_switches(body, base));
  begin_limits(base.limits);
  return base;
}

}  // namespace

DruidResponse answer_druid_native(Sql& sql, const DatasetCatalog& catalog,
                                  std::string_view body,
                                  const DruidCaller& caller) {
  DruidResponse response;
  std::string id;
  auto answer = [&]() -> Result<std::string> {
    TRY_ASSIGN(JsonValue query, parse_json(body));
    if (!query.as_object()) return invalid("the body must be a JSON object");
    TRY_ASSIGN(SqlRequest base, base_request(query, caller));
    id = base.id;
    RunningQueries::Handle handle(caller.running, id, caller.gone);
    base.cancel = handle.flag();
    const Limits limits = base.limits;
    auto rows = NativeQuery(sql, catalog, query, std::move(base)).answer();
    if (!rows) return handle.told(rows.error(), limits);
    return rows;
  }();
  if (answer) {
    response.body = std::move(*answer);
    response.headers["X-Druid-Response-Context"] = "{}";
  } else {
    response = druid_error(answer.error());
  }
  if (!id.empty()) response.headers[kQueryIdHeader] = id;
  return response;
}

}  // namespace freshet
