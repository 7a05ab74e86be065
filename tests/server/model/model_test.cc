#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <cstdlib>

#include "server/json/json_value.h"
#include "server/model/config_node.h"
#include "tests/server/model/model_folder.h"

namespace freshet {
namespace {

Faults kpi_faults(const std::string& from, const std::string& to) {
  return faults_with("kpis/trading.yaml", replaced(kKpisYaml, from, to));
}
Faults alert_faults(const std::string& rest) {
  return faults_with("alerts/ops.yaml",
                     "alerts:\n  - alert: low\n    kpi: net_sales\n" + rest);
}

TEST_CASE("a good model loads") {
  ModelFolder folder;
  folder.write("datasets/sales.yaml", kSalesYaml);
  folder.write("kpis/trading.yaml", kKpisYaml);
  folder.write("dashboards/trading.yaml", kDashboardYaml);
  CHECK(folder.faults() == Faults{});
  ModelLoad load = folder.load();
  REQUIRE(load.model);
  const DatasetModel* sales = load.model->dataset("sales");
  REQUIRE(sales);
  CHECK(sales->schema->columns.size() == 6);
  CHECK(sales->schema->columns[0].name == "__time");
  CHECK(std::get<LogSourceModel>(sales->source).partitions == 2);
  CHECK(std::get<LogSourceModel>(sales->source).retention_ms == 86400000);
  CHECK(sales->columns[4].derived);
  CHECK(load.model->kpi("net_sales")->formula.aggregates.size() == 1);
  CHECK(load.model->dashboard("trading")->tiles[1].by == "store");
  CHECK(load.model->version.size() == 16);
}

TEST_CASE("the starter model is written and has no fault") {
  ModelFolder folder;
  std::string target = folder.path() + "/new";
  REQUIRE(write_starter_model(target).has_value());
  ModelLoad load = load_model(target);
  for (const ModelFault& f : load.faults) {
    MESSAGE(f.file << ":" << f.line << ": " << f.message);
  }
  CHECK(load.faults.empty());
  CHECK(load.model);
  auto again = write_starter_model(target);
  REQUIRE(!again);
  CHECK(again.error().code == ErrorCode::kInvalid);
}

TEST_CASE("no folder") {
  ModelLoad load = load_model("/nowhere/at/all");
  REQUIRE(load.faults.size() == 1);
  CHECK(load.faults[0].message == "there is no model folder '/nowhere/at/all'");
}

TEST_CASE("unknown keys name their place and the nearest key") {
  CHECK(kpi_faults("formula: sum(qty)", "formla: sum(qty)") ==
        Faults{"kpis/trading.yaml:8: kpi 'units' lacks the key 'formula'",
               "kpis/trading.yaml:10: unknown key 'formla' in kpi 'units'; "
               "did you mean 'formula'?"});
  CHECK(dataset_faults("partitions: 2", "partitons: 2") ==
        Faults{"datasets/sales.yaml:2: unknown key 'partitons' in log of "
               "dataset 'sales'; did you mean 'partitions'?"});
  CHECK(dashboard_faults("by: store", "bye: store") ==
        Faults{"dashboards/trading.yaml:6: tile 'units' of dashboard "
               "'trading' lacks the key 'by', which bars need",
               "dashboards/trading.yaml:6: unknown key 'bye' in tile 'units' "
               "of dashboard 'trading'; did you mean 'by'?"});
  CHECK(faults_with("freshet.yaml", "listn: 1.2.3.4:80\n") ==
        Faults{"freshet.yaml:1: unknown key 'listn' in the settings; did you "
               "mean 'listen'?"});
}

TEST_CASE("wrong types show the value") {
  CHECK(dataset_faults("partitions: 2", "partitions: two") ==
        Faults{"datasets/sales.yaml:2: 'partitions' in log of dataset 'sales' "
               "must be a whole number from 1 to 1024, not 'two'"});
  CHECK(dataset_faults("retention: 1d", "retention: long") ==
        Faults{"datasets/sales.yaml:2: 'retention' in log of dataset 'sales' "
               "must be a duration such as 90s, 10m, 12h or 7d, not 'long'"});
  CHECK(dataset_faults("type: long", "type: lng") ==
        Faults{"datasets/sales.yaml:7: 'type' in column 'qty' of dataset "
               "'sales' must be string, long, double, decimal(N), bool or "
               "timestamp, not 'lng'",
               "datasets/sales.yaml:9: 'from' of column 'net' of dataset "
               "'sales' (it may use the columns before it): '*' does not take "
               "(string, decimal(2)): (\"qty\" * \"price\")",
               "kpis/trading.yaml:10: 'formula' of kpi 'units': sum of "
               "\"qty\" needs a number, not string"});
  CHECK(kpi_faults("dimensions: [store, channel]", "dimensions: { a: 1 }") ==
        Faults{"dashboards/trading.yaml:5: tile 'net_sales' of dashboard "
               "'trading' cannot follow the page's filter 'store': it isn't a "
               "dimension of kpi 'net_sales'",
               "kpis/trading.yaml:7: 'dimensions' in kpi 'net_sales' must be "
               "a list of texts, not a map"});
  CHECK(dashboard_faults("top: 5", "top: few") ==
        Faults{"dashboards/trading.yaml:6: 'top' in tile 'units' of dashboard "
               "'trading' must be a whole number from 1 to 1000, not 'few'"});
}

TEST_CASE("duplicates") {
  CHECK(kpi_faults("kpi: units", "kpi: net_sales")[1] ==
        "kpis/trading.yaml:8: kpi 'net_sales' is defined twice, first in "
        "kpis/trading.yaml:2");
  CHECK(dataset_faults("name: channel", "name: store")[0] ==
        "datasets/sales.yaml:6: column 'store' stands twice in dataset "
        "'sales'");
  CHECK(faults_with("datasets/copy.yaml", kSalesYaml) ==
        Faults{"datasets/sales.yaml:1: dataset 'sales' is defined twice, "
               "first in datasets/copy.yaml:1"});
  CHECK(dataset_faults_with("title: a\ntitle: b")[0] ==
        "datasets/sales.yaml:11: key 'title' is given twice, first in line "
        "10");
}

TEST_CASE("columns that are not there") {
  CHECK(dataset_faults("qty * price", "qty * prise") ==
        Faults{"datasets/sales.yaml:9: unknown column 'prise' in 'from' of "
               "column 'net' of dataset 'sales' (it may use the columns "
               "before it); did you mean 'price'?"});
  CHECK(dataset_faults_with("filter: qtty <> 0") ==
        Faults{"datasets/sales.yaml:10: unknown column 'qtty' in 'filter' of "
               "dataset 'sales'; did you mean 'qty'?"});
  CHECK(dataset_faults_with("sort_by: [stor]") ==
        Faults{"datasets/sales.yaml:10: unknown column 'stor' in 'sort_by' of "
               "dataset 'sales'; did you mean 'store'?"});
  CHECK(kpi_faults("sum(qty)", "sum(qyt)") ==
        Faults{"kpis/trading.yaml:10: unknown column 'qyt' in 'formula' of "
               "kpi 'units'; did you mean 'qty'?"});
  CHECK(kpi_faults("formula: sum(qty)",
                   "formula: sum(qty)\n    where: \"chanel = 'web'\"") ==
        Faults{"kpis/trading.yaml:11: unknown column 'chanel' in 'where' of "
               "kpi 'units'; did you mean 'channel'?"});
  CHECK(dataset_faults_with("cubes:\n  - { name: c, dimensions: [stre] }") ==
        Faults{"datasets/sales.yaml:11: unknown column 'stre' in "
               "'dimensions' of cube 'c' of dataset 'sales'; did you mean "
               "'store'?"});
  auto cube = [](const std::string& keys) {
    return dataset_faults_with("cubes:\n  - { name: c, " + keys + " }");
  };
  const std::string place = " of cube 'c' of dataset 'sales'";
  CHECK(cube("dimensions: [__time]") ==
        Faults{"datasets/sales.yaml:11: 'dimensions'" + place +
               ": time is cut by 'granularity', it is no dimension"});
  CHECK(cube("measures: [store]") ==
        Faults{"datasets/sales.yaml:11: 'measures'" + place +
               ": 'store' is no number; say what to keep of it, as in "
               "distinct(store)"});
  CHECK(cube("measures: [median(qty)]") ==
        Faults{"datasets/sales.yaml:11: 'measures'" + place +
               ": knows count, sum, min, max, first, last, distinct, "
               "approx_distinct and approx_quantile, not median"});
  CHECK(cube("measures: [sum(store)]") ==
        Faults{"datasets/sales.yaml:11: 'measures'" + place +
               ": sum(store) can't be kept of a column of type string"});
  CHECK(cube("tz: Mars") ==
        Faults{"datasets/sales.yaml:11: 'tz' in cube 'c' of dataset 'sales' "
               "must be a zone such as Europe/Madrid, not 'Mars'"});
}

TEST_CASE("types of expressions") {
  CHECK(dataset_faults_with("filter: qty + 1") ==
        Faults{"datasets/sales.yaml:10: 'filter' of dataset 'sales' must be a "
               "condition, not a value of type long"});
  CHECK(dataset_faults("from: \"qty * price\"", "from: \"store\"") ==
        Faults{"datasets/sales.yaml:9: 'from' of column 'net' of dataset "
               "'sales' gives string, which does not fit the column's type "
               "decimal(2)"});
  CHECK(kpi_faults("sum(qty)", "sum(store)") ==
        Faults{"kpis/trading.yaml:10: 'formula' of kpi 'units': sum of "
               "\"store\" needs a number, not string"});
}

TEST_CASE("unknown datasets, kpis and contacts") {
  CHECK(kpi_faults("dataset: sales\n    formula: sum(qty)",
                   "dataset: sale\n    formula: sum(qty)") ==
        Faults{"kpis/trading.yaml:9: unknown dataset 'sale' in kpi 'units'; "
               "did you mean 'sales'?"});
  CHECK(dashboard_faults("kpi: units", "kpi: unit") ==
        Faults{"dashboards/trading.yaml:6: unknown kpi 'unit' in tile 'unit' "
               "of dashboard 'trading'; did you mean 'units'?"});
  CHECK(alert_faults("    when: \"> 1\"\n    notify: [opps]\ncontacts:\n"
                     "  - { contact: ops, webhook: { url: \"https://x\" } }") ==
        Faults{"alerts/ops.yaml:5: unknown contact 'opps' in alert 'low'; did "
               "you mean 'ops'?"});
  CHECK(kpi_faults("sum(qty)", "\"[net_salse] / 2\"") ==
        Faults{"kpis/trading.yaml:10: unknown kpi 'net_salse' in 'formula' of "
               "kpi 'units'; did you mean 'net_sales'?"});
}

TEST_CASE("cycles of kpis") {
  std::string text = R"(kpis:
  - { kpi: a, formula: "[b] + 1" }
  - { kpi: b, formula: "[c] + 1" }
  - { kpi: c, formula: "[a] + 1" }
)";
  CHECK(faults_with("kpis/more.yaml", text) ==
        Faults{"kpis/more.yaml:2: the kpis form a cycle: a -> b -> c -> a"});
  CHECK(faults_with("kpis/more.yaml",
                    "kpis:\n  - { kpi: a, formula: \"[a]\" }\n") ==
        Faults{"kpis/more.yaml:2: the kpis form a cycle: a -> a"});
}

TEST_CASE("kpis that grow with each other") {
  std::string kpis = kKpisYaml;
  std::string last = "units";
  for (int i = 0; i < 12; ++i) {
    std::string name = "k" + std::to_string(i);
    kpis += "  - { kpi: " + name + ", formula: \"[" + last + "] + [" + last +
            "]\" }\n";
    last = name;
  }
  // 2, 4, ... 512 terms are fine; 1024 and more are not.
  Faults faults = faults_with("kpis/trading.yaml", kpis);
  REQUIRE(faults.size() == 3);
  CHECK(faults[0].find("kpi 'k9' has more than 1000 terms") !=
        std::string::npos);
}

TEST_CASE("text that is no YAML") {
  Faults faults = faults_with("kpis/more.yaml", "kpis:\n  - { kpi: a\n");
  REQUIRE(faults.size() == 1);
  CHECK(faults[0].find("kpis/more.yaml:3: not valid YAML") == 0);
  CHECK(faults_with("kpis/more.yaml", "kpis: !!set []\n")[0] ==
        "kpis/more.yaml:1: tags are not understood: "
        "'tag:yaml.org,2002:set'");
}

TEST_CASE("files that blow up") {
  std::string laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 9; ++i) {
    std::string before = "*a" + std::to_string(i - 1);
    laughs += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 10; ++j) laughs += (j ? ", " : "") + before;
    laughs += "]\n";
  }
  Faults faults = faults_with("kpis/more.yaml", laughs);
  REQUIRE(faults.size() == 1);
  CHECK(faults[0] ==
        "kpis/more.yaml:5: more than 100000 values, aliases expanded");
  CHECK(faults_with("kpis/more.yaml", std::string(2 << 20, '#')) ==
        Faults{"kpis/more.yaml:0: the file is larger than 1 MiB"});
  Faults deep = faults_with("kpis/more.yaml", std::string(100000, '['));
  CHECK(deep == Faults{"kpis/more.yaml:1: nested too deep: more than 100 lists "
                       "and maps within one another"});
}

