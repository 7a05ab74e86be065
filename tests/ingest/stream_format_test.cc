// CSV streams, JSON through arrays, and what a message has besides its value.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <chrono>

#include "ingest/decimal_bytes.h"
#include "ingest/decoder.h"
#include "ingest/keyed_hash.h"
#include "ingest/message_fields.h"
#include "tests/ingest/decoded_rows.h"
#include "tests/ingest/outcome.h"

using namespace freshet;

namespace {

DecoderSpec lines_spec() {
  DecoderSpec spec = spec_of({{"order", ColumnKind::kString},
                              {"sku", ColumnKind::kString},
                              {"qty", ColumnKind::kLong},
                              {"price", ColumnKind::kDecimal, 2}});
  spec.fields[1].path = "lines.sku";
  spec.fields[2].path = "lines.qty";
  spec.fields[3].path = "lines.price";
  spec.explode = "lines";
  return spec;
}

}  // namespace

TEST_CASE("a CSV stream has its field names from the model") {
  DecoderSpec spec =
      spec_of({{"store", ColumnKind::kString}, {"qty", ColumnKind::kLong}});
  spec.format = "csv";
  spec.csv_fields = {"qty", "unused", "ts", "store"};
  spec.csv_delimiter = '\t';
  DecodedRows rows(spec);
  rows.decode({"3\tx\t5\tS1\r\n", "1\t\t6\t\"a\tb\"\n2\t\t7\t\n", "x\t\t8\tS",
               "1\t9", "", "4\t\t9\tS4"});
  CHECK(rows.text() == std::vector<std::string>{"5000|S1|3", "6000|a\tb|1",
                                                "7000|-|2", "9000|S4|4"});
  CHECK(rows.decoded.row_messages == std::vector<uint32_t>{0, 1, 1, 5});
  CHECK(rows.rejections() ==
        std::vector<std::string>{
            "2 wrong_type qty is not a long: x",
            "3 not_csv the record has not the 4 fields of the header: 2",
            "4 not_csv the message is empty"});
}

TEST_CASE("a CSV message with one bad record becomes no row") {
  DecoderSpec spec = spec_of({{"qty", ColumnKind::kLong}});
  spec.format = "csv";
  spec.csv_fields = {"ts", "qty"};
  DecodedRows rows(spec);
  rows.decode({"1,1\n2,2\n3,x\n", "4,4\n5,5\n"});
  CHECK(rows.text() == std::vector<std::string>{"4000|4", "5000|5"});
  CHECK(rows.decoded.row_messages == std::vector<uint32_t>{1, 1});
  CHECK(rows.decoded.rejections.size() == 1);
  spec.csv_fields = {"ts", "ts"};
  CHECK(!ok(make_decoder(spec)));
  spec.csv_fields = {};
  CHECK(!ok(make_decoder(spec)));
}

TEST_CASE("each element of an exploded array becomes a row") {
  DecodedRows rows(lines_spec());
  rows.decode(
      {R"({"ts":1,"order":"A","lines":[{"sku":"x","qty":1,"price":1.5},
           {"sku":"y","qty":2,"price":"12345678901234567.89"}]})",
       R"({"ts":2,"order":"B","lines":[]})", R"({"ts":3,"order":"C"})",
       R"({"ts":4,"order":"D","lines":{"sku":"z","qty":3}})",
       R"({"ts":5,"order":"E","lines":[{"sku":"v"},{"sku":"w","qty":"?"}]})"});
  CHECK(rows.text() == std::vector<std::string>{
                           "1000|A|x|1|150", "1000|A|y|2|1234567890123456789",
                           "4000|D|z|3|-"});
  CHECK(rows.decoded.row_messages == std::vector<uint32_t>{0, 0, 3});
  CHECK(rows.decoded.ignored == 2);
  CHECK(rows.rejections() ==
        std::vector<std::string>{"4 wrong_type lines.qty is not a long: ?"});
}

