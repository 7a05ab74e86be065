// lookups/*.yaml, and what names a lookup: columns, expressions, targets.
#include <doctest/doctest.h>

#include "server/query/lookup_source.h"
#include "tests/server/model/model_folder.h"

using namespace freshet;

namespace {

const char* kProductsYaml = R"(lookup: products
title: Products
key: sku
columns:
  - { name: sku, type: string }
  - { name: category, type: string }
  - { name: cost, type: decimal(2) }
)";

const char* kSalesWithLookup = R"(dataset: sales
source: { log: { partitions: 2 } }
time: { field: ts }
columns:
  - { name: store, type: string }
  - { name: channel, type: string }
  - { name: qty, type: long }
  - { name: price, type: decimal(2) }
  - { name: net, type: decimal(2), from: "qty * price" }
  - { name: sku, type: string }
  - { name: category, type: string, lookup: products.category, by: sku }
)";

Faults lookup_faults(const std::string& from, const std::string& to) {
  return faults_with("lookups/products.yaml",
                     replaced(kProductsYaml, from, to));
}

Faults sales_faults(const std::string& from, const std::string& to) {
  ModelFolder folder;
  folder.write("lookups/products.yaml", kProductsYaml);
  folder.write("datasets/sales.yaml", replaced(kSalesWithLookup, from, to));
  return folder.faults();
}

Faults kpi_faults(const std::string& keys) {
  ModelFolder folder;
  folder.write("lookups/products.yaml", kProductsYaml);
  folder.write("datasets/sales.yaml", kSalesWithLookup);
  folder.write("kpis/one.yaml",
               "kpis:\n  - kpi: one\n    dataset: sales\n"
               "    dimensions: [sku]\n" +
                   keys);
  return folder.faults();
}

}  // namespace

TEST_CASE("a lookup is read") {
  ModelFolder folder;
  folder.write("lookups/products.yaml", kProductsYaml);
  ModelLoad load = folder.load();
  REQUIRE(load.model);
  const LookupModel* products = load.model->lookup("products");
  REQUIRE(products);
  CHECK(products->title == "Products");
  CHECK(products->file == "lookups/products.yaml");
  CHECK(products->key == "sku");
  CHECK(products->over_http);
  CHECK(products->max_keys == 1'000'000);
  CHECK(products->rows.schema->columns.size() == 4);
  auto shape = load.model->lookup_shapes->snapshot("products");
  REQUIRE(shape);
  CHECK(shape->key().name == "sku");
  REQUIRE(shape->columns().size() == 2);
  CHECK(shape->columns()[1].type == ExpressionType{ValueType::kDecimal, 2});
}

TEST_CASE("a lookup from Kafka and one from files") {
  ModelFolder folder;
  std::string text =
      "source: { kafka: { brokers: \"k:9092\", topic: products, "
      "format: debezium } }\nmax_keys: 5\n";
  folder.write("lookups/products.yaml", kProductsYaml + text);
  folder.write("lookups/stores.yaml",
               "lookup: stores\nkey: id\n"
               "source: { files: { path: lookups/stores.csv, poll: 1s } }\n"
               "columns:\n  - { name: id, type: long }\n"
               "  - { name: city, type: string }\n");
  ModelLoad load = folder.load();
  REQUIRE(load.model);
  const LookupModel& products = *load.model->lookup("products");
  CHECK_FALSE(products.over_http);
  CHECK(products.rows.format.name == "debezium");
  CHECK(products.rows.time_of_message);
  CHECK(products.max_keys == 5);
  CHECK(std::get<FilesSourceModel>(load.model->lookup("stores")->rows.source)
            .poll_ms == 1000);
}

