// The JSON Schema of the model files beside the reader.
#include "server/model/model_schema.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "server/json/json_value.h"
#include "server/model/config_node.h"
#include "server/model/starter_files.h"
#include "tests/server/model/model_folder.h"

namespace freshet {
namespace {

// The faults of a good model with one more line in a map of it.
std::vector<std::string> faults_with(const std::string& map,
                                     const std::string& key) {
  ModelFolder folder;
  std::string sales = kSalesYaml, kpis = kKpisYaml, dashboard = kDashboardYaml;
  std::string alert = "alert: low\n    kpi: net_sales\n    when: '> 1'\n";
  std::string contact = "contact: ops\n    webhook: { url: 'https://x.y' }\n";
  std::string line = key + ": { }\n", settings;
  if (map == "kpi") kpis += "    " + line;
  if (map == "dashboard") dashboard += line;
  if (map == "default") {
    dashboard = replaced(dashboard, "tz: Europe/Madrid",
                         "tz: Europe/Madrid, " + key + ": { }");
  }
  if (map == "tile") dashboard = replaced(dashboard, "top: 5", key + ": { }");
  if (map == "annotation") {
    dashboard = replaced(
        dashboard, "tiles:", "annotations: [{ " + key + ": { } }]\ntiles:");
  }
  if (map == "alert") alert += "    " + line;
  if (map == "contact") contact += "    " + line;
  if (map == "dataset") sales += line;
  if (map == "column") {
    sales =
        replaced(sales, "qty, type: long", "qty, type: long, " + key + ": { }");
  }
  if (map == "settings") settings = line;
  folder.write("freshet.yaml", settings);
  folder.write("datasets/sales.yaml", sales);
  folder.write("kpis/trading.yaml", kpis);
  folder.write("dashboards/trading.yaml", dashboard);
  folder.write("alerts/a.yaml",
               "alerts:\n  - " + alert + "contacts:\n  - " + contact);
  return folder.faults();
}

bool any_has(const std::vector<std::string>& texts, const std::string& part) {
  return std::any_of(texts.begin(), texts.end(), [&](const std::string& t) {
    return t.find(part) != std::string::npos;
  });
}

TEST_CASE("every key of the schema is one that the reader knows") {
  for (const char* map :
       {"kpi", "dashboard", "default", "tile", "annotation", "alert", "contact",
        "dataset", "column", "settings"}) {
    CHECK(schema_keys(map).size() > 2);
    for (const std::string& key : schema_keys(map)) {
      CAPTURE(map);
      CAPTURE(key);
      CHECK_FALSE(any_has(faults_with(map, key), "unknown key"));
    }
    CHECK(any_has(faults_with(map, "zzzzzz"), "unknown key 'zzzzzz'"));
  }
}

// Editors read a bare null as YAML does.
TEST_CASE("the schema takes on_error: null") {
  std::string schema = *model_schema("dataset");
  CHECK(schema.find(R"("enum":["reject","null",null,"default"])") !=
        std::string::npos);
}

// The keys that the reader names when one is unknown.
TEST_CASE("every key of a KPI or dashboard is in the schema") {
  for (const char* map : {"kpi", "dashboard", "default"}) {
    std::vector<std::string> faults = faults_with(map, "zzzzzz");
    REQUIRE(faults.size() == 1);
    size_t at = faults[0].find("; known are ");
    REQUIRE(at != std::string::npos);
    std::string known = ", " + faults[0].substr(at + 12) + ",";
    size_t count =
        static_cast<size_t>(std::count(known.begin(), known.end(), ',')) - 1;
    std::vector<std::string> keys = schema_keys(map);
    INFO(faults[0]);
    CHECK(count == keys.size());
    for (const std::string& key : keys) {
      CHECK(known.find(", " + key + ",") != std::string::npos);
    }
  }
}

// Whether `node` is what `schema` allows: types, keys, lists and choices.
void check_node(const ConfigNode& node, const JsonValue& schema,
                const JsonValue& root, const std::string& place) {
  CAPTURE(place);
  if (const JsonValue* reference = schema.find("$ref")) {
    std::string name = reference->as_string()->substr(8);
    return check_node(node, *root.find("$defs")->find(name), root, place);
  }
  const JsonValue* properties = schema.find("properties");
  if (node.kind == ConfigNode::Kind::kMap && properties) {
    for (const ConfigEntry& entry : node.entries) {
      const JsonValue* one = properties->find(entry.key);
      bool open = *schema.find("additionalProperties")->as_bool();
      CHECK_MESSAGE((one || open), (place + ": " + entry.key));
      if (one) check_node(entry.value, *one, root, place + "." + entry.key);
    }
  }
  if (const JsonValue* items = schema.find("items")) {
    CHECK(node.kind == ConfigNode::Kind::kList);
    for (const ConfigNode& item : node.items) {
      check_node(item, *items, root, place + "[]");
    }
  }
  if (const JsonValue* choices = schema.find("enum")) {
    const JsonArray& list = *choices->as_array();
    CHECK(std::any_of(list.begin(), list.end(), [&](const JsonValue& choice) {
      return *choice.as_string() == node.text;
    }));
  }
}

TEST_CASE("the starter model is what the schema allows") {
  size_t checked = 0;
  for (const StarterFile& file : starter_files()) {
    std::string path(file.path);
    std::string kind = path.starts_with("datasets/")     ? "dataset"
                       : path.starts_with("lookups/")    ? "lookup"
                       : path.starts_with("kpis/")       ? "kpis"
                       : path.starts_with("dashboards/") ? "dashboard"
                       : path.starts_with("alerts/")     ? "alerts"
                       : path == "freshet.yaml"          ? "settings"
                                                         : "";
    if (kind.empty()) continue;
    auto schema = parse_json(*model_schema(kind));
    REQUIRE(schema.has_value());
    auto node = parse_yaml(file.text);
    REQUIRE(node.has_value());
    check_node(*node, *schema, *schema, path);
    ++checked;
  }
  CHECK(checked >= 5);
  CHECK_FALSE(model_schema("nothing").has_value());
}

TEST_CASE("init writes the schemas where editors find them") {
  ModelFolder folder;
  std::string target = folder.path() + "/new";
  REQUIRE(write_starter_model(target).has_value());
  for (const std::string& kind : schema_kinds()) {
    std::ifstream file(target + "/.schema/" + kind + ".json");
    std::string text((std::istreambuf_iterator<char>(file)), {});
    CHECK(text == *model_schema(kind) + "\n");
  }
  CHECK(load_model(target).faults.empty());
}

}  // namespace
}  // namespace freshet