TEST_CASE("what this version cannot honour") {
  auto later = [](const Faults& faults) {
    REQUIRE(faults.size() == 1);
    INFO(faults[0]);
    CHECK(faults[0].find("isn't available in this version") !=
          std::string::npos);
    return faults[0];
  };
  later(alert_faults("    when: anomaly(4)\n"));
  later(alert_faults("    when: outside(1, 2)\n"));
  CHECK(faults_with("roles/managers.yaml", "role: x\n") ==
        Faults{"roles/managers.yaml:0: roles aren't available in this "
               "version"});
}

TEST_CASE("kafka sources and secrets") {
  auto with = [](const std::string& kafka) {
    return dataset_faults("{ log: { partitions: 2, retention: 1d } }",
                          "{ kafka: " + kafka + " }");
  };
  ::setenv("FRESHET_TEST_SECRET", "hidden-value", 1);
  CHECK(with("{ brokers: \"${env:FRESHET_TEST_SECRET}:9092\", topics: [a] }") ==
        Faults{});
  Faults missing = with("{ brokers: \"${env:FRESHET_NOT_SET}\", topic: a }");
  CHECK(missing ==
        Faults{"datasets/sales.yaml:2: 'brokers' in kafka of dataset 'sales': "
               "the environment variable is not set: FRESHET_NOT_SET"});
  CHECK(with("{ brokers: a, topic: b, properties: { plugin.library.paths: x } "
             "}") ==
        Faults{"datasets/sales.yaml:2: property 'plugin.library.paths' in "
               "kafka of dataset 'sales' isn't allowed"});
  Faults file = with(
      "{ brokers: a, topic: b, properties: { sasl.password: "
      "\"${file:/no/such}\" } }");
  REQUIRE(file.size() == 1);
  CHECK(file[0].find(
            "the secret's file cannot be read: No such file or directory: ") !=
        std::string::npos);
  Faults plain = with(
      "{ brokers: a, topic: b, properties: { sasl.password: plain-text } }");
  CHECK(plain ==
        Faults{"datasets/sales.yaml:2: 'sasl.password' in properties of kafka "
               "of dataset 'sales' must be a reference to a secret: "
               "${file:PATH} or ${env:NAME}"});
  CHECK(faults_with("freshet.yaml", "token: plain-text\n") ==
        Faults{"freshet.yaml:1: 'token' in the settings must be a reference to "
               "a secret: ${file:PATH} or ${env:NAME}"});
  // The value of a secret is in no message, also when it does not fit.
  Faults secret = faults_with("alerts/c.yaml",
                              "contacts:\n  - contact: x\n    webhook: { url: "
                              "\"${env:FRESHET_TEST_SECRET}\" }\n");
  REQUIRE(secret.size() == 1);
  CHECK(secret[0].find("hidden") == std::string::npos);
}

