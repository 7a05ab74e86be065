// SQL: POST /api/v1/query and Druid's HTTP API.
#include <unistd.h>

#include "server/api/counted_queries.h"
#include "server/api/services.h"
#include "server/druid/druid_native.h"
#include "server/druid/druid_sql.h"
#include "server/json/json_value.h"
#include "server/json/json_writer.h"
#include "server/sql/request_setting.h"
#include "server/sql/zone_name.h"

namespace freshet {
namespace {

// JSON may take six bytes for one of the statement, whose own limit it is that
// counts.
size_t largest_body(const Limits& limits) {
  constexpr size_t kOtherMembers = size_t{1} << 20;
  return 6 * limits.max_statement_bytes + kOtherMembers;
}

HttpResponse to_http(DruidResponse druid) {
  HttpResponse response;
  response.status = druid.status;
  response.content_type = std::move(druid.content_type);
  for (auto& header : druid.headers) response.headers.push_back(header);
  response.body = std::move(druid.body);
  return response;
}

DruidCaller caller_of(Services& services, const HttpRequest& request) {
  Limits limits = services.limits;
  limits.begun = request.received;
  return {limits, services.running, request.disconnected};
}

HttpResponse druid_sql(Services& services, const HttpRequest& request) {
  CountedSql sql(services.sql, services.metrics, "druid_sql");
  return to_http(answer_druid_sql(sql, request.header("content-type"),
                                  request.body, caller_of(services, request)));
}

HttpResponse druid_native(Services& services, const HttpRequest& request) {
  CountedSql sql(services.sql, services.metrics, "druid_native");
  return to_http(answer_druid_native(sql, services.runner.catalog(),
                                     request.body,
                                     caller_of(services, request)));
}

void write_texts(JsonWriter& out, const char* key,
                 const std::vector<std::string>& texts) {
  out.key(key).begin_array();
  for (const std::string& text : texts) out.value(std::string_view(text));
  out.end_array();
}

void write_provenance(JsonWriter& out, const Provenance& provenance) {
  out.key("provenance").begin_object();
  if (provenance.as_of > kMinTimestamp) {
    out.field("as_of", std::string_view(to_iso8601(provenance.as_of)));
  }
  out.field("lag_ms", provenance.lag_ms);
  out.field("complete", provenance.complete);
  out.field("exact", provenance.exact);
  write_texts(out, "served_by", provenance.served_by);
  if (!provenance.why_not.empty()) {
    write_texts(out, "why_not", provenance.why_not);
  }
  out.field("segments", provenance.segments);
  out.field("rows_scanned", provenance.rows_scanned);
  out.field("late_or_rejected", provenance.late_or_rejected);
  out.field("elapsed_ms", provenance.elapsed_ms);
  out.end_object();
}

// A switch of the request by its key, or null.
bool* flag_of(SqlRequest& request, std::string_view key) {
  if (key == "use_cubes") return &request.use_cubes;
  if (key == "why_not") return &request.why_not;
  if (key == "use_cache") return &request.use_cache;
  if (key == "populate_cache") return &request.populate_cache;
  return nullptr;
}

const std::vector<std::string> kQueryKeys = {
    "sql", "tz", "use_cubes", "why_not", "use_cache", "populate_cache"};

Status set_member(SqlRequest& sql, const std::string& key,
                  const JsonValue& value) {
  if (bool* flag = flag_of(sql, key)) {
    if (!value.as_bool()) return invalid("'" + key + "' must be true or false");
    *flag = *value.as_bool();
    return {};
  }
  if (key != "sql" && key != "tz") {
    std::string near = nearest_name(key, kQueryKeys), known;
    for (const std::string& one : kQueryKeys) {
      known += (known.empty() ? "; known are " : ", ") + one;
    }
    return invalid("unknown key '" + key + "'" +
                   (near.empty() ? known : "; did you mean '" + near + "'?"));
  }
  const std::string* text = value.as_string();
  if (!text) return invalid("'" + key + "' must be a string");
  if (key == "sql") {
    sql.text = *text;
    return {};
  }
  TRY_ASSIGN(sql.zone, find_time_zone(*text));
  return {};
}

Result<SqlRequest> sql_request(const HttpRequest& request) {
  TRY_ASSIGN(JsonValue body, parse_json(request.body));
  const JsonObject* object = body.as_object();
  if (!object) return invalid("the body must be an object with 'sql'");
  SqlRequest sql;
  sql.id = request.request_id;
  for (const auto& [key, value] : *object) {
    TRY(at_path(key, set_member(sql, key, value)));
  }
  if (!body.find("sql")) {
    return at_path("sql", invalid("the key 'sql' is missing"));
  }
  return sql;
}

// {"sql":"...","tz":"Europe/Madrid"} -> {"rows":[...],"provenance":{...}}
HttpResponse plain_query(Services& services, const HttpRequest& request) {
  auto wanted = sql_request(request);
  if (!wanted) return error_response(wanted.error(), request.request_id);
  SqlRequest& sql = *wanted;
  RunningQueries::Handle handle(services.running, sql.id, request.disconnected);
  sql.cancel = handle.flag();
  sql.limits = services.limits;
  sql.limits.begun = request.received;
  apply_settings(sql);
  QueryControl control(sql.limits, handle.flag());
  auto result = CountedSql(services.sql, services.metrics, "sql").run(sql);
  auto fail = [&](const Error& error) {
    return error_response(handle.told(error, sql.limits), request.request_id);
  };
  if (!result) return fail(result.error());
  auto rows = rows_as_objects(*result, sql.zone, control);
  if (!rows) return fail(rows.error());
  JsonWriter out;
  out.begin_object().key("rows").raw(*rows);
  write_provenance(out, result->provenance);
  out.end_object();
  return json_response(out.take());
}

HttpResponse datasources(Services& services) {
  JsonWriter out;
  out.begin_array();
  for (const std::string& name : services.runner.catalog().names()) {
    out.value(std::string_view(name));
  }
  out.end_array();
  return json_response(out.take());
}

// As Druid has it: what is grouped by and what is aggregated.
HttpResponse datasource(Services& services, const HttpRequest& request) {
  const std::string& name = request.params.at("d");
  auto data = services.runner.catalog().snapshot(name);
  if (!data) {
    return error_response(
        {ErrorCode::kNotFound, "there is no dataset '" + name + "'"},
        request.request_id);
  }
  JsonWriter out;
  auto write = [&](const char* key, bool texts) {
    out.key(key).begin_array();
    for (const ColumnSpec& column : data->schema->columns) {
      bool is_text = column.type.kind == ColumnKind::kString;
      if (is_text == texts && column.name != "__time") {
        out.value(std::string_view(column.name));
      }
    }
    out.end_array();
  };
  out.begin_object();
  write("dimensions", true);
  write("metrics", false);
  out.end_object();
  return json_response(out.take());
}

// Druid's clients ask the version and expect its shape; what answers is named
// in `modules`.
HttpResponse druid_status() {
  long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
  int64_t memory = static_cast<int64_t>(pages) * page;
  JsonWriter out;
  out.begin_object().field("version", "35.0.0");
  out.key("modules").begin_array().begin_object();
  out.field("name", "freshet").field("artifact", "freshet");
  out.field("version", FRESHET_VERSION).end_object().end_array();
  out.key("memory").begin_object();
  out.field("maxMemory", memory).field("totalMemory", memory);
  out.field("freeMemory", int64_t{0}).field("usedMemory", int64_t{0});
  out.field("directMemory", int64_t{0}).end_object();
  out.end_object();
  return json_response(out.take());
}

}  // namespace

void add_query_routes(Router& router, Services& services) {
  auto sql = [&services](const HttpRequest& r) {
    return druid_sql(services, r);
  };
  const size_t most = largest_body(services.limits);
  router.add("POST", "/druid/v2/sql", Access::kRead, sql, most,
             Workers::kQueries);
  router.add("POST", "/druid/v2/sql/", Access::kRead, sql, most,
             Workers::kQueries);
  auto cancel = [&services](const HttpRequest& r) {
    return to_http(cancel_druid_sql(services.running, r.params.at("id")));
  };
  router.add("DELETE", "/druid/v2/sql/{id}", Access::kRead, cancel);
  auto native = [&services](const HttpRequest& r) {
    return druid_native(services, r);
  };
  router.add("POST", "/druid/v2", Access::kRead, native, most,
             Workers::kQueries);
  router.add("POST", "/druid/v2/", Access::kRead, native, most,
             Workers::kQueries);
  router.add("DELETE", "/druid/v2/{id}", Access::kRead, cancel);
  router.add("GET", "/druid/v2/datasources", Access::kRead,
             [&services](const HttpRequest&) { return datasources(services); });
  router.add("GET", "/druid/v2/datasources/{d}", Access::kRead,
             [&services](const HttpRequest& request) {
               return datasource(services, request);
             });
  router.write_errors("/druid/", [](const Error& error, int status) {
    return to_http(druid_error(error, status));
  });
  router.add("GET", "/status", Access::kRead,
             [](const HttpRequest&) { return druid_status(); });
  router.add("GET", "/status/health", Access::kPublic,
             [](const HttpRequest&) { return json_response("true"); });
  router.add(
      "POST", "/api/v1/query", Access::kRead,
      [&services](const HttpRequest& r) { return plain_query(services, r); },
      most, Workers::kQueries);
}

}  // namespace freshet
