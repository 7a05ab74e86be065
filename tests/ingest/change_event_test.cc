// Debezium and AWS DMS, by messages as the real ones write them.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <chrono>

#include "ingest/change_events.h"
#include "tests/ingest/decoded_rows.h"
#include "tests/ingest/outcome.h"

using namespace freshet;

namespace {

DecoderSpec item_spec() {
  DecoderSpec spec = spec_of({{"id", ColumnKind::kLong},
                              {"price", ColumnKind::kDecimal, 2},
                              {"free", ColumnKind::kDecimal, 5},
                              {"at", ColumnKind::kTimestamp},
                              {"day", ColumnKind::kTimestamp},
                              {"name", ColumnKind::kString}});
  spec.format = "debezium";
  spec.time.path = "$.source.ts_ms";
  spec.time.format = "millis";
  spec.fields[3].time_format = "millis";
  spec.fields[4].time_format = "days";
  return spec;
}

std::string envelope(const std::string& before, const std::string& after,
                     const std::string& op) {
  return fmt::format(
      R"({{"before":{},"after":{},"source":{{"version":"3.0.8.Final",
        "connector":"postgresql","ts_ms":1795318464818,"snapshot":"last",
        "lsn":26566304}},"transaction":null,"op":"{}",
        "ts_ms":1795318465095}})",
      before, after, op);
}

const std::string kRow =
    R"({"id":1,"price":"BOI=","free":{"scale":5,"value":"BMsv"},
        "at":1704164645678,"day":19724,"name":"snap"})";
const std::string kRowText =
    "1795318464818|1|1250|314159|1704164645678|1704153600000|snap";

}  // namespace

TEST_CASE("Debezium: create, snapshot read and update are rows as they are") {
  DecodedRows rows(item_spec());
  rows.decode({envelope("null", kRow, "r"), envelope("null", kRow, "c"),
               envelope(R"({"id":9,"name":"old"})", kRow, "u")});
  CHECK(rows.rejections() == std::vector<std::string>{});
  CHECK(rows.text() == std::vector<std::string>{kRowText, kRowText, kRowText});
}

TEST_CASE("Debezium: delete, its tombstone, a key change") {
  DecodedRows rows(item_spec());
  std::string gone =
      R"({"id":2,"price":null,"free":null,"at":null,"day":null,"name":null})";
  std::vector<std::string> values = {envelope(gone, "null", "d"), "",
                                     envelope("null", kRow, "c"),
                                     envelope("null", "null", "d")};
  std::vector<RawMessage> messages(4);
  for (size_t i = 0; i < 4; ++i) messages[i].value = values[i];
  messages[1].null_value = true;
  messages[3].key = R"({"schema":{"type":"struct"},"payload":{"id":7}})";
  rows.decode_messages(messages);
  CHECK(rows.rejections() == std::vector<std::string>{});
  CHECK(rows.text() ==
        std::vector<std::string>{"delete 1795318464818|2|-|-|-|-|-", kRowText,
                                 "delete 1795318464818|7|-|-|-|-|-"});
  CHECK(rows.decoded.row_messages == std::vector<uint32_t>{0, 2, 3});
  CHECK(rows.decoded.ignored == 1);
}

TEST_CASE("Debezium: a delete of a key alone has what the envelope says") {
  DecoderSpec spec =
      spec_of({{"id", ColumnKind::kLong}, {"lsn", ColumnKind::kLong}});
  spec.format = "debezium";
  spec.time = {"$.source.ts_ms", "millis"};
  spec.fields[1].path = "$.source.lsn";
  DecodedRows rows(spec);
  std::string value = envelope("null", "null", "d");
  RawMessage message;
  message.value = value;
  message.key = R"({"id":7})";
  rows.decode_messages({message});
  CHECK(rows.text() ==
        std::vector<std::string>{"delete 1795318464818|7|26566304"});
}