TEST_CASE("faults of a lookup") {
  CHECK(lookup_faults("key: sku", "key: skuu") ==
        Faults{"lookups/products.yaml:3: unknown column 'skuu' in 'key' of "
               "lookup 'products'; did you mean 'sku'?"});
  CHECK(lookup_faults("key: sku\n", "") ==
        Faults{"lookups/products.yaml:1: lookup 'products' lacks the key "
               "'key'"});
  CHECK(lookup_faults("key: sku", "key: cost") ==
        Faults{"lookups/products.yaml:3: 'key' of lookup 'products' must be a "
               "string or a long, not the decimal(2) column 'cost'"});
  CHECK(lookup_faults("title: Products", "tilte: Products")[0] ==
        "lookups/products.yaml:2: unknown key 'tilte' in lookup 'products'; "
        "did you mean 'title'?");
  CHECK(lookup_faults("type: decimal(2)", "type: money")[0].starts_with(
      "lookups/products.yaml:7: 'type' in column 'cost' of lookup 'products' "
      "must be string, long, double, decimal(N), bool or timestamp"));
  CHECK(lookup_faults("  - { name: category, type: string }\n"
                      "  - { name: cost, type: decimal(2) }\n",
                      "") ==
        Faults{"lookups/products.yaml:1: lookup 'products' has no column but "
               "its key"});
  CHECK(
      lookup_faults("title: Products", "source: { log: { partitions: 1 } }") ==
      Faults{"lookups/products.yaml:2: 'source' of lookup 'products' must be "
             "kafka or files; without it rows come by PUT "
             "/api/v1/lookups/products"});
  CHECK(lookup_faults("title: Products",
                      "source: { files: { path: p.csv, after: move } }") ==
        Faults{"lookups/products.yaml:2: 'after' in the source of lookup "
               "'products' must be keep: the files are what it holds, not "
               "'move'"});
  CHECK(lookup_faults("title: Products", "max_keys: 0").size() == 1);
  // A lookup is no table of others.
  CHECK(lookup_faults("type: decimal(2)",
                      "type: decimal(2), lookup: products.cost, by: sku")
            .size() == 1);
  ModelFolder twice;
  twice.write("lookups/a.yaml", kProductsYaml);
  twice.write("lookups/b.yaml", kProductsYaml);
  CHECK(twice.faults() ==
        Faults{"lookups/b.yaml:1: lookup 'products' is defined twice, first in "
               "lookups/a.yaml:1"});
}

TEST_CASE("columns by lookup") {
  CHECK(sales_faults("", "").empty());
  CHECK(sales_faults("products.category", "product.category") ==
        Faults{"datasets/sales.yaml:11: 'lookup' of column 'category' of "
               "dataset 'sales' (it may use the columns before it): unknown "
               "lookup (did you mean products?): product.category"});
  CHECK(sales_faults("products.category", "products.categry") ==
        Faults{"datasets/sales.yaml:11: 'lookup' of column 'category' of "
               "dataset 'sales' (it may use the columns before it): lookup "
               "products has no such column (did you mean category?): "
               "categry"});
  CHECK(sales_faults("by: sku", "by: suk")[0].find("did you mean 'sku'?") !=
        std::string::npos);
  CHECK(sales_faults("products.category, by: sku", "products.category") ==
        Faults{"datasets/sales.yaml:11: column 'category' of dataset 'sales' "
               "lacks the key 'by'"});
  CHECK(sales_faults("products.category", "products.cost") ==
        Faults{"datasets/sales.yaml:11: 'lookup' of column 'category' of "
               "dataset 'sales' gives decimal(2), which does not fit the "
               "column's type string"});
  CHECK(sales_faults("lookup: products.category, by: sku",
                     "from: \"upper(lookup('products.category', sku))\"")
            .empty());
  CHECK(sales_faults("by: sku", "by: sku, path: x")[0].find(
            "has no meaning beside 'lookup'") != std::string::npos);
}

TEST_CASE("KPIs with lookups") {
  CHECK(kpi_faults("    formula: sum(net)\n"
                   "    where: \"lookup('products.category', sku) = 'a'\"\n")
            .empty());
  CHECK(kpi_faults("    formula: \"sum(qty * lookup(sku, 'products.cost'))\"\n")
            .empty());
  CHECK(kpi_faults(
            "    formula: \"sum(qty * lookup(sku, 'products.cots'))\"\n")[0]
            .find("did you mean cost?") != std::string::npos);
  CHECK(kpi_faults("    formula: sum(net)\n"
                   "    target: { dimension: sku, per: day, lookup: "
                   "products.cost }\n")
            .empty());
  CHECK(kpi_faults("    formula: sum(net)\n"
                   "    target: { dimension: sku, lookup: products.category "
                   "}\n") ==
        Faults{"kpis/one.yaml:6: 'lookup' of 'target' of kpi 'one' must be a "
               "column of longs or decimals, not of string: "
               "products.category"});
  CHECK(kpi_faults("    formula: sum(net)\n"
                   "    target: { dimension: sku, lookup: prodcts.cost }\n")[0]
            .find("did you mean products?") != std::string::npos);
}
