// What a page's file may say: tiles, comparisons, annotations.
#include <doctest/doctest.h>

#include "tests/server/model/model_folder.h"

namespace freshet {
namespace {

TEST_CASE("tiles of other shapes: heat map, map, funnel") {
  auto tile = [](const std::string& text) {
    return dashboard_faults("{ kpi: units, show: bars, by: store, top: 5 }",
                            text);
  };
  CHECK(tile("{ kpi: units, show: heatmap, size: 3x2 }") == Faults{});
  CHECK(tile("{ kpi: units, show: map, by: store,\n"
             "      places: { S1: [40.4, -3.7], S2: [41.4, 2.2] },\n"
             "      outline: [[[36, -9], [43.8, -9], [43.8, 3.3]]] }") ==
        Faults{});
  CHECK(tile("{ show: funnel, steps: [units, net_sales] }") == Faults{});
  const std::string place = "dashboards/trading.yaml:6: ";
  const std::string of = "tile 'units' of dashboard 'trading'";
  CHECK(tile("{ kpi: units, show: heatmap, by: store }") ==
        Faults{place + "'by' in " + of +
               " needs show bars, table or map, not "
               "heatmap"});
  CHECK(tile("{ kpi: units, show: map }") ==
        Faults{place + of + " lacks the key 'by', which a map needs",
               place + of + " lacks the key 'places', which a map needs"});
  CHECK(tile("{ kpi: units, show: map, by: store, places: { S1: [91, 0] } }") ==
        Faults{place + "'S1' in " + of +
                   " must be [LATITUDE, LONGITUDE] in "
                   "degrees, such as [40.4, -3.7], not a list",
               place + of + " lacks the key 'places', which a map needs"});
  CHECK(tile("{ kpi: units, show: bars, by: store, places: { S1: [4, 0] } }") ==
        Faults{place + "'places' in " + of + " needs show map, not bars"});
  CHECK(tile("{ show: funnel, steps: [units] }") ==
        Faults{place + "'steps' in a tile of dashboard 'trading' lists 2 to 12 "
                       "KPIs, from the first step to the last, not 1"});
  CHECK(tile("{ show: funnel, steps: [units, net_sale] }") ==
        Faults{place + "unknown kpi 'net_sale' in a tile of dashboard "
                       "'trading'; did you mean 'net_sales'?"});
  CHECK(tile("{ kpi: units, show: tile, steps: [units, net_sales] }") ==
        Faults{place + "'steps' in " + of + " needs show funnel, not tile"});
}

TEST_CASE("a heat map needs a KPI that has hours of the day") {
  ModelFolder folder;
  folder.write("datasets/sales.yaml", kSalesYaml);
  auto of = [](const std::string& name, const std::string& rest) {
    return "  - { kpi: " + name + ", dimensions: [store], " + rest + " }\n";
  };
  folder.write(
      "kpis/trading.yaml",
      kKpisYaml +
          of("level", "dataset: sales, formula: sum(last(qty by store))") +
          of("week", "dataset: sales, formula: \"rolling(sum(qty), 7d)\"") +
          of("over", "formula: \"[units] / [level]\"") +
          of("ratio", "formula: \"[units] / [net_sales]\""));
  for (const char* kpi : {"level", "week", "over", "ratio"}) {
    CAPTURE(kpi);
    folder.write("dashboards/trading.yaml",
                 replaced(kDashboardYaml,
                          "{ kpi: units, show: bars, by: store, top: 5 }",
                          "{ kpi: " + std::string(kpi) + ", show: heatmap }"));
    const std::string fault =
        "dashboards/trading.yaml:6: a heatmap shows hours and weekdays, of "
        "which kpi '" +
        std::string(kpi) +
        "' has none: it is a level at a moment, or looks at other times; show "
        "a line or table in tile '" +
        kpi + "' of dashboard 'trading'";
    CHECK(folder.faults() ==
          (kpi == std::string("ratio") ? Faults{} : Faults{fault}));
  }
}

TEST_CASE("a page is compared with a kind or with two times in order") {
  auto compared = [](const std::string& with) {
    return dashboard_faults("compare: previous", "compare: " + with);
  };
  CHECK(compared("2025-11-01/2025-12-01") == Faults{});
  CHECK(compared("2025-11-01T10:00/2025-11-01T12:00:00Z") == Faults{});
  for (const char* with : {"FROM/TO", "2025-12-01/2025-11-01", "2025-11-01/",
                           "2025-11-01/2025-11-01", "last_week"}) {
    CHECK(compared(with) ==
          Faults{"dashboards/trading.yaml:2: 'compare' in default of dashboard "
                 "'trading' must be previous, same_day_last_week, last_year, "
                 "last_year_364, none or FROM/TO, such as "
                 "2025-11-01/2025-12-01, not '" +
                 std::string(with) + "'"});
  }
}

TEST_CASE("annotations of a page are days and times of its zone") {
  auto page = [](const std::string& list) {
    return replaced(kDashboardYaml,
                    "tiles:", "annotations:\n" + list + "tiles:");
  };
  ModelFolder folder;
  folder.write("datasets/sales.yaml", kSalesYaml);
  folder.write("kpis/trading.yaml", kKpisYaml);
  folder.write(
      "dashboards/trading.yaml",
      page("  - { title: Clocks go back, from: 2026-10-25, kind: holiday }\n"
           "  - { title: Strike, from: \"2026-11-02T10:00\", to: "
           "\"2026-11-02T12:00Z\" }\n"));
  ModelLoad load = folder.load();
  REQUIRE(load.model);
  const auto& list = load.model->dashboard("trading")->annotations;
  REQUIRE(list.size() == 2);
  CHECK(list[0].kind == "holiday");
  CHECK(to_iso8601(list[0].from) == "2026-10-24T22:00:00.000Z");
  CHECK(to_iso8601(list[0].to) == "2026-10-25T23:00:00.000Z");
  CHECK(to_iso8601(list[1].from) == "2026-11-02T09:00:00.000Z");
  CHECK(to_iso8601(list[1].to) == "2026-11-02T12:00:00.000Z");
  auto faults = [&](const std::string& item) {
    return faults_with("dashboards/trading.yaml", page("  - " + item + "\n"));
  };
  const std::string of = "an annotation of dashboard 'trading'";
  CHECK(faults("{ title: X, from: soon }")[0].find(
            "'from' in " + of +
            " must be a day or a time, such as 2026-11-27, not 'soon'") !=
        std::string::npos);
  CHECK(faults("{ title: X, from: 2026-11-02, to: 2026-11-02 }")[0].find(
            "is not after 'from'") != std::string::npos);
  CHECK(faults("{ from: 2026-11-02 }")[0].find("'title'") != std::string::npos);
  CHECK(faults("{ title: X, from: 2026-11-02, until: 2026-11-03 }")[0].find(
            "unknown key 'until'") != std::string::npos);
}

}  // namespace
}  // namespace freshet
