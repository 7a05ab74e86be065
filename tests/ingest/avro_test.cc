#include <doctest/doctest.h>
#include <fmt/format.h>

#include <random>

#include "ingest/avro_reader.h"
#include "ingest/avro_schema.h"
#include "tests/ingest/outcome.h"

using namespace freshet;

namespace {

using Kind = EventNode::Kind;

std::string show(const EventTree& tree, const EventNode& node) {
  if (node.is_null()) return "null";
  if (node.is_scalar()) {
    std::string text(node.text);
    if (node.meaning == EventNode::Meaning::kUnits) {
      text = fmt::format("{} bytes", node.text.size());
    }
    return node.meaning == EventNode::Meaning::kPlain
               ? text
               : fmt::format("{}~{}", text, static_cast<int>(node.meaning));
  }
  bool object = node.kind == Kind::kObject;
  std::string out = object ? "{" : "[";
  for (auto* at = tree.first_child(node); at != nullptr; at = tree.next(*at)) {
    if (out.size() > 1) out += ",";
    if (object) out += std::string(at->name) + ":";
    out += show(tree, *at);
  }
  return out + (object ? "}" : "]");
}

std::string read(const std::string& schema, std::string_view bytes) {
  auto parsed = AvroSchema::parse(schema);
  if (!parsed) return "schema: " + parsed.error().message;
  AvroReader reader;
  EventTree tree;
  if (!reader.read(**parsed, bytes, tree)) return "error: " + reader.error();
  return show(tree, *tree.root());
}

std::string_view bytes(const char* text, size_t size) { return {text, size}; }

const std::string kRecord =
    R"({"type":"record","name":"r","namespace":"n","fields":[
    {"name":"id","type":"long"},{"name":"name","type":"string"},
    {"name":"p","type":["null","double"]}]})";

}  // namespace

// The bytes are those that confluent-kafka's serializer writes.
TEST_CASE("Avro: records, unions, decimals") {
  CHECK(read(kRecord, bytes("\x02\x04"
                            "ab\x00",
                            5)) == "{id:1,name:ab,p:null}");
  std::string priced = kRecord;
  priced.replace(priced.rfind("]}"), 2,
                 R"(,{"name":"d","type":{"type":"bytes","logicalType":
                 "decimal","precision":10,"scale":2}}]})");
  CHECK(read(priced, bytes("\x03\x04"
                           "cd\x02\x00\x00\x00\x00\x00\x00\xf8\x3f\x04\x04\xe2",
                           16)) == "{id:-2,name:cd,p:1.5,d:2 bytes~2}");
}

TEST_CASE("Avro: every other type") {
  CHECK(read("\"boolean\"", bytes("\x01", 1)) == "true");
  CHECK(read("\"boolean\"", bytes("\x02", 1)).starts_with("error"));
  CHECK(read("\"int\"", bytes("\x01", 1)) == "-1");
  CHECK(read("\"int\"", bytes("\xff\xff\xff\xff\x0f", 5)) == "-2147483648");
  CHECK(read("\"int\"", bytes("\x80\x80\x80\x80\x10", 5))
            .starts_with("error: an int is out of range"));
  CHECK(read("\"long\"", bytes("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
                               10)) == "-9223372036854775808");
  CHECK(read("\"long\"", bytes("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10))
            .starts_with("error: a number is longer"));
  CHECK(read("\"float\"", bytes("\x00\x00\x80\x3f", 4)) == "1");
  CHECK(read("\"bytes\"", bytes("\x04\x00\xff", 3)) == "AP8=");
  CHECK(read(R"({"type":"fixed","name":"f","size":3})", "abc") == "YWJj");
  CHECK(read(R"({"type":"enum","name":"e","symbols":["A","B"]})",
             bytes("\x02", 1)) == "B");
  CHECK(read(R"({"type":"enum","name":"e","symbols":["A","B"]})",
             bytes("\x04", 1))
            .starts_with("error"));
  CHECK(read(R"({"type":"array","items":"int"})",
             bytes("\x04\x02\x04\x01\x02\x06\x00", 7)) == "[1,2,3]");
  CHECK(read(R"({"type":"map","values":"int"})",
             bytes("\x02\x02k\x04\x00", 5)) == "{k:2}");
  CHECK(read(R"({"type":"int","logicalType":"date"})", bytes("\x02", 1)) ==
        "1~3");
  CHECK(read(R"({"type":"long","connect.name":
      "io.debezium.time.MicroTimestamp"})",
             bytes("\x02", 1)) == "1~5");
  for (const char* type : {R"("logicalType":"time-millis")", R"("connect.name":
        "io.debezium.time.Time")",
                           R"("connect.name":"io.debezium.time.Year")"}) {
    CHECK(read(fmt::format(R"({{"type":"int",{}}})", type), bytes("\x02", 1)) ==
          "1~7");
  }
  CHECK(read("\"string\"", bytes("\x02\xff", 2)) ==
        "error: a string is not UTF-8");
}

TEST_CASE("Avro: named types and recursion") {
  std::string list = R"({"type":"record","name":"a.L","fields":[
      {"name":"v","type":"int"},{"name":"next","type":["null","L"]}]})";
  CHECK(read(list, bytes("\x02\x02\x04\x00", 4)) ==
        "{v:1,next:{v:2,next:null}}");
  std::string deep;
  for (int i = 0; i < 10'000; ++i) deep += "\x02\x02";
  CHECK(read(list, deep) == "error: it is nested deeper than 256");
  CHECK(read(R"({"type":"record","name":"L","fields":[
      {"name":"next","type":"L"}]})",
             deep) == "error: it is nested deeper than 256");
  CHECK(read(R"({"type":"record","name":"x","fields":[
      {"name":"a","type":"gone"}]})",
             "") == "schema: unknown Avro type: gone");
  for (const char* bad :
       {"", "x", "{}", "[1]", R"({"type":"array"})", R"({"type":"record"})",
        R"({"type":"fixed","name":"f","size":-1})", R"({"type":"enum"})"}) {
    INFO(bad);
    CHECK(read(bad, "").starts_with("schema: "));
  }
  auto with = AvroSchema::parse(
      R"({"type":"record","name":"o","fields":[{"name":"m","type":"ns.M"}]})",
      std::vector<std::string>{
          R"({"type":"enum","name":"M","namespace":"ns","symbols":["EUR"]})"});
  CHECK(ok(with));
}

TEST_CASE("Avro: hostile lengths and counts end at once") {
  CHECK(read("\"string\"", bytes("\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01",
                                 10)) == "error: it ends too early");
  CHECK(read("\"string\"", bytes("\x01", 1)) == "error: a length is negative");
  CHECK(read(R"({"type":"array","items":"null"})",
             bytes("\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10))
            .starts_with("error: it has more than"));
  CHECK(read(R"({"type":"array","items":"null"})",
             bytes("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00", 11))
            .starts_with("error: a block's count"));
  CHECK(read(kRecord, "").starts_with("error"));
  CHECK(read("\"null\"", "x") == "error: 1 bytes behind its end");
  std::mt19937 random(7);
  std::string good(
      "\x02\x04"
      "ab\x02\x00\x00\x00\x00\x00\x00\xf8\x3f",
      13);
  for (int i = 0; i < 5000; ++i) {
    std::string damaged = good;
    for (int n = 0; n < 3; ++n) {
      damaged[random() % damaged.size()] = static_cast<char>(random());
    }
    read(kRecord, damaged);
  }
}
