// GET /api/v1/openapi.json, made from the routes themselves, so that none can
// be missing.
#include <algorithm>
#include <string>

#include "server/api/openapi_document.h"
#include "server/api/openapi_schema.h"
#include "server/api/services.h"

namespace freshet {
namespace {

constexpr const char* kDefinition = "application/yaml=string object";
constexpr const char* kLookupRows =
    "[object] application/x-ndjson=string text/csv=string";
constexpr const char* kDruidSql = "DruidSql text/plain=string";
constexpr const char* kKpiQuery =
    "range from to tz grain by top order filter compare why_not";

const DescribedRoute kDescribed[] = {
    {"POST", "/ingest/{dataset}",
     "Events as JSON lines, a JSON array, one object, or CSV; answers when "
     "they are durable; `line` of an error is that of the body on which the "
     "event begins, of a JSON array the number of the element. All events of "
     "an answer 200 are in the log, so that none is to be sent again. "
     "`accepted` are those that can be decoded and derived by the definition "
     "now in force, `rejected` the others, which become dead letters. Accepted "
     "is not yet a row: what is too late or too early, dropped by the filter, "
     "or a repeat of a key is judged when the log is read, shortly after, and "
     "counted in GET /api/v1/ingestion/{d} (rejected.too_late, "
     "rejected.too_early, filtered, duplicates, outdated) and the dead letters",
     "",
     "[object]|object application/x-ndjson=string text/csv=string "
     "application/xml=string application/octet-stream=string",
     "200:IngestAnswer 429:Error", "Idempotency-Key Content-Encoding"},
    {"GET", "/api/v1/datasets", "Schema, size and freshness of every dataset",
     "", "", "200:DatasetList"},
    {"GET", "/api/v1/datasets/{d}", "Schema, size and freshness of a dataset",
     "", "", "200:Dataset"},
    {"PUT", "/api/v1/datasets/{d}",
     "Puts a definition (YAML or JSON) in force without a restart, or tells "
     "its faults and changes nothing; the type of a column whose rows are "
     "stored may only become wider, see /types",
     "", kDefinition, "200:Deployed"},
    {"DELETE", "/api/v1/datasets/{d}",
     "Takes a definition away; the data stays on disk", "", "", "200:Deployed"},
    {"GET", "/api/v1/datasets/{d}/versions",
     "What was put and deleted, when and by whom", "", "",
     "200:DatasetVersions"},
    {"GET", "/api/v1/datasets/{d}/types",
     "The types in which rows of each column are stored; a definition may only "
     "have the same ones or wider ones (long to decimal to double, or a "
     "decimal of more digits)",
     "", "", "200:StoredTypes"},
    {"POST", "/api/v1/datasets/{d}/validate",
     "What a definition makes of real events, field by field: "
     "{\"definition\":...,\"events\":[\"...\"],\"sample\":100}; the definition "
     "is what PUT takes, as a text (YAML or JSON) or as an object",
     "", "Sample"},
    {"POST", "/api/v1/datasets/{d}/infer",
     "Columns for a first definition, from {\"events\":[\"...\"]} or the "
     "source "
     "of {\"definition\":\"...\"}: "
     "{\"format\",\"messages\",\"time_field\",\"fields\":[{\"name\",\"path\","
     "\"type\",\"format\",\"cardinality\",\"filled\",\"example\"}],"
     "\"arrays\",\"odd\",\"empty\"}: `odd` are fields whose names no path can "
     "say, `empty` those that were always null",
     "", "Sample"},
    {"GET", "/api/v1/lookups",
     "Definition, size, state and freshness of every lookup", "", "",
     "200:LookupList"},
    {"GET", "/api/v1/lookups/{l}",
     "Definition, size, state and freshness of a lookup", "", "", "200:Lookup"},
    {"PUT", "/api/v1/lookups/{l}",
     "Replaces all rows of a lookup whose rows come over HTTP: a JSON array, "
     "JSON lines or CSV with a header line; of a key that comes twice the last "
     "row counts. Answers {\"rows\",\"repeated\",\"keys\"} when it is "
     "durable and queries see it; a row at fault changes nothing",
     "", kLookupRows, "200:LookupWrite"},
    {"GET", "/api/v1/lookups/{l}/rows",
     "Rows of a lookup: {\"rows\":[...],\"next\"}; `after` is `next` of the "
     "page before, `limit` up to 10000 (100)",
     "after limit", "", "200:LookupRows"},
    {"POST", "/api/v1/lookups/{l}/rows",
     "Puts rows beside the others or in the place of those of the same keys; "
     "bodies and answer as for PUT",
     "", kLookupRows, "200:LookupWrite"},
    {"GET", "/api/v1/lookups/{l}/rows/{key}", "The row of a key"},
    {"PUT", "/api/v1/lookups/{l}/rows/{key}",
     "Sets the row of a key: {\"category\":\"Tools\"}", "", "object",
     "200:LookupWrite"},
    {"DELETE", "/api/v1/lookups/{l}/rows/{key}", "Removes the row of a key"},
    {"GET", "/api/v1/ingestion/{d}",
     "State, offsets, lag, rates and rejected events of a dataset's stream; "
     "what went wrong last, newest first, at most 10, in \"last_errors\", "
     "those "
     "of the source without a place",
     "", "", "200:Ingestion"},
    {"GET", "/api/v1/ingestion/{d}/dead-letters",
     "Events that could not become rows: {\"dead_letters\":[{\"id\","
     "\"partition\",\"offset\",\"time\",\"reason\",\"message\",\"event\","
     "\"size\",\"whole\"}],\"next\",\"reasons\":{\"wrong_type\":7},"
     "\"total\",\"pending\"}. Those of CSV files have \"csv_header\", the line "
     "that names their fields. `pending` of them are in memory; the first of "
     "these are listed behind the last page, marked \"pending\":true. They are "
     "written by a seal, within `pending_at_most_ms`, or when dead letters are "
     "replayed or removed",
     "reason after limit"},
    {"POST", "/api/v1/ingestion/{d}/dead-letters/replay",
     "Takes dead letters again under the definition now in force, late ones "
     "too, each exactly once: {\"all\":true}, {\"reason\":\"...\"}, "
     "{\"ids\":[\"log/0/12\"]}, or mended {\"events\":[{\"id\":\"log/0/12\","
     "\"event\":\"...\"}]}; answers when that is durable: {\"replayed\","
     "\"rejected\",\"errors\":[{\"id\",\"reason\",\"message\"}]}",
     "", "object"},
    {"DELETE", "/api/v1/ingestion/{d}/dead-letters",
     "Removes dead letters for good: {\"removed\":n}", "id reason all"},
    {"POST", "/api/v1/ingestion/{d}/reset",
     "Sets where a stream reads on: {\"to\":\"earliest|latest|offsets|"
     "timestamp\",\"offsets\":{\"log/0\":5} (\"0\" will do if there is one "
     "topic or a log),\"timestamp\":\"...\" (when the "
     "source stored them),\"partitions\":[\"log/0\"],\"dry_run\":true}; "
     "answers what that skips and reads again, with dry_run without doing it",
     "", "Reset"},
    {"POST", "/api/v1/ingestion/{d}/{verb}",
     "Steers a stream: pause (which lasts until resume, also over restarts of "
     "the server), resume, restart or seal; a body has no keys",
     "", "", "200:Ingestion"},
    {"GET", "/api/v1/kpis", "Definitions of all KPIs", "", "", "200:KpiList"},
    {"GET", "/api/v1/kpis/{k}", "Definition of a KPI and its SQL", "", "",
     "200:Kpi"},
    {"PUT", "/api/v1/kpis/{k}",
     "Puts the model file kpis/{k}.yaml (YAML or JSON) in force, or tells its "
     "faults and changes nothing",
     "", kDefinition, "200:Deployed"},
    {"DELETE", "/api/v1/kpis/{k}", "Takes the model file kpis/{k}.yaml away",
     "", "", "200:Deployed"},
    {"GET", "/api/v1/kpis/{k}/value",
     "A KPI's value, comparison, target, series and breakdown; `by` and "
     "`filter` take the KPI's dimensions and, in the zone `tz`, __weekday "
     "(1 is Monday) and __hour: filter=store:S01,S02;channel:!web;__hour:9,10",
     kKpiQuery, "", "200:KpiAnswer"},
    {"GET", "/api/v1/kpis/{k}/drivers",
     "What drove the change: {\"value\",\"compare\":{\"value\",\"change\"},"
     "\"method\":\"contribution|rate_and_mix|difference\",\"dimensions\":[{"
     "\"dimension\",\"score\",\"adds_up\",\"values\",\"drivers\":[{\"store\","
     "\"value\",\"compare\",\"contribution\",\"share\",\"rate_effect\","
     "\"mix_effect\",\"support\"}],\"rest\":{\"count\",\"contribution\"}}]}; "
     "`by` names the dimensions, all by default",
     "range from to tz by top filter compare min_support why_not", "",
     "200:KpiDrivers"},
    {"POST", "/api/v1/kpis/query",
     "A batch of KPI questions: {\"queries\":[{\"kpi\":...}]}", "", "KpiBatch",
     "200:KpiAnswers"},
    {"GET", "/api/v1/lineage",
     "{\"lineage\":[...]}, an object a dataset as /lineage/{d} gives", "", "",
     "200:LineageList"},
    {"GET", "/api/v1/lineage/{d}",
     "From source fields through columns, cubes and KPIs to dashboards and "
     "alerts: {\"source\",\"columns\":[{\"name\",\"type\",\"fields\","
     "\"derivation\",\"derived\",\"cubes\",\"kpis\",\"dashboards\","
     "\"alerts\"}],\"cubes\",\"kpis\":[{\"kpi\",\"columns\",\"uses\","
     "\"dashboards\",\"alerts\"}],\"openlineage\":[events]}"},
    {"GET", "/api/v1/dashboards", "All dashboards", "", "",
     "200:DashboardList"},
    {"GET", "/api/v1/dashboards/{d}", "A dashboard's tiles and defaults", "",
     "", "200:Dashboard"},
    {"PUT", "/api/v1/dashboards/{d}",
     "Puts the model file dashboards/{d}.yaml (YAML or JSON) in force, or "
     "tells "
     "its faults and changes nothing",
     "", kDefinition, "200:Deployed"},
    {"DELETE", "/api/v1/dashboards/{d}",
     "Takes the model file dashboards/{d}.yaml away", "", "", "200:Deployed"},
    {"GET", "/api/v1/views", "Saved views: addresses of pages with a name", "",
     "", "200:ViewList"},
    {"POST", "/api/v1/views",
     "Saves a view: {\"title\":\"...\",\"address\":\"/d/trading?...\"}; one "
     "of the same title is replaced",
     "", "ViewBody", "201:View"},
    {"DELETE", "/api/v1/views/{v}", "Removes a saved view"},
    {"GET", "/api/v1/stream",
     "Server-sent events of a dashboard's tiles: snapshot, then deltas; while "
     "nothing changes one without tiles every 15 s",
     "dashboard range from to compare tz filter grain last_event_id", "",
     "200:text/event-stream=string", "Last-Event-ID"},
    {"GET", "/api/v1/alerts", "Alert rules with state and instances", "", "",
     "200:AlertList"},
    {"GET", "/api/v1/alerts/{a}", "One alert rule", "", "", "200:Alert"},
    {"PUT", "/api/v1/alerts/{a}",
     "Sets members of a rule, e.g. its threshold, or makes a rule, which needs "
     "kpi and when; null takes a member away, and what only answers have is "
     "ignored",
     "", "AlertEdit", "200:Alert"},
    {"DELETE", "/api/v1/alerts/{a}", "Removes a rule that was set by PUT"},
    {"GET", "/api/v1/alerts/{a}/history", "When a rule fired and recovered", "",
     "", "200:AlertHistory"},
    {"POST", "/api/v1/query",
     "SQL: "
     "{\"sql\":\"...\",\"tz\":\"...\",\"use_cubes\":true,\"why_not\":false,"
     "\"use_cache\":true,\"populate_cache\":true}",
     "", "SqlRequest", "200:SqlAnswer"},
    {"POST", "/druid/v2/sql", "Druid SQL API", "", kDruidSql, "200:any"},
    {"POST", "/druid/v2/sql/", "Druid SQL API", "", kDruidSql, "200:any"},
    {"DELETE", "/druid/v2/sql/{id}", "Druid: cancels a running query", "", "",
     "202:any"},
    {"POST", "/druid/v2", "Druid's native queries", "", "object", "200:any"},
    {"POST", "/druid/v2/", "Druid's native queries", "", "object", "200:any"},
    {"DELETE", "/druid/v2/{id}", "Druid: cancels a running native query", "",
     "", "202:any"},
    {"GET", "/druid/v2/datasources", "Druid: names of the datasets", "", "",
     "200:[string]"},
    {"GET", "/druid/v2/datasources/{d}",
     "Druid: a dataset's columns of texts, and its others", "", "",
     "200:DruidColumns"},
    {"GET", "/status", "Druid: version"},
    {"GET", "/status/health", "Druid: true", "", "", "200:boolean"},
    {"GET", "/healthz", "Liveness"},
    {"GET", "/readyz", "Readiness, with the reasons when not ready", "", "",
     "200:Readiness 503:Readiness"},
    {"GET", "/metrics", "Prometheus text", "", "", "200:text/plain=string"},
    {"POST", "/api/v1/checkpoint",
     "The data folder as it is now, for `freshet backup create`: a folder "
     "checkpoints/{c} below it",
     "", "", "200:Checkpoint"},
    {"DELETE", "/api/v1/checkpoint/{c}",
     "Releases a checkpoint; one that nobody touches goes after an hour"},
    {"GET", "/api/v1/model/schema/{kind}",
     "JSON Schema of model files: dataset, kpis, dashboard, alerts, settings"},
    {"POST", "/api/v1/model/reload", "Reads the model folder again", "", "",
     "200:ModelVersion"},
    {"GET", "/api/v1/openapi.json", "This document"},
};

bool is_page(const std::string& pattern) {
  return !pattern.starts_with("/api/") && !pattern.starts_with("/druid/") &&
         !pattern.starts_with("/ingest/") && !pattern.starts_with("/status") &&
         pattern != "/healthz" && pattern != "/readyz" && pattern != "/metrics";
}

}  // namespace

Status add_openapi_route(Router& router) {
  router.add("GET", "/api/v1/openapi.json", Access::kRead,
             [text = openapi_document(kDescribed, router)](const HttpRequest&) {
               return json_response(text);
             });
  auto routes = router.routes();
  auto has = [&](const DescribedRoute& d) {
    return std::find(routes.begin(), routes.end(),
                     std::pair<std::string, std::string>(
                         d.method, d.pattern)) != routes.end();
  };
  for (const DescribedRoute& described : kDescribed) {
    if (!has(described)) {
      return Error{ErrorCode::kInternal,
                   std::string("described, but not a route: ") +
                       described.method + " " + described.pattern};
    }
  }
  for (const auto& [method, pattern] : routes) {
    if (is_page(pattern)) continue;
    bool known =
        std::any_of(std::begin(kDescribed), std::end(kDescribed),
                    [&, m = method, p = pattern](const DescribedRoute& d) {
                      return m == d.method && p == d.pattern;
                    });
    if (!known) {
      return Error{ErrorCode::kInternal,
                   "a route without description: " + method + " " + pattern};
    }
  }
  // What is described is all that they take.
  for (const DescribedRoute& described : kDescribed) {
    if (!std::string_view(described.pattern).starts_with("/api/")) continue;
    std::vector<std::string> names;
    for (auto name : words_of(described.query)) names.emplace_back(name);
    router.take_only(described.method, described.pattern, std::move(names));
  }
  return {};
}

}  // namespace freshet