TEST_CASE("Debezium: a delete needs its key, not its other values") {
  DecoderSpec spec = item_spec();
  spec.key = {1};     // id
  spec.order_by = 6;  // name
  DecodedRows rows(spec);
  std::string bad =
      R"({"id":2,"price":"?","free":[1],"at":"then","day":"now","name":"n"})";
  rows.decode({envelope(bad, "null", "d"), envelope(bad, bad, "u"),
               envelope(R"({"id":"?"})", "null", "d"),
               envelope(R"({"id":3,"name":{}})", "null", "d")});
  CHECK(rows.text() ==
        std::vector<std::string>{"delete 1795318464818|2|-|-|-|-|n"});
  CHECK(rows.decoded.rejections.size() == 3);

  // Without a time it has that of its message.
  std::vector<RawMessage> messages(1);
  std::string value = R"({"before":{"id":4},"source":{},"op":"d"})";
  messages[0].value = value;
  messages[0].time = Timestamp{77};
  DecodedRows timeless(spec);
  timeless.decode_messages(messages);
  CHECK(timeless.text() == std::vector<std::string>{"delete 77|4|-|-|-|-|-"});
}

TEST_CASE("Debezium: the schema says what values mean") {
  std::string schema =
      R"({"type":"struct","fields":[{"type":"struct","fields":[],
      "field":"before"},{"type":"struct","fields":[
      {"type":"int32","field":"id"},
      {"type":"bytes","name":"org.apache.kafka.connect.data.Decimal",
       "parameters":{"scale":"4"},"field":"price"},
      {"type":"string","field":"free"},
      {"type":"int64","name":"io.debezium.time.MicroTimestamp","field":"at"},
      {"type":"int32","name":"io.debezium.time.Date","field":"day"}],
      "field":"after"}],"name":"Envelope"})";
  DecoderSpec spec = item_spec();
  spec.fields[3].time_format = "auto";  // the schema knows better
  spec.fields[4].time_format = "auto";
  DecodedRows rows(spec);
  std::string row = R"({"id":1,"price":"BOI=","free":"1250",
      "at":1000001,"day":-1,"name":"x"})";
  rows.decode({fmt::format(R"({{"schema":{},"payload":{}}})", schema,
                           envelope("null", row, "c")),
               fmt::format(R"({{"schema":{},"payload":null}})", schema)});
  CHECK(rows.rejections() == std::vector<std::string>{});
  CHECK(rows.text() == std::vector<std::string>{
                           "1795318464818|1|13|125000000|1000|-86400000|x"});
  CHECK(rows.decoded.ignored == 1);
}

TEST_CASE("Debezium: scales that are negative, or none") {
  auto event = [](const std::string& scale, const std::string& free) {
    std::string schema = fmt::format(
        R"({{"type":"struct","fields":[{{"type":"struct","fields":[
        {{"type":"bytes","name":"org.apache.kafka.connect.data.Decimal",
          "parameters":{{"scale":"{}"}},"field":"price"}}],"field":"after"}}]}})",
        scale);
    std::string row = fmt::format(
        R"({{"id":1,"price":"AN4=","free":{{"scale":{},"value":"AN4="}}}})",
        free);
    return fmt::format(R"({{"schema":{},"payload":{}}})", schema,
                       envelope("null", row, "c"));
  };
  DecodedRows rows(item_spec());
  rows.decode({event("-3", "-2"), event("2", "0")});
  CHECK(rows.rejections() == std::vector<std::string>{});
  CHECK(rows.text() ==
        std::vector<std::string>{"1795318464818|1|22200000|2220000000|-|-|-",
                                 "1795318464818|1|222|22200000|-|-|-"});
  for (const char* scale : {"99999999999", "-39", "39", "x", ""}) {
    rows.decode({event(scale, "0")});
    CHECK(rows.text() == std::vector<std::string>{});
    REQUIRE(rows.decoded.rejections.size() == 1);
    CHECK(std::string(rows.decoded.rejections[0].reason) == "wrong_type");
  }
}