TEST_CASE("all faults of all files, in order") {
  ModelFolder folder;
  folder.write("datasets/sales.yaml",
               replaced(kSalesYaml, "time: { field: ts }\n", "tme: 1\n"));
  folder.write("kpis/trading.yaml", replaced(kKpisYaml, "EUR", "euro"));
  folder.write("dashboards/trading.yaml",
               replaced(kDashboardYaml, "Europe/Madrid", "Europe/Madird"));
  CHECK(folder.faults() ==
        Faults{"dashboards/trading.yaml:2: 'tz' in default of dashboard "
               "'trading' must be an IANA zone such as Europe/Madrid, not "
               "'Europe/Madird'",
               "datasets/sales.yaml:1: dataset 'sales' lacks the key 'time'",
               "datasets/sales.yaml:3: unknown key 'tme' in dataset 'sales'; "
               "did you mean 'time'?",
               "kpis/trading.yaml:6: 'currency' in kpi 'net_sales' must be a "
               "code such as EUR, not 'euro'"});
}

TEST_CASE("misspelled files and folders") {
  CHECK(faults_with("dataset/x.yaml", "a: 1\n") ==
        Faults{"dataset:0: unknown folder 'dataset' in the model; did you "
               "mean 'datasets'?"});
  CHECK(faults_with("kpis/x.yml", "a: 1\n") ==
        Faults{"kpis/x.yml:0: name it .yaml, so that it is read"});
}