TEST_CASE("arrays in arrays explode, indexes pick") {
  DecoderSpec spec = lines_spec();
  spec.explode = "boxes.lines";
  spec.fields[0].path = "boxes.id";
  spec.fields[1].path = "boxes.lines.sku[1]";
  spec.fields[2].path = "counts[0]";
  spec.fields[3].path = "$.total";
  DecodedRows rows(spec);
  rows.decode({R"({"ts":1,"total":9.99,"counts":[7,8],"boxes":[
      {"id":"b1","lines":[{"sku":["p","q"]},{"sku":["r"]}]},
      {"id":"b2","lines":[{"sku":["s","t"]}]}]})"});
  CHECK(rows.text() == std::vector<std::string>{"1000|b1|q|7|999",
                                                "1000|b1|-|7|999",
                                                "1000|b2|t|7|999"});
  for (const char* bad : {"", "a..b", "a[", "a[x]", "a[-1]", "a[1]b", ".a"}) {
    spec.fields[0].path = bad;
    INFO(bad);
    CHECK(!ok(make_json_tree_decoder(spec)));
  }
}

// A search of the event for each row would take minutes.
TEST_CASE("many elements among many members are read in no time") {
  constexpr size_t kMany = 90'000;
  std::string lines, members;
  for (size_t i = 0; i < kMany; ++i) {
    lines += "{},";
    members += R"("a":0,)";
  }
  DecoderSpec spec = lines_spec();
  spec.fields[2] = {3, "$.qty", "", false};
  DecodedRows rows(spec);
  auto begin = std::chrono::steady_clock::now();
  rows.decode({fmt::format(
      R"({{"ts":5,"lines":[{}{{"sku":"x"}}],{}"order":"A","qty":7}})", lines,
      members)});
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(3));
  REQUIRE(rows.batch.num_rows() == kMany + 1);
  auto text = rows.text();
  CHECK(text.front() == "5000|A|-|7|-");
  CHECK(text.back() == "5000|A|x|7|-");
}