TEST_CASE("Debezium: a time of day is no timestamp") {
  DecoderSpec spec = item_spec();
  spec.fields[3].time_format = "auto";
  for (const char* type :
       {"io.debezium.time.Time", "io.debezium.time.MicroTime",
        "io.debezium.time.NanoTime", "io.debezium.time.Year",
        "io.debezium.time.MicroDuration",
        "org.apache.kafka.connect.data.Time"}) {
    auto event = [&](const char* field) {
      return fmt::format(
          R"({{"schema":{{"fields":[{{"fields":[{{"type":"int64","name":"{}",
          "field":"{}"}}],"field":"after"}}]}},"payload":{}}})",
          type, field,
          envelope("null", fmt::format(R"({{"id":1,"{}":2026}})", field), "c"));
    };
    DecodedRows rows(spec);
    rows.decode({event("at"), event("name")});
    CHECK(rows.text() ==
          std::vector<std::string>{"1795318464818|1|-|-|-|-|2026"});
    REQUIRE(rows.decoded.rejections.size() == 1);
    CHECK(std::string(rows.decoded.rejections[0].reason) == "wrong_type");
  }
}

TEST_CASE("Debezium: decimals as text, and what base64 cannot be") {
  DecoderSpec spec = item_spec();
  auto price = [&](const char* decimals, const char* value) {
    spec.decimals = decimals;
    DecodedRows rows(spec);
    rows.decode(
        {envelope("null", fmt::format(R"({{"price":{}}})", value), "c")});
    if (rows.batch.num_rows() == 0) return std::string("rejected");
    return rows.batch.columns()[2].nulls[0]
               ? std::string("null")
               : std::to_string(rows.batch.columns()[2].longs[0]);
  };
  CHECK(price("precise", "\"BOI=\"") == "1250");
  CHECK(price("precise", "\"12.50\"") == "1250");
  CHECK(price("precise", "12.5") == "1250");
  CHECK(price("precise", "null") == "null");
  CHECK(price("precise", "\"1250\"") == "-2658700");  // base64, as said
  CHECK(price("string", "\"1250\"") == "125000");
  CHECK(price("string", "\"BOI=\"") == "rejected");
  CHECK(price("precise", "\"AAAAAAAAAAAAAAAAAAAAAAAA\"") == "rejected");
}

TEST_CASE("Debezium: a value left out is a kept cell") {
  DecodedRows rows(item_spec());
  rows.decode({envelope(
      "null", R"({"id":4,"name":"__debezium_unavailable_value"})", "u")});
  CHECK(rows.text() == std::vector<std::string>{"1795318464818|4|-|-|-|-|-"});
  REQUIRE(rows.decoded.kept_cells.size() == 1);
  CHECK(rows.decoded.kept_cells[0].row == 0);
  CHECK(rows.decoded.kept_cells[0].column == 6);
}

TEST_CASE("Debezium: the flattened form") {
  DecoderSpec spec = item_spec();
  spec.time.path = "__source_ts_ms";
  DecodedRows rows(spec);
  rows.decode({R"({"id":1,"name":"a","__deleted":"false","__source_ts_ms":5})",
               R"({"id":2,"__deleted":"true","__source_ts_ms":6})",
               R"({"id":3,"__op":"d","__source_ts_ms":7})",
               R"({"id":4,"name":"b","__source_ts_ms":8})"});
  CHECK(rows.text() == std::vector<std::string>{"5|1|-|-|-|-|a",
                                                "delete 6|2|-|-|-|-|-",
                                                "delete 7|3|-|-|-|-|-"});
  CHECK(rows.rejections() ==
        std::vector<std::string>{"3 not_debezium the event has no op: it is "
                                 "not Debezium's envelope"});
}

// With the wrapper of JsonConverter, whose schema is that of the row.
TEST_CASE("Debezium: the flattened form with its schema") {
  DecoderSpec spec = item_spec();
  spec.time.path = "__source_ts_ms";
  spec.fields[4].time_format = "auto";
  DecodedRows rows(spec);
  rows.decode({R"({"schema":{"type":"struct","fields":[
      {"type":"int32","field":"id"},
      {"type":"bytes","name":"org.apache.kafka.connect.data.Decimal",
       "parameters":{"scale":"4"},"field":"price"},
      {"type":"int32","name":"io.debezium.time.Date","field":"day"},
      {"type":"string","field":"__op"}]},
      "payload":{"id":1,"price":"AeII","day":20000,"__op":"c",
                 "__source_ts_ms":5}})"});
  CHECK(rows.rejections() == std::vector<std::string>{});
  CHECK(rows.text() ==
        std::vector<std::string>{"5|1|1234|-|-|1728000000000|-"});
}