TEST_CASE("an alert as JSON goes through the same reader") {
  ModelFolder folder;
  folder.write("datasets/sales.yaml", kSalesYaml);
  folder.write("kpis/trading.yaml", kKpisYaml);
  ModelLoad load = folder.load();
  REQUIRE(load.model);
  auto body = parse_json(
      R"({"kpi":"net_sales","by":["store"],"window":"1h","when":"< 0.5",
          "recover":">= 1","for":"90s","labels":{"team":"a"},
          "filter":"channel:!web","min_rows":3})");
  REQUIRE(body.has_value());
  auto alert = parse_alert_json(*body, "low", *load.model);
  REQUIRE(alert.has_value());
  CHECK(alert->for_ms == 90000);
  CHECK(alert->when.holds(Value(0.4)));
  CHECK(!alert->when.holds(Value(0.5)));
  auto again = parse_json(alert_to_json(*alert));
  REQUIRE(again.has_value());
  auto twice = parse_alert_json(*again, "low", *load.model);
  REQUIRE(twice.has_value());
  CHECK(alert_to_json(*twice) == alert_to_json(*alert));

  auto wrong = parse_json(R"({"kpi":"net_sale","wen":"> 1","window":5})");
  auto refused = parse_alert_json(*wrong, "low", *load.model);
  REQUIRE(!refused);
  CHECK(refused.error().code == ErrorCode::kInvalid);
  for (const char* part :
       {"unknown kpi 'net_sale' in alert 'low'; did you mean 'net_sales'?",
        "unknown key 'wen'", "did you mean 'when'?", "'window'", "'5'"}) {
    CHECK(refused.error().message.find(part) != std::string::npos);
  }
  std::string paths;
  for (const ErrorDetail& detail : refused.error().details) {
    paths += detail.path + " ";
  }
  CHECK(paths == "kpi window when wen ");
}

