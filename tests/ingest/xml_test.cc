#include <doctest/doctest.h>
#include <fmt/format.h>

#include "ingest/xml_decoder.h"
#include "ingest/xml_records.h"
#include "tests/ingest/decoded_rows.h"
#include "tests/ingest/outcome.h"

using namespace freshet;

namespace {

DecoderSpec stock_spec() {
  DecoderSpec spec = spec_of({{"store", ColumnKind::kString},
                              {"sku", ColumnKind::kString},
                              {"qty", ColumnKind::kLong},
                              {"price", ColumnKind::kDecimal, 2},
                              {"currency", ColumnKind::kString}});
  spec.format = "xml";
  spec.record = "/stock/items/item";
  spec.time.path = "$.date";
  spec.fields[0].path = "$.items.@store";
  spec.fields[1].path = "@sku";
  spec.fields[4].path = "price.@currency";
  return spec;
}

// The records of a document and what is around them, as JSON.
std::string records(std::string_view path, std::string_view document,
                    size_t step = 1 << 20) {
  std::string out;
  auto made = XmlRecords::make(path, [&](EventTree& record, EventTree& around) {
    out += xml_record_json(record, around) + "\n";
    return Status();
  });
  if (!made) return "path: " + made.error().message;
  for (size_t at = 0; at == 0 || at < document.size(); at += step) {
    auto part = document.substr(at, step);
    Status pushed = (*made)->push(part, at + step >= document.size());
    if (!pushed) return out + "error: " + pushed.error().message;
  }
  return out;
}

const std::string kStock = R"(<?xml version="1.0" encoding="UTF-8"?>
<s:stock xmlns:s="urn:x">
  <date>2026-11-01T10:00:00Z</date>
  <items store="S1">
    <item sku="a"><qty>3</qty><price currency="EUR">1.50</price></item>
    <item sku="b &amp; c"><qty/><price>2</price></item>
  </items>
  <items store="S2"><item sku="d"><qty>1</qty><qty>2</qty></item></items>
</s:stock>)";

}  // namespace

TEST_CASE("XML: records with attributes and what stands around them") {
  DecoderSpec spec = stock_spec();
  DecodedRows rows(spec);
  std::string one = kStock;
  size_t second = one.find("<qty>2</qty>");
  one.erase(second, 12);
  rows.decode({one, kStock, "", "<stock/>"});
  CHECK(rows.text() ==
        std::vector<std::string>{"1793527200000|S1|a|3|150|EUR",
                                 "1793527200000|S1|b & c|-|200|-",
                                 "1793527200000|S2|d|1|-|-"});
  CHECK(rows.decoded.row_messages == std::vector<uint32_t>{0, 0, 0});
  CHECK(rows.decoded.ignored == 1);
  CHECK(rows.rejections() ==
        std::vector<std::string>{
            "1 wrong_type qty is not a long: an array",
            "2 not_xml the event is not XML: line 1: no element found"});
  spec.explode = "qty";
  DecodedRows exploded(spec);
  exploded.decode({kStock});
  CHECK(exploded.text() ==
        std::vector<std::string>{"1793527200000|S1|a|3|150|EUR",
                                 "1793527200000|S2|d|1|-|-",
                                 "1793527200000|S2|d|2|-|-"});
}

TEST_CASE("XML: an element alone is the first of its name") {
  DecoderSpec spec = spec_of({{"first", ColumnKind::kString},
                              {"second", ColumnKind::kString},
                              {"id", ColumnKind::kLong},
                              {"top", ColumnKind::kString}});
  spec.format = "xml";
  spec.record = "/s/i";
  spec.time.path = "$.@at";
  spec.fields[0].path = "tag[0]";
  spec.fields[1].path = "tag[1]";
  spec.fields[2].path = "part[0].@id";
  spec.fields[3].path = "$.top[0]";
  const std::string document =
      R"(<s at="5"><top>t</top><i><tag>one</tag><part id="3"/></i>
      <i><tag>one</tag><tag>two</tag><part id="4"/><part id="5"/></i>
      <i><tag/></i></s>)";
  const std::vector<std::string> expected = {
      "5000|one|-|3|t", "5000|one|two|4|t", "5000|-|-|-|t"};
  DecodedRows rows(spec);
  rows.decode({document});
  CHECK(rows.text() == expected);
  // As the records of a file are.
  ColumnBatch batch(spec.schema);
  auto decoder = make_xml_record_decoder(spec);
  REQUIRE(ok(decoder));
  std::string json = records("s/i", document);
  REQUIRE(ok((*decoder)->decode(json.substr(0, json.find('\n')), batch)));
  CHECK(batch.columns()[1].strings[0] == "one");
  CHECK(batch.columns()[2].nulls[0] == 1);

  spec.format = "json";  // there a value alone is no element
  spec.fields.pop_back();
  spec.time.path = "ts";
  DecodedRows plain(spec);
  plain.decode({R"({"ts":5,"tag":"one","part":{"@id":3}})"});
  CHECK(plain.text() == std::vector<std::string>{"5000|-|-|-|-"});
}

