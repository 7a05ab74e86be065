// Sources in model files: brokers, topics, patterns, tokens; and what no text
// of a model may be.
#include <doctest/doctest.h>

#include <cstdlib>

#include "tests/server/model/model_folder.h"

namespace freshet {
namespace {

Faults kafka_faults(const std::string& kafka) {
  return dataset_faults("{ log: { partitions: 2, retention: 1d } }",
                        "{ kafka: { brokers: b, " + kafka + " } }");
}

// Whether the first fault says `text`; if not, tells what there is.
bool has(const Faults& faults, const std::string& text) {
  if (!faults.empty() && faults[0].find(text) != std::string::npos) return true;
  for (const std::string& fault : faults) MESSAGE(fault);
  return false;
}

TEST_CASE("topics and patterns") {
  ::setenv("FRESHET_TEST_TOPIC", "env.sales", 1);
  CHECK(kafka_faults("topics: [a, '^b\\..*'], group: g") == Faults{});
  CHECK(has(kafka_faults("topics: ['^b(']"),
            "topic '^b(' in kafka of dataset 'sales' is a pattern"));
  CHECK(has(kafka_faults("topics: ['']"),
            "topic '' in kafka of dataset 'sales' is empty"));
  CHECK(kafka_faults("topics: [a/0, a/12, b]") == Faults{});
  for (const char* wrong : {"a/", "/1", "a/x", "a/01", "a/1/2", "a/-1"}) {
    CHECK(has(kafka_faults(std::string("topic: ") + wrong),
              "must be TOPIC or TOPIC/NUMBER"));
  }
  CHECK(kafka_faults("topics: ['${env:FRESHET_TEST_TOPIC}']") == Faults{});
  CHECK(has(kafka_faults("topics: ['${env:FRESHET_NOT_SET}']"),
            "'topics' in kafka of dataset 'sales': the environment variable is "
            "not set: FRESHET_NOT_SET"));
  ModelFolder folder;
  folder.write("datasets/sales.yaml",
               replaced(kSalesYaml, "{ log: { partitions: 2, retention: 1d } }",
                        "{ kafka: { brokers: b, topic: "
                        "'${env:FRESHET_TEST_TOPIC}' } }"));
  ModelLoad load = folder.load();
  REQUIRE(load.model);
  const auto& kafka =
      std::get<KafkaSourceModel>(load.model->datasets[0].source);
  CHECK(kafka.topics == std::vector<std::string>{"env.sales"});
}

TEST_CASE("tokens come over TLS, or from this machine") {
  ::setenv("FRESHET_TEST_SECRET", "hidden-value", 1);
  auto oauth = [](const std::string& url,
                  const std::string& secret = "'${env:FRESHET_TEST_SECRET}'") {
    const std::string name = ", sasl.oauthbearer.";
    return kafka_faults("topic: a, properties: { sasl.mechanism: OAUTHBEARER" +
                        name + "method: oidc" + name + "token.endpoint.url: '" +
                        url + "'" + name + "client.id: c" + name +
                        "client.secret: " + secret +
                        ", https.ca.location: /ca }");
  };
  CHECK(oauth("https://id.example/token") == Faults{});
  CHECK(oauth("http://127.0.0.1:8080/token") == Faults{});
  for (const char* open : {"http://id.example/token", "ftp://x", "id.example",
                           "http://localhost.example/token"}) {
    CHECK(has(oauth(open), "must begin with https://"));
  }
  CHECK(has(oauth("https://x", "''"), "client.secret' is missing"));
  Faults unset = oauth("https://x", "'${env:FRESHET_NOT_SET}'");
  REQUIRE(!unset.empty());
  CHECK(unset[0].find("is not set: FRESHET_NOT_SET") != std::string::npos);
}

TEST_CASE("a text that is needed is not blank") {
  for (const char* blank : {"''", "' '"}) {
    CHECK(has(dataset_faults("name: qty", std::string("name: ") + blank),
              "'name' in a column of dataset 'sales' must be a text that is "
              "not empty"));
    CHECK(has(dataset_faults("field: ts", std::string("field: ") + blank),
              "'field' in time of dataset 'sales' must be a text"));
  }
  CHECK(has(faults_with("kpis/other.yaml",
                        "kpis:\n  - { kpi: '', dataset: sales, formula: "
                        "sum(qty) }\n"),
            "'kpi'"));
}

TEST_CASE("a time pattern must say which day, in conversions there are") {
  auto with = [](const std::string& pattern) {
    return dataset_faults("{ field: ts }",
                          "{ field: ts, format: '" + pattern + "' }");
  };
  for (const char* good : {"%Y%m%d", "%Y-%m-%d %H:%M:%S", "%d/%m/%y",
                           "%a, %d %b %Y %H:%M:%S %z", "%Y-%m-%dT%H:%M:%E*S%Ez",
                           "%s", "%F %T", "%m/%d/%Y %I:%M %p", "%Y%%%m%d"}) {
    INFO(good);
    CHECK(with(good) == Faults{});
  }
  CHECK(has(with("%Q%n%"), "has no conversion '%Q'"));
  CHECK(has(with("%Y-%m-%"), "ends in a lone '%'"));
  CHECK(has(with("%H:%M"), "does not say which day"));
  CHECK(has(with("%Y-%m"), "does not say which day"));
  CHECK(has(dataset_faults("name: qty, type: long",
                           "name: qty, type: timestamp, format: '%L'"),
            "has no conversion '%L'"));
}

TEST_CASE("an alert recovers where it does not fire") {
  auto with = [](const std::string& when, const std::string& recover) {
    return faults_with("alerts/a.yaml",
                       "alerts:\n  - { alert: a, kpi: units, when: \"" + when +
                           "\", recover: \"" + recover + "\" }\n");
  };
  for (auto [when, recover] : {std::pair("> 8", "< 6"),
                               {"> 8", "<= 8"},
                               {">= 8", "< 8"},
                               {"< 0.5", ">= 1"},
                               {"= 0", "> 0"},
                               {"<> 0", "= 0"}}) {
    INFO(when << " " << recover);
    CHECK(with(when, recover) == Faults{});
  }
  for (auto [when, recover] : {std::pair("> 8", "< 9"),
                               {"> 8", "> 6"},
                               {">= 8", "<= 8"},
                               {"< 1", "> 0.5"},
                               {"< 5", "<> 7"},
                               {"= 3", "< 4"},
                               {"> 8", "> 9"}}) {
    INFO(when << " " << recover);
    CHECK(has(with(when, recover), "'recover' in alert 'a'"));
  }
}

TEST_CASE("a reference where none is resolved is a fault") {
  ::setenv("FRESHET_TEST_SECRET", "hidden-value", 1);
  const std::string reference = "'${env:FRESHET_TEST_SECRET}'";
  CHECK(has(dataset_faults_with("title: " + reference),
            "'title' in dataset 'sales' takes no reference"));
  CHECK(has(dataset_faults("field: ts", "field: '${file:/etc/ts}'"),
            "takes no reference"));
  CHECK(has(faults_with("dashboards/trading.yaml",
                        replaced(kDashboardYaml, "filters: [store]",
                                 "filters: [store, " + reference + "]")),
            "takes no reference"));
}

}  // namespace
}  // namespace freshet
