// Cubes that follow from KPIs, dashboards and alerts.
#include "server/model/derived_cubes.h"

#include <doctest/doctest.h>

#include "tests/server/model/model_folder.h"

namespace freshet {
namespace {

constexpr const char* kDataset = R"(dataset: sales
source: { log: { } }
time: { field: ts }
columns:
  - { name: txn, type: string, cardinality: high }
  - { name: store, type: string }
  - { name: channel, type: string }
  - { name: category, type: string }
  - { name: sku, type: string, cardinality: high }
  - { name: qty, type: long }
  - { name: net, type: decimal(2) }
)";
// The last line, with cubes behind it.
constexpr const char* kEnd = "  - { name: net, type: decimal(2) }\n";
constexpr const char* kCubes = R"(  - { name: net, type: decimal(2) }
cubes:
  - { name: hourly, dimensions: [store, channel], granularity: hour }
)";
constexpr const char* kOnlyThese = R"(  - { name: net, type: decimal(2) }
cubes:
  - { name: hourly, dimensions: [store, channel], granularity: hour }
auto_cubes: false
)";
constexpr const char* kKpis = R"yaml(kpis:
  - { kpi: net_sales, dataset: sales, formula: sum(net),
      dimensions: [store, channel, category, sku] }
  - { kpi: web_units, dataset: sales, formula: sum(qty),
      where: "channel = 'web'", dimensions: [store] }
  - { kpi: receipts, dataset: sales, formula: distinct(txn),
      dimensions: [store] }
  - { kpi: about, dataset: sales, formula: approx_distinct(txn),
      dimensions: [store] }
  - { kpi: middle, dataset: sales, formula: p50(net), dimensions: [store] }
  - { kpi: basket, formula: "[net_sales] / [about]", dimensions: [store] }
)yaml";

std::shared_ptr<const Model> load(const std::string& dashboard,
                                  const std::string& dataset = kDataset,
                                  const std::string& alerts = "") {
  ModelFolder folder;
  folder.write("datasets/sales.yaml", dataset);
  folder.write("kpis/k.yaml", kKpis);
  folder.write("dashboards/d.yaml", dashboard);
  if (!alerts.empty()) folder.write("alerts/a.yaml", alerts);
  ModelLoad loaded = folder.load();
  for (const auto& f : loaded.faults) MESSAGE(f.message);
  REQUIRE(loaded.model);
  return loaded.model;
}

using Texts = std::vector<std::string>;

TEST_CASE("one cube serves what the tiles of a dashboard ask for") {
  auto model = load(R"(dashboard: d
default: { tz: Europe/Madrid }
filters: [store]
tiles:
  - { kpi: net_sales, show: tile }
  - { kpi: net_sales, show: bars, by: category }
  - { kpi: basket, show: line, grain: day }
)");
  const DatasetModel& sales = *model->dataset("sales");
  REQUIRE(sales.cubes.size() == 1);
  const CubeSpec& cube = sales.cubes[0];
  CHECK(sales.derived_cubes == 1);
  CHECK(cube.name == "auto_1");
  CHECK(cube.granularity.to_string() == "PT1H");
  // The channel is in the condition of web_units.
  CHECK(cube.dimensions == Texts{"category", "store", "channel"});
  CHECK(cube.measure("net")->states == kCubeSum);
  CHECK(cube.measure("txn")->states == kCubeApproxDistinct);
  CHECK(cube.measure("qty")->states == kCubeSum);
  CHECK(model->kpi("net_sales")->cubes == Texts{"sales.auto_1"});
  CHECK(model->kpi("net_sales")->reads_rows.empty());
  CHECK(model->kpi("basket")->cubes == Texts{"sales.auto_1"});
  CHECK(model->kpi("receipts")->cubes.empty());
  CHECK(model->kpi("receipts")->reads_rows ==
        Texts{"its total: exact distinct counts of 'txn', which has a high "
              "cardinality, need the rows; approx_distinct does not"});
  CHECK(model->kpi("middle")->reads_rows ==
        Texts{"its total: percentiles are exact and need the rows"});
}

TEST_CASE("what would be as large as the rows gets none") {
  auto model = load(R"(dashboard: d
tiles:
  - { kpi: net_sales, show: bars, by: sku }
  - { kpi: net_sales, show: line, grain: five_minute }
)");
  CHECK(model->kpi("net_sales")->reads_rows ==
        Texts{"tile 'net_sales' by 'sku' of dashboard 'd': a cube by 'sku', "
              "which has a high cardinality, would be about as large as the "
              "rows",
              "tile 'net_sales' of dashboard 'd': buckets of five_minute are "
              "finer than a cube's hours"});
}

TEST_CASE("given cubes come first, and none is derived if that is said") {
  const char* dashboard = R"(dashboard: d
filters: [store]
tiles:
  - { kpi: net_sales, show: tile }
)";
  auto model = load(dashboard, replaced(kDataset, kEnd, kCubes));
  CHECK(model->kpi("net_sales")->cubes == Texts{"sales.hourly"});
  CHECK(model->kpi("web_units")->cubes == Texts{"sales.hourly"});
  REQUIRE(model->dataset("sales")->cubes.size() == 2);  // for `about`
  CHECK(model->kpi("about")->cubes == Texts{"sales.auto_1"});
  model = load(dashboard, replaced(kDataset, kEnd, kOnlyThese));
  CHECK(model->dataset("sales")->cubes.size() == 1);
  CHECK(model->kpi("about")->reads_rows ==
        Texts{"its total: no cube has what it needs"});
}

TEST_CASE("alerts and zones off the hour") {
  auto model = load(R"(dashboard: d
default: { tz: Asia/Kolkata }
tiles:
  - { kpi: net_sales, show: tile }
)",
                    kDataset, R"(alerts:
  - { alert: low, kpi: net_sales, by: [channel], filter: "store:!S1",
      when: "< 1" }
)");
  const DatasetModel& sales = *model->dataset("sales");
  REQUIRE(sales.cubes.size() == 2);
  CHECK(sales.cubes[0].dimensions == Texts{"channel", "store"});
  CHECK(sales.cubes[0].granularity.to_string() == "PT1H");
  CHECK(sales.cubes[1].granularity.to_string() == "PT15M");
}

}  // namespace
}  // namespace freshet
