#include "server/model/model_schema.h"

#include <algorithm>

#include "server/json/json_writer.h"

namespace freshet {
namespace {

// `shape`: text | number | integer | flag | texts (one or a list) | map | any |
// duration | grain | a|b|c (one of these) | [NAME] (a list of maps) | {NAME}.
struct Key {
  const char* name;
  const char* shape;
  const char* help;
  bool required = false;
};

struct Map {
  const char* name;
  std::vector<Key> keys;
  bool open = false;  // other keys may stand in it
};

const std::vector<Map>& maps() {
  static const std::vector<Map> kMaps = {
      {"kpis", {{"kpis", "[kpi]", "The KPIs of this file", true}}},
      {"kpi",
       {{"kpi", "text", "Its name: letters, digits, '_' and '-'", true},
        {"title", "text", "What people read"},
        {"description", "text", "What it means"},
        {"owner", "text", "Who answers for it"},
        {"dataset", "text", "Whose rows its aggregates are of"},
        {"formula", "text",
         "SQL over aggregates and other KPIs: sum(net), count(*) filter (where "
         "x = 'y'), sum(last(x by k)), [net_sales] / days(), rolling(E, 7d), "
         "to_date(E, month), before(E, 364d), time_avg(E, 1d), same_stores(E)",
         true},
        {"where", "text", "Only rows for which this holds count"},
        {"time", "text", "The timestamp column that ranges apply to"},
        {"unit", "currency|percent|count|days|hours|minutes|celsius|ratio",
         "What the number is"},
        {"currency", "text", "A code such as EUR, with the unit currency"},
        {"good", "up|down|none", "Which way is better"},
        {"target", "any",
         "A number, 'N per day', or { dimension, per, all, values | lookup }"},
        {"dimensions", "texts", "What it may be split and filtered by"},
        {"tags", "texts", "For search"}}},
      {"dashboard",
       {{"dashboard", "text", "Its name, as in /d/NAME", true},
        {"title", "text", "What people read"},
        {"description", "text", "What it is for"},
        {"default", "{default}", "The view it opens with"},
        {"filters", "texts", "Dimensions that every tile can be filtered by"},
        {"annotations", "[annotation]",
         "What is marked on its lines: promotions, holidays, strikes"},
        {"tiles", "[tile]", "In the order of the page", true}}},
      {"annotation",
       {{"title", "text", "What people read", true},
        {"kind", "event|promotion|holiday", "What it is (event)"},
        {"from", "text", "A day, or a time; in the page's zone", true},
        {"to", "text", "When it is over; without it, at the day's end"}}},
      {"default",
       {{"range", "text", "today, last_7d, mtd, -4h, ..."},
        {"compare", "text",
         "previous, same_day_last_week, last_year, last_year_364 or none"},
        {"tz", "text", "An IANA zone such as Europe/Madrid"}}},
      {"tile",
       {{"kpi", "text", "What it shows"},
        {"title", "text", "In place of the KPI's"},
        {"text", "text", "Of a text tile"},
        {"show", "text", "tile, line, bars, table, text, ..."},
        {"grain", "grain", "Of a line"},
        {"by", "text", "The dimension of bars and tables"},
        {"top", "integer", "Rows shown, the others are the rest"},
        {"size", "text", "COLUMNSxROWS, as in 2x1"}},
       true},
      {"alerts",
       {{"alerts", "[alert]", "The rules of this file"},
        {"contacts", "[contact]", "Whom rules tell"}}},
      {"alert",
       {{"alert", "text", "Its name", true},
        {"kpi", "text", "What it watches", true},
        {"description", "text", "What to do about it"},
        {"filter", "text", "store:S01,S02;channel:!web"},
        {"by", "texts", "One instance for each value"},
        {"window", "duration", "The time the KPI is taken over (1h)"},
        {"every", "duration", "Between evaluations (15s)"},
        {"when", "text", "> 0.08", true},
        {"recover", "text", "When it is over, if not the opposite of `when`"},
        {"for", "duration", "How long it must hold before it fires"},
        {"keep_firing_for", "duration", "How long it goes on after"},
        {"no_data", "ok|alert|keep", "What no data means"},
        {"no_data_for", "duration", "After how long"},
        {"min_rows", "integer", "With fewer rows it says nothing"},
        {"severity", "text", "info, warning, critical"},
        {"notify", "texts", "Names of contacts"},
        {"labels", "map", "Sent along"},
        {"enabled", "flag", "false: not evaluated"}},
       true},
      {"contact",
       {{"contact", "text", "Its name", true},
        {"webhook", "map", "{ url, headers }"},
        {"alertmanager", "map", "{ url, headers }"},
        {"group_by", "texts", "Labels that one message is about"},
        {"group_wait", "duration", "Before the first message of a group"},
        {"group_interval", "duration", "Between messages of a group"},
        {"repeat_interval", "duration", "Until it is told again"},
        {"send_resolved", "flag", "Also when it is over"},
        {"allow_private", "flag", "Loopback and private addresses too"}},
       true},
      {"dataset",
       {{"dataset", "text", "Its name", true},
        {"title", "text", "What people read"},
        {"description", "text", "What it holds"},
        {"owner", "text", "Who answers for it"},
        {"source", "map", "{ kafka: ... } or { log: ... }", true},
        {"time", "map", "{ field, format }", true},
        {"columns", "[column]", "In the order of the table", true},
        {"filter", "text", "Only events for which this holds are kept"},
        {"partition_by", "hour|day|week|month|year", "What a segment holds"},
        {"sort_by", "texts",
         "The order inside a sealed segment. Keys of last(x by key) go before "
         "what differs among events of a key: those of equal time then stay "
         "in the order in which they came"},
        {"cubes", "[cube]", "Pre-aggregated tables"},
        {"auto_cubes", "flag",
         "Derive cubes from KPIs, dashboards and alerts (true)"},
        {"lateness", "map", "{ accept, then }"},
        {"seal", "map", "{ rows, age }"},
        {"merge", "map", "{ rows, bytes, rate }"},
        {"retention", "duration", "How long rows are kept"}},
       true},
      {"lookup",
       {{"lookup", "text", "Its name, as in lookup('NAME.column', key)", true},
        {"title", "text", "What people read"},
        {"description", "text", "What it holds"},
        {"owner", "text", "Who answers for it"},
        {"key", "text", "The column that names a row", true},
        {"columns", "[column]", "With the key", true},
        {"source", "map",
         "{ kafka: ... } or { files: ... }; without it, PUT over HTTP"},
        {"filter", "text", "Only rows for which this holds are kept"},
        {"pii_key", "text", "Of `pii: hash`: ${file:PATH} or ${env:NAME}"},
        {"max_keys", "integer", "Rows it may have (1,000,000)"},
        {"max_bytes", "integer", "Memory it may take (512 MiB)"}}},
      {"column",
       {{"name", "text", "Letters, digits and '_'", true},
        {"type", "text",
         "string, long, double, bool, timestamp or decimal(N), which "
         "rounds more digits half away from zero",
         true},
        {"aliases", "texts", "Names it had before, as stored rows have them"},
        {"path", "text", "Of a nested field: item.sku"},
        {"default", "any", "When the event lacks it"},
        {"on_error", "reject|null|default", "Of a value that does not fit"},
        {"from", "text", "An expression over the columns before"},
        {"lookup", "text", "Taken from a lookup: products.category"},
        {"by", "text", "The column before that has its key"},
        {"cardinality", "low|high", "high: about as many values as rows"},
        {"pii", "flag", "Masked unless a role may see it"}},
       true},
      {"cube",
       {{"name", "text", "", true},
        {"dimensions", "texts", "What it groups by"},
        {"granularity", "grain", "Its buckets of time (hour)"},
        {"tz", "text", "What they are cut in (UTC)"},
        {"measures", "texts", "Columns, or sum(x), distinct(x), ..."}}},
      {"settings",
       {{"listen", "text", "HOST:PORT"},
        {"data", "text", "The folder of the data"},
        {"scan_threads", "integer", "Threads of queries; 0: one a core"},
        {"scrub_rate", "integer",
         "Bytes a second at which segment files are read again; 0: never"},
        {"scrub_every", "duration", "Once in so long all of them"},
        {"tls_certificate", "text", "PEM file"},
        {"tls_key", "text", "PEM file"},
        {"token", "text", "${file:PATH} or ${env:NAME}"},
        {"insecure", "flag", "Beyond loopback without TLS and token"},
        {"external_url", "text", "In what alerts send"}},
       true}};
  return kMaps;
}

const Map* find_map(std::string_view name) {
  for (const Map& map : maps()) {
    if (map.name == name) return &map;
  }
  return nullptr;
}

void write_types(JsonWriter& out, std::initializer_list<const char*> types) {
  out.key("type").begin_array();
  for (const char* type : types) out.value(type);
  out.end_array();
}

void write_texts(JsonWriter& out) {
  out.key("anyOf").begin_array();
  out.begin_object();
  write_types(out, {"string", "number"});
  out.end_object().begin_object().field("type", "array");
  out.key("items").begin_object();
  write_types(out, {"string", "number"});
  out.end_object().end_object().end_array();
}

void write_choices(JsonWriter& out, std::string_view choices) {
  out.key("enum").begin_array();
  while (!choices.empty()) {
    size_t bar = choices.find('|');
    out.value(choices.substr(0, bar));
    // Written bare, YAML reads this word as a null.
    if (choices.substr(0, bar) == "null") out.null();
    if (bar == std::string_view::npos) break;
    choices.remove_prefix(bar + 1);
  }
  out.end_array();
}

void write_shape(JsonWriter& out, std::string_view shape) {
  auto reference = [&](std::string_view name) {
    std::string text = "#/$defs/" + std::string(name);
    out.field("$ref", std::string_view(text));
  };
  if (shape == "text") {
    write_types(out, {"string", "number", "boolean"});
  } else if (shape == "duration") {
    write_types(out, {"string", "number"});
  } else if (shape == "grain") {
    out.field("type", "string");
  } else if (shape == "integer" || shape == "number") {
    out.field("type", shape);
  } else if (shape == "flag") {
    out.field("type", "boolean");
  } else if (shape == "map") {
    out.field("type", "object");
  } else if (shape == "texts") {
    write_texts(out);
  } else if (shape.front() == '[') {
    out.field("type", "array").key("items").begin_object();
    reference(shape.substr(1, shape.size() - 2));
    out.end_object();
  } else if (shape.front() == '{') {
    reference(shape.substr(1, shape.size() - 2));
  } else if (shape != "any") {
    write_choices(out, shape);
  }
}

void write_map(JsonWriter& out, const Map& map) {
  out.field("type", "object");
  out.field("additionalProperties", map.open);
  out.key("properties").begin_object();
  for (const Key& key : map.keys) {
    out.key(key.name).begin_object();
    if (*key.help) out.field("description", key.help);
    write_shape(out, key.shape);
    out.end_object();
  }
  out.end_object().key("required").begin_array();
  for (const Key& key : map.keys) {
    if (key.required) out.value(key.name);
  }
  out.end_array();
}

}  // namespace

std::vector<std::string> schema_kinds() {
  return {"dataset", "lookup", "kpis", "dashboard", "alerts", "settings"};
}

std::optional<std::string> model_schema(std::string_view kind) {
  std::vector<std::string> kinds = schema_kinds();
  if (std::find(kinds.begin(), kinds.end(), kind) == kinds.end()) {
    return std::nullopt;
  }
  JsonWriter out;
  out.begin_object();
  out.field("$schema", "https://json-schema.org/draft/2020-12/schema");
  std::string title = "Freshet: " + std::string(kind);
  out.field("title", std::string_view(title));
  write_map(out, *find_map(kind));
  out.key("$defs").begin_object();
  for (const Map& map : maps()) {
    out.key(map.name).begin_object();
    write_map(out, map);
    out.end_object();
  }
  out.end_object().end_object();
  return out.take();
}

std::vector<std::string> schema_keys(std::string_view map) {
  std::vector<std::string> out;
  if (const Map* found = find_map(map)) {
    for (const Key& key : found->keys) out.push_back(key.name);
  }
  return out;
}

}  // namespace freshet
