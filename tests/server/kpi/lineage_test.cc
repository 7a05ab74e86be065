// Lineage from fields to alerts, and what a change would break.
#include "server/kpi/lineage.h"

#include <doctest/doctest.h>

#include "server/json/json_value.h"
#include "tests/server/model/model_folder.h"

namespace freshet {
namespace {

constexpr const char* kDataset = R"(dataset: sales
title: Sales lines
owner: trading
source: { kafka: { brokers: "k:9092", topics: [pos, web] } }
time: { field: ts }
columns:
  - { name: store, type: string }
  - { name: sku, type: string, path: item.sku }
  - { name: qty, type: long }
  - { name: price, type: decimal(2) }
  - { name: gross, type: decimal(2), from: "qty * price" }
  - { name: net, type: decimal(2), from: "gross - 1" }
cubes:
  - { name: by_store, dimensions: [store], granularity: hour, measures: [net] }
)";
constexpr const char* kKpis = R"yaml(kpis:
  - { kpi: net_sales, dataset: sales, formula: sum(net), dimensions: [store] }
  - { kpi: units, dataset: sales, formula: sum(qty), dimensions: [sku] }
  - { kpi: price, formula: "[net_sales] / [units]" }
)yaml";
constexpr const char* kDashboard = R"(dashboard: trading
tiles:
  - { kpi: net_sales, show: tile }
  - { kpi: price, show: tile }
)";
constexpr const char* kAlert = R"(alerts:
  - { alert: cheap, kpi: price, when: "< 1" }
)";

struct Folder : ModelFolder {
  Folder() {
    write("datasets/sales.yaml", kDataset);
    write("kpis/k.yaml", kKpis);
    write("dashboards/d.yaml", kDashboard);
    write("alerts/a.yaml", kAlert);
  }
  std::shared_ptr<const Model> model() {
    ModelLoad load = this->load();
    for (const auto& f : load.faults) MESSAGE(f.message);
    REQUIRE(load.model);
    return load.model;
  }
};

const ColumnLineage& column(const DatasetLineage& lineage,
                            const std::string& name) {
  for (const ColumnLineage& one : lineage.columns) {
    if (one.column == name) return one;
  }
  FAIL("no column " << name);
  return lineage.columns[0];
}

TEST_CASE("a column is followed both ways") {
  Folder folder;
  auto model = folder.model();
  DatasetLineage lineage =
      lineage_of(*model, *model->dataset("sales"), alert_uses(*model));
  const ColumnLineage& net = column(lineage, "net");
  CHECK(net.fields == NameSet{"price", "qty"});
  CHECK(net.kpis == NameSet{"net_sales", "price"});
  CHECK(net.dashboards == NameSet{"trading"});
  CHECK(net.alerts == NameSet{"cheap"});
  CHECK(net.cubes == NameSet{"by_store"});
  const ColumnLineage& price = column(lineage, "price");
  CHECK(price.derived == NameSet{"gross", "net"});
  CHECK(price.kpis == NameSet{"net_sales", "price"});
  CHECK(price.cubes == NameSet{"by_store"});
  const ColumnLineage& sku = column(lineage, "sku");
  CHECK(sku.fields == NameSet{"item.sku"});
  CHECK(sku.kpis == NameSet{"price", "units"});
  CHECK(column(lineage, "__time").fields == NameSet{"ts"});
}

TEST_CASE("as OpenLineage events") {
  Folder folder;
  auto model = folder.model();
  std::string text =
      to_json(lineage_of(*model, *model->dataset("sales"), alert_uses(*model)),
              *model, Timestamp{0});
  auto json = parse_json(text);
  REQUIRE(json.has_value());
  const JsonArray& events = *json->find("openlineage")->as_array();
  REQUIRE(events.size() == 5);  // ingestion, dataset, three KPIs
  CHECK(*events[0].find("job")->find("name")->as_string() == "ingest.sales");
  CHECK(events[0].find("inputs")->as_array()->size() == 2);
  const JsonValue* facets = events[1].find("dataset")->find("facets");
  const JsonArray& inputs = *facets->find("columnLineage")
                                 ->find("fields")
                                 ->find("net")
                                 ->find("inputFields")
                                 ->as_array();
  REQUIRE(inputs.size() == 4);  // two fields of two topics
  CHECK(*inputs[0].find("namespace")->as_string() == "kafka://k:9092");
  CHECK(*inputs[0].find("field")->as_string() == "price");
  CHECK(*facets->find("ownership")->find("_schemaURL")->as_string() ==
        "https://openlineage.io/spec/facets/1-0-1/"
        "OwnershipDatasetFacet.json");
  const JsonValue* sql = events[2].find("job")->find("facets")->find("sql");
  CHECK(*sql->find("query")->as_string() ==
        R"(SELECT COALESCE(SUM("net"), 0) AS "net_sales" FROM "sales")");
}

TEST_CASE("a step of a funnel is on its dashboard") {
  Folder folder;
  folder.write("dashboards/d.yaml", R"(dashboard: steps
tiles:
  - { show: funnel, steps: [net_sales, units] }
)");
  auto model = folder.model();
  auto lineage =
      lineage_of(*model, *model->dataset("sales"), alert_uses(*model));
  CHECK(column(lineage, "qty").dashboards.contains("steps"));
  for (const KpiLineage& kpi : lineage.kpis) {
    CHECK(kpi.dashboards.contains("steps") == (kpi.kpi != "price"));
  }
}

TEST_CASE("the impact of a change") {
  Folder folder;
  auto served = folder.model();
  std::string body = "{\"lineage\":[" +
                     to_json(lineage_of(*served, *served->dataset("sales"),
                                        alert_uses(*served)),
                             *served, Timestamp{0}) +
                     "]}";
  auto impact = [&](const Model& model) {
    auto lines = impact_of(model, *parse_json(body));
    REQUIRE(lines.has_value());
    return *lines;
  };
  CHECK(impact(*served).empty());
  folder.write("datasets/sales.yaml",
               replaced(kDataset,
                        "  - { name: sku, type: string, path: "
                        "item.sku }\n",
                        ""));
  ModelLoad load = folder.load();
  CHECK_FALSE(load.model);
  REQUIRE(load.read);  // though its KPIs have faults
  CHECK(impact(*load.read) ==
        std::vector<std::string>{
            "sales: dropping sku breaks 2 KPIs: price, units; 1 dashboard: "
            "trading; 1 alert: cheap"});
  folder.write("datasets/sales.yaml",
               replaced(kDataset, "qty, type: long", "qty, type: decimal(3)"));
  CHECK(impact(*folder.load().read)[0].find(
            "sales: changing qty from long to decimal(3) affects 3 KPIs: ") ==
        0);
  folder.write("datasets/sales.yaml", kDataset);
  folder.write("kpis/k.yaml",
               replaced(kKpis,
                        "  - { kpi: units, dataset: sales, formula: sum(qty), "
                        "dimensions: [sku] }\n",
                        ""));
  CHECK(impact(*folder.load().read) ==
        std::vector<std::string>{
            "dropping the KPI units breaks 1 KPI: price; 1 dashboard: trading; "
            "1 alert: cheap"});
  CHECK(impact(Model{})[0].find("dropping the dataset sales breaks 3 KPIs") ==
        0);
  CHECK_FALSE(impact_of(*served, *parse_json("[]")).has_value());
}

}  // namespace
}  // namespace freshet
