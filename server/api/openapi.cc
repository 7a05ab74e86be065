// GET /api/v1/openapi.json, made from the routes themselves, so that none can
// be missing.
#include <algorithm>
#include <map>
#include <string>

#include "server/api/services.h"
#include "server/json/json_writer.h"

namespace freshet {
namespace {

struct Described {
  const char* method;
  const char* pattern;
  const char* summary;
  const char* query = "";  // names of query parameters, blank-separated
};

constexpr const char* kKpiQuery =
    "range from to tz grain by top order filter compare why_not";

const Described kDescribed[] = {
    {"POST", "/ingest/{dataset}",
     "Events as JSON lines, a JSON array, one object, or CSV; answers when "
     "they are durable: {\"accepted\",\"rejected\",\"errors\":[{\"line\","
     "\"message\"}],\"offsets\"}; `line` is that of the body on which the "
     "event begins, of a JSON array the number of the element"},
    {"GET", "/api/v1/datasets", "Schema, size and freshness of every dataset"},
    {"GET", "/api/v1/datasets/{d}", "Schema, size and freshness of a dataset"},
    {"PUT", "/api/v1/datasets/{d}",
     "Puts a definition (YAML or JSON) in force without a restart, or tells "
     "its faults and changes nothing"},
    {"DELETE", "/api/v1/datasets/{d}",
     "Takes a definition away; the data stays on disk"},
    {"GET", "/api/v1/datasets/{d}/versions",
     "What was put and deleted, when and by whom"},
    {"POST", "/api/v1/datasets/{d}/validate",
     "What a definition makes of real events, field by field: "
     "{\"definition\":...,\"events\":[\"...\"],\"sample\":100}; the definition "
     "is what PUT takes, as a text (YAML or JSON) or as an object"},
    {"POST", "/api/v1/datasets/{d}/infer",
     "Columns for a first definition, from {\"events\":[\"...\"]} or the "
     "source "
     "of {\"definition\":\"...\"}: "
     "{\"format\",\"messages\",\"time_field\",\"fields\":[{\"name\",\"path\","
     "\"type\",\"format\",\"cardinality\",\"filled\",\"example\"}],"
     "\"arrays\"}"},
    {"GET", "/api/v1/lookups",
     "Definition, size, state and freshness of every lookup"},
    {"GET", "/api/v1/lookups/{l}",
     "Definition, size, state and freshness of a lookup"},
    {"PUT", "/api/v1/lookups/{l}",
     "Replaces all rows of a lookup whose rows come over HTTP: a JSON array, "
     "JSON lines or CSV with a header line; of a key that comes twice the last "
     "row counts. Answers {\"rows\",\"repeated\",\"keys\"} when it is "
     "durable and queries see it; a row at fault changes nothing"},
    {"GET", "/api/v1/lookups/{l}/rows",
     "Rows of a lookup: {\"rows\":[...],\"next\"}; `after` is `next` of the "
     "page before, `limit` up to 10000 (100)",
     "after limit"},
    {"POST", "/api/v1/lookups/{l}/rows",
     "Puts rows beside the others or in the place of those of the same keys; "
     "bodies and answer as for PUT"},
    {"GET", "/api/v1/lookups/{l}/rows/{key}", "The row of a key"},
    {"PUT", "/api/v1/lookups/{l}/rows/{key}",
     "Sets the row of a key: {\"category\":\"Tools\"}"},
    {"DELETE", "/api/v1/lookups/{l}/rows/{key}", "Removes the row of a key"},
    {"GET", "/api/v1/ingestion/{d}",
     "State, offsets, lag, rates and rejected events of a dataset's stream; "
     "what went wrong last, newest first, at most 10: "
     "\"last_errors\":[{\"time\",\"reason\",\"message\",\"partition\","
     "\"offset\"}], those of the source without a place"},
    {"GET", "/api/v1/ingestion/{d}/dead-letters",
     "Events that could not become rows: {\"dead_letters\":[{\"id\","
     "\"partition\",\"offset\",\"time\",\"reason\",\"message\",\"event\","
     "\"size\",\"whole\"}],\"next\",\"reasons\":{\"wrong_type\":7},"
     "\"total\",\"pending\"}. `pending` of them are in memory; the first of "
     "these are listed behind the last page, marked \"pending\":true. They are "
     "written by a seal, within `pending_at_most_ms`, or when dead letters are "
     "replayed or removed",
     "reason after limit"},
    {"POST", "/api/v1/ingestion/{d}/dead-letters/replay",
     "Takes dead letters again under the definition now in force, late ones "
     "too, each exactly once: {\"all\":true}, {\"reason\":\"...\"}, "
     "{\"ids\":[\"log/0/12\"]}, or mended {\"events\":[{\"id\":\"log/0/12\","
     "\"event\":\"...\"}]}; answers when that is durable: {\"replayed\","
     "\"rejected\",\"errors\":[{\"id\",\"reason\",\"message\"}]}"},
    {"DELETE", "/api/v1/ingestion/{d}/dead-letters",
     "Removes dead letters for good: {\"removed\":n}", "id reason all"},
    {"POST", "/api/v1/ingestion/{d}/reset",
     "Sets where a stream reads on: {\"to\":\"earliest|latest|offsets|"
     "timestamp\",\"offsets\":{\"log/0\":5} (\"0\" will do if there is one "
     "topic or a log),\"timestamp\":\"...\" (when the "
     "source stored them),\"partitions\":[\"log/0\"],\"dry_run\":true}; "
     "answers what that skips and reads again, with dry_run without doing it"},
    {"POST", "/api/v1/ingestion/{d}/{verb}",
     "Steers a stream: pause, resume, restart or seal"},
    {"GET", "/api/v1/kpis", "Definitions of all KPIs"},
    {"GET", "/api/v1/kpis/{k}", "Definition of a KPI and its SQL"},
    {"PUT", "/api/v1/kpis/{k}",
     "Puts the model file kpis/{k}.yaml (YAML or JSON) in force, or tells its "
     "faults and changes nothing"},
    {"DELETE", "/api/v1/kpis/{k}", "Takes the model file kpis/{k}.yaml away"},
    {"GET", "/api/v1/kpis/{k}/value",
     "A KPI's value, comparison, target, series and breakdown", kKpiQuery},
    {"GET", "/api/v1/kpis/{k}/drivers",
     "What drove the change: {\"value\",\"compare\":{\"value\",\"change\"},"
     "\"method\":\"contribution|rate_and_mix|difference\",\"dimensions\":[{"
     "\"dimension\",\"score\",\"adds_up\",\"values\",\"drivers\":[{\"store\","
     "\"value\",\"compare\",\"contribution\",\"share\",\"rate_effect\","
     "\"mix_effect\",\"support\"}],\"rest\":{\"count\",\"contribution\"}}]}; "
     "`by` names the dimensions, all by default",
     "range from to tz by top filter compare min_support why_not"},
    {"POST", "/api/v1/kpis/query",
     "A batch of KPI questions: {\"queries\":[{\"kpi\":...}]}"},
    {"GET", "/api/v1/lineage",
     "{\"lineage\":[...]}, an object a dataset as /lineage/{d} gives"},
    {"GET", "/api/v1/lineage/{d}",
     "From source fields through columns, cubes and KPIs to dashboards and "
     "alerts: {\"source\",\"columns\":[{\"name\",\"type\",\"fields\","
     "\"derivation\",\"derived\",\"cubes\",\"kpis\",\"dashboards\","
     "\"alerts\"}],\"cubes\",\"kpis\":[{\"kpi\",\"columns\",\"uses\","
     "\"dashboards\",\"alerts\"}],\"openlineage\":[events]}"},
    {"GET", "/api/v1/dashboards", "All dashboards"},
    {"GET", "/api/v1/dashboards/{d}", "A dashboard's tiles and defaults"},
    {"PUT", "/api/v1/dashboards/{d}",
     "Puts the model file dashboards/{d}.yaml (YAML or JSON) in force, or "
     "tells "
     "its faults and changes nothing"},
    {"DELETE", "/api/v1/dashboards/{d}",
     "Takes the model file dashboards/{d}.yaml away"},
    {"GET", "/api/v1/views", "Saved views: addresses of pages with a name"},
    {"POST", "/api/v1/views",
     "Saves a view: {\"title\":\"...\",\"address\":\"/d/trading?...\"}; one "
     "of the same title is replaced"},
    {"DELETE", "/api/v1/views/{v}", "Removes a saved view"},
    {"GET", "/api/v1/stream",
     "Server-sent events of a dashboard's tiles: snapshot, then deltas",
     "dashboard range from to compare tz filter grain last_event_id"},
    {"GET", "/api/v1/alerts", "Alert rules with state and instances"},
    {"GET", "/api/v1/alerts/{a}", "One alert rule"},
    {"PUT", "/api/v1/alerts/{a}", "Sets a rule, e.g. its threshold"},
    {"DELETE", "/api/v1/alerts/{a}", "Removes a rule that was set by PUT"},
    {"GET", "/api/v1/alerts/{a}/history", "When a rule fired and recovered"},
    {"POST", "/api/v1/query",
     "SQL: "
     "{\"sql\":\"...\",\"tz\":\"...\",\"use_cubes\":true,\"why_not\":false,"
     "\"use_cache\":true,\"populate_cache\":true}"},
    {"POST", "/druid/v2/sql", "Druid SQL API"},
    {"POST", "/druid/v2/sql/", "Druid SQL API"},
    {"DELETE", "/druid/v2/sql/{id}", "Druid: cancels a running query"},
    {"POST", "/druid/v2", "Druid's native queries"},
    {"POST", "/druid/v2/", "Druid's native queries"},
    {"DELETE", "/druid/v2/{id}", "Druid: cancels a running native query"},
    {"GET", "/druid/v2/datasources", "Druid: names of the datasets"},
    {"GET", "/status", "Druid: version"},
    {"GET", "/status/health", "Druid: true"},
    {"GET", "/healthz", "Liveness"},
    {"GET", "/readyz", "Readiness, with the reasons when not ready"},
    {"GET", "/metrics", "Prometheus text"},
    {"POST", "/api/v1/checkpoint",
     "The data folder as it is now, for `freshet backup create`: a folder "
     "checkpoints/{c} below it"},
    {"DELETE", "/api/v1/checkpoint/{c}",
     "Releases a checkpoint; one that nobody touches goes after an hour"},
    {"GET", "/api/v1/model/schema/{kind}",
     "JSON Schema of model files: dataset, kpis, dashboard, alerts, settings"},
    {"POST", "/api/v1/model/reload", "Reads the model folder again"},
    {"GET", "/api/v1/openapi.json", "This document"},
};

bool is_page(const std::string& pattern) {
  return !pattern.starts_with("/api/") && !pattern.starts_with("/druid/") &&
         !pattern.starts_with("/ingest/") && !pattern.starts_with("/status") &&
         pattern != "/healthz" && pattern != "/readyz" && pattern != "/metrics";
}

void write_parameter(JsonWriter& out, std::string_view name, bool in_path) {
  out.begin_object().field("name", name);
  out.field("in", in_path ? "path" : "query");
  out.field("required", in_path);
  out.key("schema").begin_object().field("type", "string").end_object();
  out.end_object();
}

void write_parameters(JsonWriter& out, const Described& route) {
  out.key("parameters").begin_array();
  std::string_view pattern = route.pattern;
  for (size_t at = pattern.find('{'); at != pattern.npos;
       at = pattern.find('{', at + 1)) {
    size_t end = pattern.find('}', at);
    write_parameter(out, pattern.substr(at + 1, end - at - 1), true);
  }
  std::string_view names = route.query;
  while (!names.empty()) {
    size_t end = std::min(names.find(' '), names.size());
    write_parameter(out, names.substr(0, end), false);
    names.remove_prefix(std::min(end + 1, names.size()));
  }
  out.end_array();
}

std::string document() {
  std::map<std::string, std::vector<const Described*>> paths;
  for (const Described& route : kDescribed) {
    paths[route.pattern].push_back(&route);
  }
  JsonWriter out;
  out.begin_object().field("openapi", "3.1.0");
  out.key("info").begin_object().field("title", "Freshet");
  out.field("version", FRESHET_VERSION).end_object();
  out.key("paths").begin_object();
  for (const auto& [pattern, routes] : paths) {
    out.key(pattern).begin_object();
    for (const Described* route : routes) {
      std::string method = route->method;
      for (char& c : method) c = static_cast<char>(std::tolower(c));
      out.key(method).begin_object().field("summary", route->summary);
      write_parameters(out, *route);
      out.key("responses").begin_object().key("200").begin_object();
      out.field("description", "Done").end_object();
      out.key("default").begin_object();
      out.field("description", "{\"error\":{code,message,details,request_id}}");
      out.end_object().end_object().end_object();
    }
    out.end_object();
  }
  out.end_object().end_object();
  return out.take();
}

}  // namespace

Status add_openapi_route(Router& router) {
  router.add(
      "GET", "/api/v1/openapi.json", Access::kRead,
      [text = document()](const HttpRequest&) { return json_response(text); });
  auto routes = router.routes();
  auto has = [&](const Described& d) {
    return std::find(routes.begin(), routes.end(),
                     std::pair<std::string, std::string>(
                         d.method, d.pattern)) != routes.end();
  };
  for (const Described& described : kDescribed) {
    if (!has(described)) {
      return Error{ErrorCode::kInternal,
                   std::string("described, but not a route: ") +
                       described.method + " " + described.pattern};
    }
  }
  for (const auto& [method, pattern] : routes) {
    if (is_page(pattern)) continue;
    bool known = std::any_of(std::begin(kDescribed), std::end(kDescribed),
                             [&, m = method, p = pattern](const Described& d) {
                               return m == d.method && p == d.pattern;
                             });
    if (!known) {
      return Error{ErrorCode::kInternal,
                   "a route without description: " + method + " " + pattern};
    }
  }
  return {};
}

}  // namespace freshet