TEST_CASE("Debezium: the schema of a key says what its values mean") {
  DecoderSpec spec = spec_of({{"day", ColumnKind::kTimestamp}});
  spec.format = "debezium";
  spec.time = {"$.source.ts_ms", "millis"};
  DecodedRows rows(spec);
  std::string value = envelope("null", "null", "d");
  RawMessage message;
  message.value = value;
  message.key = R"({"schema":{"type":"struct","fields":[{"type":"int32",
      "name":"io.debezium.time.Date","field":"day"}]},"payload":{"day":20000}})";
  rows.decode_messages({message});
  CHECK(rows.text() ==
        std::vector<std::string>{"delete 1795318464818|1728000000000"});
}

TEST_CASE("Debezium: an update of the dataset's key removes the former one") {
  DecoderSpec spec = item_spec();
  spec.key = {1, 6};  // id, name
  DecodedRows rows(spec);
  auto update = [](const std::string& before, const std::string& after) {
    return envelope(before, after, "u");
  };
  const std::string now = R"({"id":1,"name":"new"})";
  rows.decode({update(R"({"id":1,"price":"BOI=","name":"old"})", now),
               update(R"({"id":1,"name":"new"})", now),
               envelope(R"({"id":1,"name":"old"})", now, "c"),
               // What does not tell the whole key.
               update("null", now), update(R"({"id":2})", now),
               update(R"({"id":2,"name":null})", now),
               update(R"({"id":2,"name":"__debezium_unavailable_value"})", now),
               // A value left out did not change.
               update(R"({"id":1,"name":"old"})",
                      R"({"id":1,"name":"__debezium_unavailable_value"})")});
  const std::string put = "1795318464818|1|-|-|-|-|new";
  CHECK(rows.rejections() == std::vector<std::string>{});
  CHECK(rows.text() ==
        std::vector<std::string>{"delete 1795318464818|1|1250|-|-|-|old", put,
                                 put, put, put, put, put, put,
                                 "1795318464818|1|-|-|-|-|-"});
  CHECK(rows.decoded.row_messages ==
        std::vector<uint32_t>{0, 0, 1, 2, 3, 4, 5, 6, 7});
}

TEST_CASE("Debezium: fields and members without end are read in no time") {
  constexpr int kMany = 80'000;
  std::string fields, members;
  for (int i = 0; i < kMany; ++i) {
    fields += fmt::format(R"({{"field":"f{:06}"}},)", i);
    members += fmt::format(R"("m{:06}":0,)", i);
  }
  DecodedRows rows(item_spec());
  auto begin = std::chrono::steady_clock::now();
  rows.decode({fmt::format(
      R"({{"schema":{{"fields":[{{"fields":[{}{{"field":"id"}}],"field":"after"}}]}},
      "payload":{}}})",
      fields, envelope("null", "{" + members + R"("id":1})", "c"))});
  CHECK(rows.text() == std::vector<std::string>{"1795318464818|1|-|-|-|-|-"});
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(3));
}

TEST_CASE("Debezium: truncate, message, and what is none") {
  DecodedRows rows(item_spec());
  rows.decode({envelope("null", "null", "t"), envelope("null", "null", "m"),
               envelope("null", "null", "u"), envelope("null", "null", "d"),
               envelope("null", kRow, "x"), R"({"op":"c","after":[1]})", "{}",
               "", R"({"schema":1,"payload":2})"});
  CHECK(rows.batch.num_rows() == 0);
  CHECK(rows.decoded.ignored == 1);
  std::string reasons;
  for (const Rejection& r : rows.decoded.rejections) {
    reasons += fmt::format("{} {},", r.message, r.reason);
  }
  CHECK(reasons ==
        "0 truncate,2 not_debezium,3 not_debezium,4 not_debezium,"
        "5 not_debezium,6 not_debezium,7 not_json,8 not_debezium,");
}

