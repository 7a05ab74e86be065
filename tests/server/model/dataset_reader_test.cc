// Datasets in model files: how events are written, keys, cubes.
#include <doctest/doctest.h>

#include "tests/server/model/model_folder.h"

namespace freshet {
namespace {

TEST_CASE("cubes keep all measures unless they are named") {
  ModelFolder folder;
  folder.write("datasets/sales.yaml", std::string(kSalesYaml) + R"(cubes:
  - { name: all, dimensions: [store], granularity: day, tz: Europe/Madrid }
  - name: few
    measures: [qty, last(qty), approx_distinct(store), count(store)]
)");
  CHECK(folder.faults() == Faults{});
  ModelLoad load = folder.load();
  REQUIRE(load.model);
  const auto& cubes = load.model->dataset("sales")->cubes;
  REQUIRE(cubes.size() == 2);
  CHECK(to_text(cubes[0]) ==
        "all P1D Europe/Madrid by store of qty/7 price/7 net/7");
  CHECK(to_text(cubes[1]) == "few PT1H UTC by of qty/23 store/64");
}

TEST_CASE("a key") {
  CHECK(dataset_faults_with("key: [store, qty]\non_duplicate: ignore\n"
                            "key_memory: 2000000") == Faults{});
  CHECK(dataset_faults_with("key: store\non_duplicate: replace\n"
                            "order_by: qty") == Faults{});
  CHECK(dataset_faults_with("key: [shop]")
            .at(0)
            .find("'key' of dataset 'sales'") != std::string::npos);
  for (const char* alone :
       {"on_duplicate: ignore", "order_by: qty", "key_memory: 2000000"}) {
    CHECK(dataset_faults_with(alone).at(0).find("needs a 'key'") !=
          std::string::npos);
  }
  CHECK(
      dataset_faults_with("key: store\norder_by: channel")
          .at(0)
          .find(
              "must be a number or a time, not the string column 'channel'") !=
      std::string::npos);
  CHECK(dataset_faults_with("key: store\norder_by: qty")
            .at(0)
            .find("on_duplicate: replace only") != std::string::npos);
  CHECK(dataset_faults_with("key: store\non_duplicate: newest")
            .at(0)
            .find("one of ignore, replace") != std::string::npos);
}

TEST_CASE("how events are written") {
  auto with = [](const std::string& source) {
    return dataset_faults("partitions: 2", "partitions: 2, " + source);
  };
  const std::string at = "datasets/sales.yaml:2: ";
  CHECK(with("format: csv, fields: [ts, store], delimiter: tab") == Faults{});
  CHECK(with("format: tsv, fields: [ts, store]") == Faults{});
  CHECK(with("format: json, explode: lines") == Faults{});
  CHECK(with("format: csv") ==
        Faults{at + "log of dataset 'sales' lacks the key 'fields', the names "
                    "of a record's fields"});
  CHECK(with("format: csv, fields: [a], delimiter: \"ab\"").size() == 1);
  CHECK(with("format: json, fields: [a]").size() == 1);
  CHECK(with("format: xml, record: /a/b, explode: c") == Faults{});
  CHECK(with("format: xml").size() == 1);
  CHECK(with("format: avro, registry: { url: \"http://r\" }") == Faults{});
  CHECK(with("format: avro") ==
        Faults{at + "log of dataset 'sales' lacks the key 'registry'"});
  CHECK(with("format: debezium, decimals: string") == Faults{});
  CHECK(with("format: debezium, decimals: double").size() == 1);
  CHECK(with("format: dms, before_image: old") == Faults{});
  CHECK(with("format: dms, registry: { url: x }").size() == 1);
  CHECK(with("retention_bytes: 1000").size() == 1);
  auto files = [](const std::string& keys) {
    return dataset_faults("{ log: { partitions: 2, retention: 1d } }",
                          "{ files: { " + keys + " } }");
  };
  CHECK(files("path: \"drop/*.xml\", record: /a/b, after: move, poll: 1s") ==
        Faults{});
  CHECK(files("path: \"s3://b/p/*.csv\", user: k, region: eu-west-1") ==
        Faults{});
  CHECK(files("path: \"drop/*.csv\", user: k") ==
        Faults{at + "'user' in files of dataset 'sales' has no meaning for a "
                    "folder"});
  CHECK(files("path: \"http://x/*.csv\"").size() == 1);
  CHECK(files("path: \"a*/b.csv\"").size() == 1);
  CHECK(files("path: x, format: avro, registry: { url: r }").size() == 1);
  CHECK(files("format: csv").size() == 1);
  auto column = [](const std::string& keys) {
    return dataset_faults("{ name: channel, type: string }",
                          "{ name: channel, type: string, " + keys + " }");
  };
  CHECK(column("message: header.trace") == Faults{});
  CHECK(column("on_error: \"null\"") == Faults{});
  CHECK(column("on_error: null") == Faults{});
  CHECK(column("message: body").size() == 1);
  CHECK(column("message: key, path: a").size() == 1);
  CHECK(column("on_error: default").size() == 1);
  CHECK(column("format: days").size() == 1);
  CHECK(column("pii: drop") == Faults{});
  CHECK(column("pii: true").size() == 1);
  CHECK(column("pii: hash").size() == 1);  // without a key
}

TEST_CASE("no key of what is not stored") {
  auto faults = [](const std::string& column, const std::string& more) {
    return faults_with(
        "datasets/sales.yaml",
        replaced(kSalesYaml, column, column + ", pii: drop") + more + "\n");
  };
  const std::string qty = "qty, type: long";
  CHECK(faults(qty, "key: [store]") == Faults{});
  CHECK(faults(qty, "key: [store, qty]").size() == 1);
  CHECK(faults(qty, "key: [qty]").at(0).find("stores nothing") !=
        std::string::npos);
  CHECK(faults(qty, "key: store\non_duplicate: replace\norder_by: qty")
            .at(0)
            .find("'order_by' of dataset 'sales'") != std::string::npos);
}

// The README writes it bare, which YAML reads as no value.
TEST_CASE("on_error: null stores null, however it is written") {
  for (const char* written : {"null", "'null'", "\"null\"", "Null"}) {
    CAPTURE(written);
    ModelFolder folder;
    folder.write(
        "datasets/sales.yaml",
        replaced(kSalesYaml, "qty, type: long",
                 std::string("qty, type: long, on_error: ") + written));
    CHECK(folder.faults() == Faults{});
    ModelLoad load = folder.load();
    REQUIRE(load.model);
    for (const ColumnModel& c : load.model->dataset("sales")->columns) {
      CHECK(c.on_error == (c.name == "qty" ? "null" : "reject"));
    }
  }
}

TEST_CASE("a key without a value is a fault that names it") {
  for (const std::string key : {"partition_by", "retention", "sort_by",
                                "filter", "key", "seal", "title"}) {
    for (const char* nothing : {":", ": null", ": ~"}) {
      CAPTURE(key);
      Faults faults = dataset_faults_with(key + nothing);
      REQUIRE(faults.size() == 1);
      CHECK(faults[0].find("'" + key + "' in dataset 'sales' has no value") !=
            std::string::npos);
    }
  }
  for (const char* key : {"on_error:", "on_error: ~", "cardinality: null",
                          "format:", "pii: null"}) {
    CAPTURE(key);
    Faults faults = dataset_faults("qty, type: long",
                                   std::string("qty, type: long, ") + key);
    REQUIRE(faults.size() == 1);
    CHECK(faults[0].find("in column 'qty' of dataset 'sales' has no value") !=
          std::string::npos);
  }
  for (const std::string& fault :
       dataset_faults("dataset: sales", "dataset:")) {
    CHECK(fault.find("lacks the key 'dataset'") == std::string::npos);
  }
}

TEST_CASE("former names of a column") {
  auto with = [](const std::string& keys) {
    return dataset_faults("{ name: channel, type: string }",
                          "{ name: channel, type: string, " + keys + " }");
  };
  CHECK(with("aliases: [way, kind]") == Faults{});
  CHECK(with("aliases: way") == Faults{});
  const std::string at = "datasets/sales.yaml:6: ";
  const std::string place = "column 'channel' of dataset 'sales'";
  CHECK(with("aliases: [qty]") == Faults{at + "'aliases' of " + place +
                                         ": 'qty' is a column of the dataset"});
  CHECK(with("aliases: channel") == Faults{at + "'channel' in 'aliases' of " +
                                           place + " is the column itself"});
  CHECK(with("aliases: [__time]") ==
        Faults{at + "'__time' in 'aliases' of " + place +
               " is the time of all rows"});
  CHECK(with("aliases: ['']").size() == 1);
  CHECK(with("aliases: [a, a]").size() == 1);
  CHECK(with("aliases: { a: b }").size() == 1);
  CHECK(with("alias: a").at(0).find("did you mean 'aliases'") !=
        std::string::npos);
  CHECK(with("aliases: [q] }\n  - { name: c2, type: long, aliases: [q]") ==
        Faults{"datasets/sales.yaml:7: 'aliases' of column 'c2' of dataset "
               "'sales': 'q' is one of column 'channel' already"});
  ModelFolder folder;
  folder.write("datasets/sales.yaml",
               replaced(kSalesYaml, "qty, type: long",
                        "qty, type: long, aliases: [units, pieces]"));
  ModelLoad load = folder.load();
  REQUIRE(load.model);
  const ColumnModel& qty = load.model->dataset("sales")->columns[2];
  CHECK(qty.aliases == std::vector<std::string>{"units", "pieces"});
  CHECK(qty.path == "qty");
}

}  // namespace
}  // namespace freshet
