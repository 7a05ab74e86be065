// Formulas over windows, targets by dimension, and times of KPIs: what is read
// and what is refused.
#include <doctest/doctest.h>

#include "server/model/formula_parts.h"
#include "tests/server/model/model_folder.h"

namespace freshet {
namespace {

constexpr const char* kReturnsYaml = R"(dataset: returns
source: { log: { } }
time: { field: ts }
columns:
  - { name: place, type: string }
  - { name: sold, type: timestamp }
  - { name: worth, type: decimal(2) }
)";

ModelFolder& with_kpis(ModelFolder& folder, const std::string& text) {
  folder.write("datasets/sales.yaml", kSalesYaml);
  folder.write("datasets/returns.yaml", kReturnsYaml);
  folder.write("kpis/trading.yaml", kKpisYaml);
  folder.write("kpis/more.yaml", "kpis:\n" + text);
  return folder;
}

Faults faults(const std::string& kpi) {
  ModelFolder folder;
  return with_kpis(folder, "  - { kpi: k, " + kpi + " }\n").faults();
}

std::string fault_of_formula(const std::string& formula) {
  Faults found = faults("dataset: sales, formula: \"" + formula + "\"");
  if (found.size() != 1) return std::to_string(found.size()) + " faults";
  std::string begin = "kpis/more.yaml:2: 'formula' of kpi 'k': ";
  INFO(found[0]);
  CHECK(found[0].find(begin) == 0);
  return found[0].substr(begin.size());
}

TEST_CASE("a condition beside other KPIs holds for rows of one's own") {
  auto with_where = [](const std::string& formula) {
    return faults("dataset: sales, formula: \"" + formula +
                  "\", where: \"store = 'A'\"");
  };
  const Faults refused = {
      "kpis/more.yaml:2: 'where' of kpi 'k' does not hold for the kpis that "
      "its formula uses; give it to those"};
  CHECK(with_where("[units] / 2") == refused);
  CHECK(with_where("rolling([units], 7d)") == refused);
  CHECK(with_where("sum(qty) / [units]") == Faults{});
}

TEST_CASE("windows are read, with the KPIs in them") {
  ModelFolder folder;
  ModelLoad load =
      with_kpis(folder,
                "  - { kpi: k, formula: \"[units] / time_avg([net_sales], "
                "1d)\", dimensions: [store] }\n")
          .load();
  REQUIRE(load.model);
  const KpiModel& kpi = *load.model->kpi("k");
  CHECK(used_kpis(kpi.formula) ==
        std::vector<std::string>{"units", "net_sales"});
  for (const char* good : {"rolling(sum(net), 90m)", "to_date(sum(net), year)",
                           "before(sum(net), 1y)", "time_max(sum(net), 1w)",
                           "same_stores(rolling(sum(net), 28d))"}) {
    CHECK(faults("dataset: sales, formula: \"" + std::string(good) + "\"") ==
          Faults{});
  }
}

TEST_CASE("a formula gives a number, and conditions stand in CASE alone") {
  for (const char* good :
       {"case when sum(net) > 0 and not sum(qty) = 0 then 1 else 0 end",
        "case when sum(net) is null then null else sum(qty) end",
        "coalesce(sum(net), 0)"}) {
    CHECK(faults("dataset: sales, formula: \"" + std::string(good) + "\"") ==
          Faults{});
  }
  CHECK(fault_of_formula("sum(net) > 1") ==
        "a formula takes numbers, not the condition '>'");
  CHECK(fault_of_formula("(sum(net) > 1) + 1") ==
        "'+' takes numbers, not the condition '>'");
  CHECK(fault_of_formula("case when sum(net) then 1 else 0 end") ==
        "'case' needs a condition, not a number");
  CHECK(fault_of_formula("case when sum(net) > 1 then sum(qty) > 2 end") ==
        "'case' takes numbers, not the condition '>'");
  CHECK(fault_of_formula("sum(net) * (true)") ==
        "'*' takes numbers, not the condition 'true'");
}

TEST_CASE("a KPI is made of others to a depth that answers reach") {
  auto chain = [](size_t deepest) {
    std::string text = "  - { kpi: k0, dataset: sales, formula: sum(net) }\n";
    for (size_t i = 1; i <= deepest; ++i) {
      text += "  - { kpi: k" + std::to_string(i) + ", formula: \"[k" +
              std::to_string(i - 1) + "] + 1\" }\n";
    }
    ModelFolder folder;
    return with_kpis(folder, text).faults();
  };
  CHECK(chain(kMaxKpiDepth) == Faults{});
  CHECK(chain(kMaxKpiDepth + 1) ==
        Faults{"kpis/more.yaml:103: 'formula' of kpi 'k101' is more than 100 "
               "deep with the kpis and windows it is made of"});
  // Of thousands, too, it is told soon.
  CHECK(chain(5000).size() == 4900);
}

TEST_CASE("a fault is told once") {
  CHECK(faults("dataset: sales, formula: \"avg(nett)\"").size() == 1);
}

TEST_CASE("windows that are wrong") {
  CHECK(fault_of_formula("rolling(sum(net), 7x)") ==
        "rolling(): a span of time is 7d, 12h, 4w, 1mo or day, week, month, "
        "quarter, year, not '7x'");
  CHECK(fault_of_formula("to_date(sum(net), mnth)")
            .find("not 'mnth'; did you mean 'month'?") != std::string::npos);
  CHECK(fault_of_formula("rolling(sum(net), 0d)").find("not '0d'") !=
        std::string::npos);
  CHECK(fault_of_formula("rolling(sum(net), 101y)").find("not '101y'") !=
        std::string::npos);
  CHECK(fault_of_formula("time_avg(sum(net), 3d)") ==
        "time_avg(): '3d' is no bucket of the calendar");
  CHECK(faults("dataset: sales, formula: \"rolling(sum(nett), 7d)\"") ==
        Faults{"kpis/more.yaml:2: unknown column 'nett' in 'formula' of kpi "
               "'k'; did you mean 'net'?"});
  CHECK(fault_of_formula("rolling(sum(store), 7d)") ==
        "sum of \"store\" needs a number, not string");
  CHECK(faults("dataset: sales, formula: \"before(1, 7d)\"") ==
        Faults{"kpis/more.yaml:2: 'formula' of kpi 'k' has no aggregate: write "
               "sum(x) or count(*), not 'before(1, 7d)'"});
  CHECK(faults("formula: \"rolling([net_sals], 7d)\"") ==
        Faults{"kpis/more.yaml:2: unknown kpi 'net_sals' in 'formula' of kpi "
               "'k'; did you mean 'net_sales'?"});
  CHECK(faults("formula: \"rolling([k], 7d)\"") ==
        Faults{"kpis/more.yaml:2: the kpis form a cycle: k -> k"});
  CHECK(faults("dataset: returns, formula: same_stores(sum(worth))") ==
        Faults{"kpis/more.yaml:2: unknown column 'store' in 'formula' of kpi "
               "'k': same_stores()"});
}

TEST_CASE("the time of a KPI is a column of timestamps") {
  CHECK(faults("dataset: returns, formula: sum(worth), time: sold") ==
        Faults{});
  CHECK(faults("dataset: returns, formula: sum(worth), time: place") ==
        Faults{"kpis/more.yaml:2: 'time' of kpi 'k' must be a timestamp "
               "column, not 'place'"});
  CHECK(faults("dataset: returns, formula: sum(worth), time: sodl")[0].find(
            "did you mean 'sold'?") != std::string::npos);
  CHECK(faults("dataset: returns, time: sold, formula: "
               "sum(last(worth by place))") ==
        Faults{"kpis/more.yaml:2: 'time' of kpi 'k' cannot be given with "
               "last(x by k), which goes by the time of the event"});
}

TEST_CASE("targets by dimension") {
  auto target = [](const std::string& text) {
    return faults(
        "dataset: sales, formula: sum(net), dimensions: [store], "
        "target: " +
        text);
  };
  CHECK(target("{ dimension: store, per: day, values: { A: 1.5, B: 2 } }") ==
        Faults{});
  CHECK(target("{ dimension: stor, values: { A: 1 } }") ==
        Faults{"kpis/more.yaml:2: 'stor' in 'target' of kpi 'k' isn't one of "
               "its dimensions; did you mean 'store'?"});
  CHECK(target("{ dimension: store, per: dya, values: { A: 1 } }")[0].find(
            "'dya'") != std::string::npos);
  CHECK(target("{ dimension: store, values: { A: much } }") ==
        Faults{"kpis/more.yaml:2: 'values' in 'target' of kpi 'k' must be "
               "numbers, one for each value, not 'much'"});
  CHECK(target("{ dimension: store, valeus: { A: 1 } }").size() == 2);
  ModelFolder folder;
  ModelLoad load =
      with_kpis(folder,
                "  - { kpi: k, dataset: sales, formula: sum(net), dimensions: "
                "[store], target: { dimension: store, all: 9, values: { A: "
                "1.50 } } }\n")
          .load();
  REQUIRE(load.model);
  const KpiTarget& read = *load.model->kpi("k")->target;
  CHECK(read.values.at("A").units == 150);
  CHECK(read.whole->units == 9);
}

}  // namespace
}  // namespace freshet
