#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include "ingest/decoder.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <random>

#include "ingest/csv.h"
#include "ingest/time_reader.h"
#include "tests/ingest/outcome.h"

using namespace freshet;

namespace {

DecoderSpec spec() {
  auto schema = std::make_shared<Schema>();
  schema->columns = {{"__time", {ColumnKind::kTimestamp, 0}, false},
                     {"store", {ColumnKind::kString, 0}, false},
                     {"qty", {ColumnKind::kLong, 0}, false},
                     {"price", {ColumnKind::kDecimal, 2}, false},
                     {"weight", {ColumnKind::kDouble, 0}, false},
                     {"web", {ColumnKind::kBool, 0}, false},
                     {"sku", {ColumnKind::kString, 0}, false},
                     {"sold", {ColumnKind::kTimestamp, 0}, false},
                     {"discount", {ColumnKind::kDecimal, 2}, false}};
  DecoderSpec spec;
  spec.schema = schema;
  spec.fields = {{1, "store", "", false}, {2, "qty", "", false},
                 {3, "price", "", false}, {4, "weight", "", false},
                 {5, "web", "", false},   {6, "item.sku", "", false},
                 {7, "sold", "", false},  {8, "discount", "0", true}};
  return spec;
}

constexpr const char* kTime = R"("ts":"2026-11-22T10:41:07.120Z")";
constexpr int64_t kTimeMs = 1795344067120;

// The one row of an event, or the error.
struct Row {
  Status status;
  ColumnBatch batch{spec().schema};
  explicit Row(std::string event) {
    static auto decoder = make_json_decoder(spec());
    status = decoder->decode(event, batch);
  }
  explicit operator bool() const { return status.has_value(); }
  bool null(size_t c) const { return batch.columns()[c].nulls[0]; }
  int64_t number(size_t c) const { return batch.columns()[c].longs[0]; }
  double real(size_t c) const { return batch.columns()[c].doubles[0]; }
  std::string text(size_t c) const {
    return std::string(batch.columns()[c].strings[0]);
  }
};

Row with(const std::string& fields) {
  return Row("{" + std::string(kTime) + (fields.empty() ? "" : ",") + fields +
             "}");
}

}  // namespace

TEST_CASE("an event becomes a typed row") {
  Row row = with(R"("store":"S1","qty":3,"price":12.5,"weight":1e-3,"web":true,
      "item":{"other":[1,{"sku":9}],"sku":"A-1"},"sold":1795344067)");
  REQUIRE(row);
  CHECK(row.number(0) == kTimeMs);
  CHECK(row.text(1) == "S1");
  CHECK(row.number(2) == 3);
  CHECK(row.number(3) == 1250);
  CHECK(row.real(4) == 1e-3);
  CHECK(row.number(5) == 1);
  CHECK(row.text(6) == "A-1");
  CHECK(row.number(7) == 1795344067000);
  CHECK(row.number(8) == 0);
  CHECK(!row.null(8));
}

TEST_CASE("lenient and exact numbers") {
  CHECK(with(R"("qty":"12")").number(2) == 12);
  CHECK(with(R"("qty":12.0)").number(2) == 12);
  CHECK(with(R"("qty":1.2e1)").number(2) == 12);
  CHECK(!with(R"("qty":12.5)"));
  CHECK(with(R"("qty":9223372036854775807)").number(2) == INT64_MAX);
  CHECK(with(R"("qty":-9223372036854775808)").number(2) == INT64_MIN);
  CHECK(!with(R"("qty":9223372036854775808)"));
  CHECK(!with(R"("qty":1e400)"));
  CHECK(!with(R"("qty":012)"));
  CHECK(with(R"("price":0.1)").number(3) == 10);
  CHECK(with(R"("price":"-0.05")").number(3) == -5);
  CHECK(with(R"("price":1.005)").number(3) == 101);
  CHECK(with(R"("price":-1.005)").number(3) == -101);
  CHECK(with(R"("price":12345678901234567.89)").number(3) ==
        1234567890123456789);
  CHECK(!with(R"("price":1e30)"));
  CHECK(with(R"("weight":"2.5")").real(4) == 2.5);
  CHECK(!with(R"("weight":1e999)"));
  CHECK(with(R"("weight":1e-999)").real(4) == 0);
  CHECK(!with(R"("weight":"nan")"));
  CHECK(with(R"("web":"FALSE")").number(5) == 0);
  CHECK(with(R"("web":1)").number(5) == 1);
  CHECK(!with(R"("web":2)"));
  CHECK(with(R"("store":17)").text(1) == "17");
  CHECK(with(R"("discount":null)").number(8) == 0);
  CHECK(with(R"("qty":null)").null(2));
  CHECK(with("").null(1));
}