namespace {

DecoderSpec dms_spec() {
  DecoderSpec spec =
      spec_of({{"id", ColumnKind::kLong}, {"name", ColumnKind::kString}});
  spec.format = "dms";
  spec.time.path = "$.metadata.timestamp";
  spec.key = {1};
  return spec;
}

std::string dms(const std::string& operation, const std::string& data,
                const std::string& before = "") {
  return fmt::format(
      R"({{"data":{},{}"metadata":{{"timestamp":"1970-01-01T00:00:01Z",
        "record-type":"data","operation":"{}","schema-name":"public",
        "table-name":"foo"}}}})",
      data, before.empty() ? "" : "\"before-image\":" + before + ",",
      operation);
}

}  // namespace

TEST_CASE("DMS: every operation, control records") {
  DecodedRows rows(dms_spec());
  rows.decode(
      {dms("load", R"({"id":1,"name":"a"})"),
       dms("insert", R"({"id":2,"name":"b"})"),
       dms("update", R"({"id":2,"name":"c"})", R"({"id":2})"),
       dms("update", R"({"id":45,"name":"d"})", R"({"id":46})"),
       dms("update", R"({"id":45,"name":"e"})", "{}"),
       dms("delete", R"({"id":1,"name":"a"})"),
       R"({"metadata":{"record-type":"control","operation":"create-table",
          "table-name":"foo"}})",
       R"({"control":{},"metadata":{"record-type":"control",
          "operation":"rename-table"}})"});
  CHECK(rows.rejections() == std::vector<std::string>{});
  CHECK(rows.text() == std::vector<std::string>{"1000|1|a", "1000|2|b",
                                                "1000|2|c", "delete 1000|46|d",
                                                "1000|45|d", "1000|45|e",
                                                "delete 1000|1|a"});
  CHECK(rows.decoded.row_messages ==
        std::vector<uint32_t>{0, 1, 2, 3, 3, 4, 5});
  CHECK(rows.decoded.ignored == 2);
}

// Debezium's `t` leaves the same trace.
TEST_CASE("DMS: a table that is emptied is told") {
  DecodedRows rows(dms_spec());
  auto control = [](const std::string& operation) {
    return fmt::format(R"({{"control":{{}},"metadata":{{
        "timestamp":"2026-11-01T10:00:00Z","record-type":"control",
        "operation":"{}","schema-name":"public","table-name":"foo"}}}})",
                       operation);
  };
  rows.decode({control("truncate-table"), control("create-table"),
               control("drop-table"), control("add-column")});
  CHECK(rows.batch.num_rows() == 0);
  CHECK(rows.decoded.ignored == 2);
  REQUIRE(rows.decoded.rejections.size() == 2);
  for (const Rejection& rejection : rows.decoded.rejections) {
    CHECK(rejection.reason == std::string("truncate"));
  }
  CHECK(rows.decoded.rejections[0].message == 0);
  CHECK(rows.decoded.rejections[0].text ==
        "truncate-table: the rows here stay");
  CHECK(rows.decoded.rejections[1].message == 2);
}

TEST_CASE("DMS: a delete of a key without the row's time") {
  DecoderSpec spec = dms_spec();
  spec.time.path = "ts";
  DecodedRows rows(spec);
  rows.decode({dms("delete", R"({"id":1})"), dms("insert", R"({"id":2})")});
  CHECK(rows.text() == std::vector<std::string>{"delete 1000|1|-"});
  REQUIRE(rows.rejections().size() == 1);
}

TEST_CASE("DMS: another name of the before-image, and what is none") {
  DecoderSpec spec = dms_spec();
  spec.before_image = "old";
  DecodedRows rows(spec);
  rows.decode({R"({"data":{"id":2},"old":{"id":1},"metadata":{
      "timestamp":"1970-01-01T00:00:01Z","operation":"update"}})",
               R"({"data":{"id":2}})", R"({"metadata":{"operation":"load"}})",
               dms("merge", "{}"), dms("load", "[]"), "[]"});
  CHECK(rows.text() == std::vector<std::string>{"delete 1000|1|-", "1000|2|-"});
  CHECK(rows.decoded.rejections.size() == 5);
}