TEST_CASE("XML: a document in pieces is the same, as JSON too") {
  std::string whole = records("stock/items/item", kStock);
  CHECK(whole.find(R"({"$":{"date":"2026-11-01T10:00:00Z",)"
                   R"("items":{"@store":"S1"}},"@sku":"b & c","qty":null,)"
                   R"("price":"2"})") != std::string::npos);
  for (size_t step : {1, 7, 64}) {
    CHECK(records("stock/items/item", kStock, step) == whole);
  }
  DecoderSpec spec = stock_spec();
  auto decoder = make_xml_record_decoder(spec);
  REQUIRE(ok(decoder));
  ColumnBatch batch(spec.schema);
  REQUIRE(ok((*decoder)->decode(whole.substr(0, whole.find('\n')), batch)));
  CHECK(batch.columns()[1].strings[0] == "S1");
  CHECK(batch.columns()[5].strings[0] == "EUR");
}

TEST_CASE("XML: what would read files or grow is refused") {
  CHECK(
      records("/a/b", R"(<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>
      <a><b>&x;</b></a>)") ==
      "error: the document has a DOCTYPE, which is not read");
  std::string laughs = "<!DOCTYPE a [<!ENTITY l0 \"ha\">";
  for (int i = 1; i < 20; ++i) {
    laughs += fmt::format("<!ENTITY l{} \"&l{};&l{};\">", i, i - 1, i - 1);
  }
  CHECK(records("/a/b", laughs + "]><a><b>&l19;</b></a>") ==
        "error: the document has a DOCTYPE, which is not read");
  CHECK(records("/a/b", "<a><b>&x;</b></a>") ==
        "error: line 1: undefined entity");
  std::string deep;
  for (int i = 0; i < 10'000; ++i) deep += "<b>";
  CHECK(records("/a/b", "<a>" + deep) ==
        "error: line 1: nested deeper than 256");
  CHECK(records("/a/b", "<a><b>" + std::string(10 << 20, 'x') + "</b></a>")
            .starts_with("error: line 1: a record is larger"));
  CHECK(records("/a/b", "<a>" + std::string(10 << 20, 'x') + "</a>")
            .starts_with("error: line 1: a record is larger"));
  CHECK(records("/a/b", std::string("<a><b>\0</b></a>", 15))
            .starts_with("error: line 1:"));
  CHECK(records("/a/b", "<a><b>\xff</b></a>").starts_with("error: line 1:"));
  CHECK(records("/a/b", "<a><b x='1' x='2'/></a>").starts_with("error"));
  CHECK(records("/a/b", "<a><b></a>").starts_with("error"));
  for (const char* bad : {"", "/", "//a", "/a/", "/a//b"}) {
    CHECK(records(bad, "<a/>").starts_with("path: "));
  }
}

TEST_CASE("XML: text, other encodings, the root as the record") {
  CHECK(records("a", "<a>x<![CDATA[<y>]]></a>") ==
        "{\"$\":{},\"#text\":\"x<y>\"}\n");
  CHECK(records("/a/b",
                "<?xml version='1.0' encoding='ISO-8859-1'?>"
                "<a><b>\xe9</b></a>") == "{\"$\":{},\"#text\":\"\xc3\xa9\"}\n");
  std::string many = "<a>";
  for (int i = 0; i < 100'000; ++i) many += "<b/>\n<c/>\n";
  std::string out = records("/a/b", many + "</a>");
  CHECK(std::count(out.begin(), out.end(), '\n') == 100'000);
}