TEST_CASE("text is unescaped, the first of equal keys counts") {
  CHECK(with(R"("store":"a\"b\\c\u00e9\n")").text(1) == "a\"b\\c\xC3\xA9\n");
  CHECK(with(R"("st\u006fre":"x")").text(1) == "x");
  CHECK(with(R"("store":"a","store":"b")").text(1) == "a");
  CHECK(with(R"("store":"a","store":[1,2])").text(1) == "a");
  CHECK(with(R"("store":"\u0000")").text(1) == std::string(1, '\0'));
}

TEST_CASE("errors name field and value") {
  Row row = with(R"("qty":"many")");
  REQUIRE(!row);
  CHECK(row.status.error().message == "qty is not a long: many");
  CHECK(with(R"("store":{"a":1})").status.error().message ==
        "store is not a string: an object");
  CHECK(with(R"("qty":[1])").status.error().message ==
        "qty is not a long: an array");
  CHECK(with(R"("qty":"[")").status.error().message == "qty is not a long: [");
  CHECK(row.batch.num_rows() == 0);
}

TEST_CASE("digits beyond a decimal's are rounded half away from zero") {
  auto price = [](const std::string& value) {
    Row row = with("\"price\":" + value);
    return row ? row.number(3) : INT64_MIN;
  };
  struct Case {
    const char* text;
    int64_t units;
  };
  for (const Case& c : {Case{"0.0049", 0},
                        {"0.005", 1},
                        {"1.005", 101},
                        {"2.345", 235},
                        {"2.3449999999999999999", 234},
                        {"0.995", 100},
                        {"5e-3", 1},
                        {"-0", 0}}) {
    const std::string text = c.text;
    INFO(text);
    CHECK(price(text) == c.units);
    CHECK(price("\"" + text + "\"") == c.units);
    if (text[0] == '-') continue;
    CHECK(price("-" + text) == -c.units);
    CHECK(price("\"-" + text + "\"") == -c.units);
  }
  CHECK(with(R"("qty":"1.0")").number(2) == 1);
  CHECK_FALSE(with(R"("qty":1.5)"));
}

TEST_CASE("times") {
  auto time = [](const std::string& value) {
    Row row("{\"ts\":" + value + "}");
    return row ? row.number(0) : INT64_MIN;
  };
  CHECK(time("1795344067") == 1795344067000);
  CHECK(time("1795344067.12") == kTimeMs);
  CHECK(time("1795344067120") == kTimeMs);
  CHECK(time("1795344067120999") == kTimeMs);
  CHECK(time("\"1795344067120\"") == kTimeMs);
  CHECK(time("\"2026-11-22T11:41:07.120+01:00\"") == kTimeMs);
  CHECK(time("\"2026-11-22T10:41:07.120Z\"") == kTimeMs);
  CHECK(time("\"2026-11-22T10:41:08Z\"") == kTimeMs + 880);
  // A leap second, and days on both sides of it after that.
  CHECK(time("\"2016-12-31T23:59:59Z\"") == 1483228799000);
  CHECK(time("\"2016-12-31T23:59:60Z\"") == 1483228800000);
  CHECK(time("\"2016-12-31T23:59:60.500Z\"") == 1483228800000);
  CHECK(time("\"2016-12-31T23:59:59Z\"") == 1483228799000);
  CHECK(time("\"2017-01-01T00:00:00Z\"") == 1483228800000);
  for (const char* bad :
       {"null", "true", "\"\"", "\"yesterday\"", "1e300", "-99999999999999999",
        "{}", "[]", "\"2026-13-01\"", "\"2026-11-22T10:61:07.120Z\""}) {
    INFO(bad);
    CHECK(time(bad) == INT64_MIN);
  }
}

TEST_CASE("a date in digits is not guessed to be a number") {
  auto time = [](const std::string& value) {
    Row row("{\"ts\":" + value + "}");
    return row ? row.number(0) : INT64_MIN;
  };
  for (const char* date : {"20261128", "\"20261128\"", "\" 20261128 \"",
                           "19991231", "202611281041", "20261128104107"}) {
    INFO(date);
    Row row("{\"ts\":" + std::string(date) + "}");
    REQUIRE_FALSE(row.status.has_value());
    CHECK(row.status.error().message.find("state its format, such as") !=
          std::string::npos);
  }
  // These can be no dates, or are none in digits.
  CHECK(time("20261328") == 20261328000);
  CHECK(time("20260132") == 20260132000);
  CHECK(time("18991231") == 18991231000);
  CHECK(time("2026112") == 2026112000);
  CHECK(time("20261128.5") == 20261128500);
  CHECK(time("-20261128") == -20261128000);
  int64_t ms = 0;
  CHECK(TimeReader("%Y%m%d").read_number("20261128", ms));
  CHECK(TimeReader("%Y%m%d%H").read_text("2026112800", ms));
  CHECK(ms == 1795824000000);
  CHECK(TimeReader("seconds").read_number("20261128", ms));
  CHECK(ms == 20261128000);
}

TEST_CASE("poison never becomes a row and never harms the next event") {
  std::string deep(10'000, '[');
  std::vector<std::string> poison = {
      "",
      " ",
      "null",
      "1",
      "[]",
      "\"x\"",
      "{",
      "{\"ts\"",
      "{\"ts\":",
      "}",
      "{}{}",
      std::string("{\"ts\":1}\0", 9),
      std::string(3, '\0'),
      "{" + std::string(kTime) + "} trailing",
      "{" + std::string(kTime) + ",\"store\":\"\xff\xfe\"}",
      "{" + std::string(kTime) + ",\"store\":\"a\nb\"}",
      "{" + std::string(kTime) + ",\"store\":\"\\x\"}",
      "{" + std::string(kTime) + ",\"store\":" + deep + "}",
      "{" + std::string(kTime) + ",\"store\":\"" + std::string(10 << 20, 'x') +
          "\"}",
      deep};
  auto decoder = make_json_decoder(spec());
  ColumnBatch batch(spec().schema);
  std::string good = "{" + std::string(kTime) + ",\"store\":\"good\"}";
  std::vector<std::string_view> messages;
  for (const auto& text : poison) {
    messages.push_back(text);
    messages.push_back(good);
  }
  Decoded decoded;
  decoder->decode(messages, batch, decoded);
  CHECK(decoded.rejections.size() == poison.size());
  REQUIRE(batch.num_rows() == poison.size());
  for (uint32_t i = 0; i < decoded.row_messages.size(); ++i) {
    CHECK(decoded.row_messages[i] == 2 * i + 1);
    CHECK(batch.columns()[1].strings[i] == "good");
  }
  for (const Rejection& rejection : decoded.rejections) {
    CHECK(!rejection.text.empty());
    CHECK(rejection.text.size() < 400);
  }
}

TEST_CASE("random events equal a naive model, in any order of fields") {
  unsigned seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random(seed);
  auto decoder = make_json_decoder(spec());
  for (int round = 0; round < 200; ++round) {
    ColumnBatch batch(spec().schema);
    std::vector<std::string> events;
    std::vector<std::string> expected;
    for (int i = 0; i < 20; ++i) {
      auto qty = static_cast<int64_t>(random()) - (int64_t{1} << 31);
      int64_t cents = static_cast<int>(random() % 2'000'001) - 1'000'000;
      std::string store = "S" + std::to_string(random() % 50);
      std::string price = decimal_to_string(cents, 2);
      std::vector<std::string> fields = {kTime};
      bool has_qty = random() % 4 != 0, has_sku = random() % 3 != 0;
      fields.push_back("\"store\":\"" + store + "\"");
      if (has_qty) fields.push_back(fmt::format("\"qty\": {} ", qty));
      fields.push_back(random() % 2 ? "\"price\":" + price
                                    : "\"price\":\"" + price + "\"");
      if (has_sku) fields.push_back("\"item\":{\"x\":{},\"sku\":\"K\"}");
      if (random() % 2) fields.push_back("\"other\":[1,[{\"a\":\"]}\"}]]");
      if (random() % 3 == 0) {
        std::shuffle(fields.begin(), fields.end(), random);
      }
      events.push_back(fmt::format("{{{}}}", fmt::join(fields, ",")));
      expected.push_back(fmt::format("{}|{}|{}|{}", store,
                                     has_qty ? std::to_string(qty) : "-", cents,
                                     has_sku ? "K" : "-"));
    }
    std::vector<std::string_view> messages(events.begin(), events.end());
    Decoded decoded;
    decoder->decode(messages, batch, decoded);
    REQUIRE(decoded.rejections.empty());
    for (uint32_t r = 0; r < batch.num_rows(); ++r) {
      const auto& c = batch.columns();
      CHECK(fmt::format("{}|{}|{}|{}", c[1].strings[r],
                        c[2].nulls[r] ? "-" : std::to_string(c[2].longs[r]),
                        c[3].longs[r],
                        c[6].nulls[r] ? "-" : std::string(c[6].strings[r])) ==
            expected[r]);
    }
  }
}

// One row of a batch as text, rejected messages as their reason.
std::vector<std::string> outcomes(Decoder& decoder,
                                  std::span<const std::string_view> messages) {
  ColumnBatch batch(spec().schema);
  Decoded decoded;
  decoder.decode(messages, batch, decoded);
  std::vector<std::string> all(messages.size());
  for (const auto& r : decoded.rejections) all[r.message] += r.reason + r.text;
  for (uint32_t row = 0; row < decoded.row_messages.size(); ++row) {
    std::string& text = all[decoded.row_messages[row]];
    for (size_t c = 0; c < batch.columns().size(); ++c) {
      const ColumnBuffer& column = batch.columns()[c];
      CHECK(column.nulls.size() == decoded.row_messages.size());
      text += "|";
      if (column.nulls[row]) {
        text += "-";
      } else if (!column.strings.empty()) {
        text += column.strings[row];
      } else if (!column.doubles.empty()) {
        text += std::to_string(column.doubles[row]);
      } else {
        text += std::to_string(column.longs[row]);
      }
    }
  }
  return all;
}

TEST_CASE("damaged events give the same together as alone") {
  unsigned seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random(seed);
  auto together = make_json_decoder(spec());
  std::string_view bytes = "\"\\{}[]:, \n0-e1n\xff\0";
  for (int round = 0; round < 300; ++round) {
    std::vector<std::string> events;
    for (int i = 0; i < 30; ++i) {
      std::string event = fmt::format(
          R"({{{},"store":"S{}","qty":{},"item":{{"a":[],"sku":"\u00e9"}}}})",
          kTime, random() % 9, random());
      for (unsigned n = random() % 3; n > 0 && round % 2 == 0; --n) {
        event[random() % event.size()] = bytes[random() % bytes.size()];
      }
      if (random() % 4 == 0) event.resize(random() % event.size());
      if (random() % 8 == 0) event.erase(0, random() % (event.size() + 1));
      events.push_back(event);
    }
    std::vector<std::string_view> messages(events.begin(), events.end());
    auto found = outcomes(*together, messages);
    for (size_t i = 0; i < messages.size(); ++i) {
      auto alone = make_json_decoder(spec());
      INFO(events[i]);
      CHECK(found[i] == outcomes(*alone, std::span(&messages[i], 1))[0]);
    }
  }
}

TEST_CASE("short longs equal long ones") {
  for (int64_t size = 1, n = 0; size < 20; ++size, n = n * 10 + size % 10) {
    for (int64_t value : {n, -n, n + 1}) {
      CHECK(with(fmt::format("\"qty\":{}", value)).number(2) == value);
    }
  }
  for (const char* bad : {"-", "00", "-01", "1:", "1/", "12a", "1_", "\x80"}) {
    CHECK(!with(fmt::format("\"qty\":{}", bad)));
  }
}

TEST_CASE("splitting bodies") {
  auto count = [](std::string_view body) {
    auto events = split_json_events(body);
    return events ? static_cast<int>(events->size()) : -1;
  };
  CHECK(count("") == 0);
  CHECK(count("[]") == 0);
  CHECK(count(R"({"a":"}"})") == 1);
  CHECK(count("{\n\"a\":1\n}\n") == 1);
  CHECK(count("{\"a\":1}\n\n{\"a\":2}\r\n") == 2);
  CHECK(count(R"([{"a":[1,2]}, {"b":"],["} ])") == 2);
  CHECK(count(R"([{"a":1})") == -1);
  CHECK(count(R"([{"a":1} {"a":2}])") == -1);
  CHECK(count("hello") == -1);
}

TEST_CASE("csv") {
  auto decoder = make_csv_decoder(spec(), "ts,store,qty,item.sku,price\r\n");
  REQUIRE(ok(decoder));
  ColumnBatch batch(spec().schema);
  REQUIRE(ok((*decoder)->decode(
      "2026-11-22T10:41:07.120Z,\"a \"\"b\"\",\nc\",,K,1.50\r\n", batch)));
  CHECK(batch.columns()[1].strings[0] == "a \"b\",\nc");
  CHECK(batch.columns()[2].nulls[0] == 1);
  CHECK(batch.columns()[6].strings[0] == "K");
  CHECK(batch.columns()[3].longs[0] == 150);
  CHECK(!ok((*decoder)->decode("2026-11-22,a", batch)));
  CHECK(!ok((*decoder)->decode("2026-11-22,\"a,1,K,2", batch)));
  CHECK(!ok((*decoder)->decode("2026-11-22,\"a\"b,1,K,2", batch)));
  CHECK(!ok(make_csv_decoder(spec(), "a,a")));
  auto events = csv_to_json_events("a,b\n1,\"x\"\"y\"\n,2\n", {});
  REQUIRE(ok(events));
  CHECK(events->events[0] == R"({"a":"1","b":"x\"y"})");
  CHECK(events->events[1] == R"({"b":"2"})");
  CHECK(events->faults.empty());

  // One bad record is kept with what it should have been; the others go on.
  events = csv_to_json_events(
      "a,b\n1,2\n3\n\"4\"5,6\n\"7\n8\",9\n\"10,11\n12,13\n14,15", {});
  REQUIRE(ok(events));
  CHECK(events->events ==
        std::vector<std::string>{R"({"a":"1","b":"2"})", "a,b\n3",
                                 "a,b\n\"4\"5,6", R"({"a":"7\u000a8","b":"9"})",
                                 "a,b\n\"10,11", R"({"a":"12","b":"13"})",
                                 R"({"a":"14","b":"15"})"});
  REQUIRE(events->faults.size() == 3);
  CHECK(events->faults[0].first == 1);
  CHECK(events->faults[0].second == "the record has 1 fields, the header 2");
  CHECK(events->faults[1].first == 2);
  CHECK(events->faults[2].first == 4);
  CHECK(events->begins == std::vector<size_t>{4, 8, 10, 17, 25, 32, 38});
  CHECK_FALSE(ok(csv_to_json_events("a,a\n1,2\n", {})));
  CHECK(csv_to_json_events("", {})->events.empty());
  auto records = csv_to_records("b,a\n1,2\n3\n", {"a", "b"}, ';');
  REQUIRE(ok(records));
  CHECK(records->events == std::vector<std::string>{"2;1", "b,a\n3"});
}