TEST_CASE("thresholds") {
  for (const char* text : {"> 0.08", ">= 3", "< -2", "<= 0", "= 7", "<> 1",
                           "> 0.10", "> 1000000000000000.01"}) {
    auto threshold = parse_threshold(text);
    REQUIRE(threshold.has_value());
    CHECK(threshold->to_string() == text);
  }
  for (const char* text : {"", "> x", "0.5", "=> 3", "> 1 2", "> inf", "> .",
                           "> 1e", "> 1e99", "> 1.2.3", "> -"}) {
    CHECK(!parse_threshold(text));
  }
  CHECK(parse_threshold("> 1.5e3")->to_string() == "> 1500");
  CHECK(parse_threshold("> -2e-3")->to_string() == "> -0.002");
  // A tenth is a tenth, whatever the KPI's numbers are made of.
  auto tenth = parse_threshold(">= 0.1");
  CHECK(tenth->holds(Value(Decimal{10, 2})));
  CHECK(tenth->holds(Value(0.1)));
  CHECK_FALSE(tenth->holds(Value(Decimal{9, 2})));
  CHECK(parse_threshold("= 0.10")->holds(Value(Decimal{1, 1})));
  CHECK(parse_threshold("= 9007199254740993")
            ->holds(Value(int64_t{9'007'199'254'740'993})));
  CHECK_FALSE(parse_threshold("= 9007199254740993")
                  ->holds(Value(int64_t{9'007'199'254'740'992})));
}

TEST_CASE("settings: file, then environment") {
  ModelFolder folder;
  folder.write("freshet.yaml",
               "listen: 127.0.0.1:9000\nscan_threads: 3\n"
               "scrub_rate: 1000\nscrub_every: 2h\n");
  ModelLoad load = folder.load();
  REQUIRE(load.model);
  Settings settings = load.model->settings;
  CHECK(settings.listen == "127.0.0.1:9000");
  ::setenv("FRESHET_LISTEN", "127.0.0.1:9001", 1);
  REQUIRE(override_from_environment(settings).has_value());
  CHECK(settings.listen == "127.0.0.1:9001");
  CHECK(settings.scan_threads == 3);
  CHECK(settings.scrub_rate == 1000);
  CHECK(settings.scrub_every_ms == 2 * 3600'000);
  ::unsetenv("FRESHET_LISTEN");
  ::setenv("FRESHET_SCAN_THREADS", "many", 1);
  auto wrong = override_from_environment(settings);
  ::unsetenv("FRESHET_SCAN_THREADS");
  REQUIRE(!wrong);
  CHECK(wrong.error().message.find("'many'") != std::string::npos);
}

}  // namespace
}  // namespace freshet
