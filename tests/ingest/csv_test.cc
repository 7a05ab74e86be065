// Where CSV records end, in a body and in a file, also behind a broken quote.
#include "ingest/csv.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

#include "ingest/file_records.h"
#include "tests/ingest/decoded_rows.h"
#include "tests/ingest/scratch_folder.h"

using namespace freshet;

namespace {

using Texts = std::vector<std::string>;

Texts records_of(std::string_view text, char delimiter = ',') {
  Texts out;
  for (size_t at = 0; at < text.size();) {
    size_t end = csv_record_end(text, at, delimiter, true);
    REQUIRE(end > at);
    out.emplace_back(text.substr(at, end - at));
    at = end;
  }
  return out;
}

// The records of a file with that text, its header among them.
Texts file_records(const std::string& text, const char* name = "/a.csv") {
  ScratchFolder folder;
  std::string path = folder.path() + name;
  std::ofstream(path, std::ios::binary) << text;
  DecoderSpec spec = spec_of({{"a", ColumnKind::kString}});
  spec.csv_fields = {"a", "b"};
  auto opened = open_event_file(path, spec);
  REQUIRE(opened.has_value());
  Texts out;
  for (std::vector<std::string_view> some;;) {
    REQUIRE(opened->records->next(some, 1000).has_value());
    if (some.empty()) return out;
    out.insert(out.end(), some.begin(), some.end());
  }
}

}  // namespace

TEST_CASE("CSV records end at line ends outside quotes") {
  CHECK(records_of("a,b\r\nc") == Texts{"a,b\r\n", "c"});
  CHECK(records_of("1,\"x\ny\"\n2,z\n") == Texts{"1,\"x\ny\"\n", "2,z\n"});
  CHECK(records_of("\"x\r\n\"\r\n\"\",\"\"\"\n\"\"\"\n") ==
        Texts{"\"x\r\n\"\r\n", "\"\",\"\"\"\n\"\"\"\n"});
  CHECK(records_of("1;\"a\n;\";2\n3;4;5", ';') ==
        Texts{"1;\"a\n;\";2\n", "3;4;5"});
  // A quote inside a field is a character.
  CHECK(records_of("1,5\" pipe\n2,6\" pipe\n") ==
        Texts{"1,5\" pipe\n", "2,6\" pipe\n"});
}

TEST_CASE("a broken quote takes no more than its line") {
  CHECK(records_of("1,\"oops\n2,b\n3,c\n") ==
        Texts{"1,\"oops\n", "2,b\n", "3,c\n"});
  CHECK(records_of("1,\"oops\n2,\"b\"\n3,c\n") ==
        Texts{"1,\"oops\n", "2,\"b\"\n", "3,c\n"});
  CHECK(records_of("1,\"oops\n2,\"oops\n3,\"c\nd\"\n") ==
        Texts{"1,\"oops\n", "2,\"oops\n", "3,\"c\nd\"\n"});
  CHECK(records_of("1,\"a\" b\n2,c\n") == Texts{"1,\"a\" b\n", "2,c\n"});
  CHECK(records_of("1,\"oops") == Texts{"1,\"oops"});
}

TEST_CASE("blanks and tabs at the ends of a record are its fields'") {
  CHECK(file_records("a\tb\tc\r\n\tB\t\r\n\r\n \n\t\tC\n", "/a.tsv") ==
        Texts{"a\tb\tc", "\tB\t", "\t\tC"});
  CHECK(file_records(" x ,y \n", "/a.csv") == Texts{" x ,y "});
}

TEST_CASE("a CSV record that may go on is waited for") {
  for (const char* part :
       {"a", "a,\"b", "a,\"b\"", "a,\"b\"\r", "a,\"b\n", ""}) {
    CAPTURE(part);
    CHECK(csv_record_end(part, 0, ',', false) == std::string_view::npos);
  }
  CHECK(csv_record_end("a,\"b\"\nc", 0, ',', false) == 6);
  CHECK(csv_record_end("a,\"b\"c\nd\n", 0, ',', false) == 7);
}

TEST_CASE("a CSV field is where the path of its name leads") {
  DecoderSpec spec = spec_of({{"sku", ColumnKind::kString},
                              {"size", ColumnKind::kLong},
                              {"qty", ColumnKind::kLong}});
  spec.fields[0].path = "item.sku";
  spec.fields[1].path = "item.box.size";
  auto events = csv_to_json_events(
      "ts,item.sku, qty ,other.x,item.box.size\n5,K,1,y,2\n6,,3,,\n",
      {"ts", "item.sku", "item.box.size", "qty"});
  REQUIRE(events.has_value());
  CHECK(events->events ==
        Texts{R"({"ts":"5","item":{"sku":"K","box":{"size":"2"}},)"
              R"("qty":"1","other.x":"y"})",
              R"({"ts":"6","item":{"box":{}},"qty":"3"})"});
  DecodedRows rows(spec);
  rows.decode(events->events);
  CHECK(rows.text() == Texts{"5000|K|2|1", "6000|-|-|3"});
}

TEST_CASE("a file's records are those of the same text in a body") {
  // More than what is read at a time, on both sides of the broken quote.
  std::string text = "a,b\n", good;
  for (int i = 0; i < 60'000; ++i) {
    if (i == 30'000) text += "4,\"oops,1.00\n";
    good = i % 1000 == 7 ? "\"two\nlines\"" : "a text of some length";
    text += std::to_string(i) + "," + good + "\n";
  }
  REQUIRE(text.size() > size_t{3} << 19);
  Texts records = file_records(text);
  CHECK(records.size() == 60'002);
  CHECK(std::ranges::count(records, "4,\"oops,1.00") == 1);
  CHECK(std::ranges::count(records, "7,\"two\nlines\"") == 1);
  auto events = csv_to_json_events(text, {});
  REQUIRE(events.has_value());
  CHECK(events->events.size() == records.size() - 1);
  CHECK(events->faults.size() == 1);
}