TEST_CASE("what many rows share does not multiply without end") {
  auto event = [](size_t rows, size_t note) {
    std::string lines = "{}";
    for (size_t i = 1; i < rows; ++i) lines += ",{}";
    return fmt::format(R"({{"ts":5,"order":"{}","lines":[{}]}})",
                       std::string(note, 'x'), lines);
  };
  DecodedRows rows(lines_spec());
  rows.decode({event(1000, 400'000), event(2, 400'000)});
  CHECK(rows.rejections() ==
        std::vector<std::string>{"0 too_large the rows of the event have more "
                                 "than 268435456 bytes of text"});
  CHECK(rows.batch.num_rows() == 2);

  DecoderSpec spec = lines_spec();
  spec.fields[0].message = "key.order";
  DecodedRows keyed(spec);
  std::vector<RawMessage> messages(2);
  const std::string poison = event(1000, 1), good = event(2, 1);
  const std::string key =
      fmt::format(R"({{"order":"A","{}":1}})", std::string(400'000, 'x'));
  messages[0].value = poison;
  messages[1].value = good;
  messages[0].key = messages[1].key = key;
  keyed.decode_messages(messages);
  REQUIRE(keyed.decoded.rejections.size() == 1);
  CHECK(keyed.decoded.rejections[0].message == 0);
  CHECK(keyed.text() ==
        std::vector<std::string>{"5000|A|-|-|-", "5000|A|-|-|-"});
}

TEST_CASE("poison in a tree never becomes a row nor harms the next") {
  std::string deep(10'000, '[');
  std::string objects;
  for (int i = 0; i < 10'000; ++i) objects += "{\"a\":";
  std::vector<std::string> poison = {
      "",
      " ",
      "1",
      "[]",
      "[1 2]",
      "null",
      "{",
      "{\"ts\"",
      "{\"ts\":",
      "{]",
      "{\"ts\":1,}",
      "{\"ts\":1}}",
      "{\"ts\":01}",
      "{\"ts\":1.}",
      "{\"ts\":+1}",
      "{\"ts\":1 2}",
      "{\"ts\":1,\"x\":tru}",
      "{,}",
      "{\"ts\":1 \"a\":2}",
      "{\"ts\":1,\"a\"}",
      "{\"ts\":1,\"a\" 2}",
      "{\"ts\":1,\"x\":[1,]}",
      "{\"ts\":1,\"x\":[,]}",
      "{\"ts\":1,\"x\":[}",
      "{\"ts\":1,\"x\":[1}]",
      "{\"ts\":1,\"x\":\"\\x\"}",
      "{\"ts\":1,\"x\":\"\xff\"}",
      "{\"ts\":1,\"x\":\"a\nb\"}",
      std::string("{\"ts\":1}\0", 9),
      "{\"ts\":1,\"x\":\"" + std::string(10 << 20, 'x') + "\"}",
      "{\"ts\":1,\"x\":" + deep + "}",
      objects,
      deep,
      "{\"ts\":1,\"lines\":[" + std::string(400'000, ' ') + "\"}"};
  DecoderSpec spec = lines_spec();
  DecodedRows rows(spec);
  std::string good = R"({"ts":1,"order":"good","lines":[{"sku":"x"}]})";
  std::vector<std::string> messages;
  for (const std::string& text : poison) {
    messages.push_back(text);
    messages.push_back(good);
  }
  rows.decode(messages);
  CHECK(rows.decoded.rejections.size() == poison.size());
  REQUIRE(rows.batch.num_rows() == poison.size());
  for (const std::string& row : rows.text()) CHECK(row == "1000|good|x|-|-");
  std::string many = R"({"ts":1,"lines":[)";
  for (size_t i = 0; i <= kMaxMessageRows; ++i) many += "{},";
  many.back() = ']';
  rows.decode({many + "}"});
  CHECK(rows.batch.num_rows() == 0);
  CHECK(std::string(rows.decoded.rejections.at(0).reason) == "too_large");
}

TEST_CASE("duplicate keys, NUL bytes and large numbers in a tree") {
  DecodedRows rows(lines_spec());
  rows.decode({R"({"ts":1,"order":"a","order":"b","lines":[{"qty":1}]})",
               R"({"ts":1,"order":"\u0000","lines":[{}]})",
               R"({"ts":1,"lines":[{"qty":9223372036854775808}]})",
               R"({"ts":1e400,"lines":[{}]})"});
  CHECK(rows.text() ==
        std::vector<std::string>{"1000|a|-|1|-",
                                 "1000|" + std::string(1, '\0') + "|-|-|-"});
  CHECK(rows.decoded.rejections.size() == 2);
}

TEST_CASE("a message's own fields are columns, in every format") {
  DecoderSpec spec = spec_of({{"key", ColumnKind::kString},
                              {"id", ColumnKind::kLong},
                              {"trace", ColumnKind::kString},
                              {"at", ColumnKind::kTimestamp},
                              {"topic", ColumnKind::kString},
                              {"partition", ColumnKind::kLong},
                              {"offset", ColumnKind::kLong}});
  const char* parts[] = {"key",   "key.id",    "header.trace", "timestamp",
                         "topic", "partition", "offset"};
  for (size_t i = 0; i < 7; ++i) spec.fields[i].message = parts[i];
  spec.time.from_message = true;
  std::vector<MessageHeader> headers = {{"trace", "t1"}, {"trace", "t2"}};
  RawMessage message;
  message.partition_name = "a/b/3";
  message.offset = 77;
  message.time.ms = 1'000'000'000'123;
  message.key = R"({"id":5})";
  message.headers = headers;
  RawMessage keyless = message;
  keyless.key = {};
  keyless.headers = {};
  for (const char* format : {"json", "csv", "tree"}) {
    spec.format = format == std::string("csv") ? "csv" : "json";
    spec.csv_fields = {"x"};
    spec.explode = format == std::string("tree") ? "x" : "";
    message.value = spec.format == "csv" ? "1" : R"({"x":1})";
    keyless.value = message.value;
    DecodedRows rows(spec);
    rows.decode_messages({message, keyless});
    INFO(format);
    CHECK(rows.text() ==
          std::vector<std::string>{
              "1000000000123|{\"id\":5}|5|t2|1000000000123|a/b|3|77",
              "1000000000123|-|-|-|1000000000123|a/b|3|77"});
  }
  CHECK(!ok(parse_message_field("value")));
  CHECK(!ok(parse_message_field("header.")));
}

TEST_CASE("an array or object that does not fit may become null") {
  DecoderSpec spec =
      spec_of({{"x", ColumnKind::kLong}, {"y", ColumnKind::kLong}});
  spec.fields[0].on_error = FieldSpec::OnError::kNull;
  for (const char* path : {"y", "y[0]"}) {  // both readers of JSON
    spec.fields[1].path = path;
    DecodedRows rows(spec);
    rows.decode({R"({"x":[1,{"y":2}],"ts":1})", R"({"x":{"a":[]},"ts":2})"});
    CHECK(rows.text() == std::vector<std::string>{"1000|-|-", "2000|-|-"});
  }
}

TEST_CASE("a byte order mark before an event is none of it") {
  DecoderSpec spec =
      spec_of({{"x", ColumnKind::kLong}, {"y", ColumnKind::kLong}});
  const std::string mark = "\xEF\xBB\xBF", json = R"({"ts":1,"x":2,"y":3})";
  for (const char* format : {"json", "csv", "tree"}) {
    CAPTURE(format);
    spec.format = format == std::string("csv") ? "csv" : "json";
    spec.csv_fields = {"ts", "x", "y"};
    spec.explode = format == std::string("tree") ? "x" : "";
    const std::string event = spec.format == "csv" ? "1,2,3" : json;
    DecodedRows rows(spec);
    rows.decode({mark + event, event, mark});
    CHECK(rows.text() == std::vector<std::string>{"1000|2|3", "1000|2|3"});
    REQUIRE(rows.decoded.rejections.size() == 1);  // of nothing but a mark
    CHECK(rows.decoded.rejections[0].message == 2);
  }
}

TEST_CASE("a value that does not fit is rejected, null or the default") {
  DecoderSpec spec = spec_of({{"qty", ColumnKind::kLong}});
  using OnError = FieldSpec::OnError;
  spec.fields[0].has_default = true;
  spec.fields[0].default_text = "7";
  auto become = [&](OnError on_error, const char* format) {
    spec.fields[0].on_error = on_error;
    spec.explode = format;
    DecodedRows rows(spec);
    rows.decode({R"({"ts":1,"qty":"many"})", R"({"ts":1,"qty":4})"});
    auto text = rows.text();
    return text.size() == 2 ? text[0] : std::string("rejected");
  };
  for (const char* explode : {"", "nothing"}) {
    if (*explode != 0) continue;
    CHECK(become(OnError::kReject, explode) == "rejected");
    CHECK(become(OnError::kNull, explode) == "1000|-");
    CHECK(become(OnError::kDefault, explode) == "1000|7");
  }
}

TEST_CASE("time formats of columns") {
  auto read = [](const char* format, const char* value) {
    DecoderSpec spec = spec_of({{"at", ColumnKind::kTimestamp}});
    spec.fields[0].time_format = format;
    DecodedRows rows(spec);
    rows.decode({fmt::format(R"({{"ts":1,"at":{}}})", value)});
    return rows.batch.num_rows() == 1 ? rows.text()[0] : "rejected";
  };
  CHECK(read("days", "19724") == "1000|1704153600000");
  CHECK(read("days", "-1") == "1000|-86400000");
  CHECK(read("days", "1.5") == "rejected");
  CHECK(read("days", "9223372036854775807") == "rejected");
  CHECK(read("micros", "1999") == "1000|1");
  CHECK(read("micros", "-1") == "1000|-1");
  CHECK(read("nanos", "1000001") == "1000|1");
  CHECK(read("%d/%m/%Y", "\"02/01/2024\"") == "1000|1704153600000");
}

TEST_CASE("decimals as bytes") {
  CHECK(decimal_of_base64("BOI=", 2) == "12.50");
  CHECK(decimal_of_base64("JwY=", 2) == "99.90");
  CHECK(decimal_of_base64("BMsv", 5) == "3.14159");
  CHECK(decimal_of_base64("/w==", 2) == "-0.01");
  CHECK(decimal_of_base64("AA==", 2) == "0.00");
  CHECK(decimal_of_base64("gA==", 0) == "-128");
  CHECK(decimal_of_base64("AQ==", -2) == "100");
  CHECK(decimal_of_bytes("\x04\xe2", 2) == "12.50");
  CHECK(decimal_of_bytes(std::string("\x80") + std::string(15, '\0'), 0) ==
        "-170141183460469231731687303715884105728");
  CHECK(!decimal_of_base64("12.50", 2));
  CHECK(!decimal_of_base64("", 2));
  CHECK(!decimal_of_bytes(std::string(17, '\1'), 0));
}

TEST_CASE("keyed hashes") {
  auto hash = [](const char* key, const char* text) {
    std::array<char, KeyedHash::kDigits> digits;
    KeyedHash(key).write(text, digits);
    return std::string(digits.data(), digits.size());
  };
  // BLAKE2b-128 of "a", the key being BLAKE2b-256 of the secret: by Python's
  // hashlib.
  CHECK(hash("secret", "a") == "af751ba597fb0d8e59f8dfed5c768587");
  CHECK(hash("secret", "a") == hash("secret", "a"));
  CHECK(hash("secret", "a") != hash("secret", "b"));
  CHECK(hash("secret", "a") != hash("other", "a"));
  CHECK(hash("secret", "").size() == 32);
}
