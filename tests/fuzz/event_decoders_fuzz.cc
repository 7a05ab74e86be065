// Hostile messages for every decoder but the fast JSON one, hostile Avro
// schemas, and hostile listings of files. The first byte picks which; a message
// at fault never harms the good one behind it.
#include <cstdlib>
#include <numeric>

#include "ingest/avro_reader.h"
#include "ingest/avro_schema.h"
#include "ingest/decoder.h"
#include "ingest/remote_place.h"
#include "ingest/xml_decoder.h"

namespace {

using namespace freshet;  // NOLINT: a test program

void check(bool holds) {
  if (!holds) std::abort();
}

volatile int touched = 0;  // so that every byte is read

void touch(std::string_view text) {
  touched = touched + std::accumulate(text.begin(), text.end(), 0);
}

DecoderSpec spec(const char* format) {
  auto schema = std::make_shared<Schema>();
  auto add = [&](const char* name, ColumnKind kind, uint8_t scale = 0) {
    ColumnSpec column;
    column.name = name;
    column.type = ColumnType{kind, scale};
    schema->columns.push_back(column);
  };
  add("__time", ColumnKind::kTimestamp);
  add("s", ColumnKind::kString);
  add("l", ColumnKind::kLong);
  add("d", ColumnKind::kDouble);
  add("m", ColumnKind::kDecimal, 2);
  add("b", ColumnKind::kBool);
  add("t", ColumnKind::kTimestamp);
  DecoderSpec result;
  result.schema = schema;
  result.format = format;
  const char* paths[] = {"s", "a.l", "d", "m", "a.b[0]", "t"};
  for (size_t i = 0; i < 6; ++i) {
    FieldSpec field;
    field.column = i + 1;
    field.path = paths[i];
    result.fields.push_back(field);
  }
  result.fields[5].time_format = "micros";
  result.csv_fields = {"ts", "s", "d", "m", "t"};
  result.record = "/r/i";
  result.key = {1};
  return result;
}

struct Kind {
  std::unique_ptr<Decoder> decoder;
  std::string good;
};

Kind kind(DecoderSpec spec, std::string good) {
  auto made = make_decoder(std::move(spec));
  check(made.has_value());
  return {std::move(*made), std::move(good)};
}

std::vector<Kind> make_kinds() {
  std::vector<Kind> kinds;
  kinds.push_back(kind(spec("csv"), "1,x,1.5,2,3"));
  DecoderSpec exploded = spec("json");
  exploded.explode = "a";
  kinds.push_back(kind(exploded, R"({"ts":1,"a":[{"l":2}]})"));
  kinds.push_back(
      kind(spec("debezium"), R"({"op":"c","after":{"ts":1,"m":"BOI="}})"));
  kinds.push_back(kind(spec("dms"),
                       R"({"metadata":{"operation":"load"},"data":{"ts":1}})"));
  kinds.push_back(kind(spec("xml"), "<r><i><ts>1</ts><s>x</s></i></r>"));
  return kinds;
}

void decode(Kind& kind, std::string_view text) {
  static ColumnBatch batch(spec("json").schema);
  std::string key(text.substr(0, 100));
  std::vector<RawMessage> messages(2);
  messages[0].value = text;
  messages[0].key = key;
  messages[1].value = kind.good;
  batch.clear();
  Decoded decoded;
  kind.decoder->decode(messages, batch, decoded);
  check(batch.num_rows() == decoded.row_messages.size());
  check(batch.num_rows() > 0 && decoded.row_messages.back() == 1);
  check(decoded.operations.empty() ||
        decoded.operations.size() == batch.num_rows());
  check(decoded.rejections.size() + decoded.ignored <= 1);
  for (const ColumnBuffer& column : batch.columns()) {
    check(column.nulls.size() == batch.num_rows());
    for (std::string_view one : column.strings) touch(one);
  }
}

// A schema, a zero byte, a value.
void read_avro(std::string_view text) {
  size_t end = std::min(text.find('\0'), text.size());
  auto schema = AvroSchema::parse(text.substr(0, end));
  if (!schema) return;
  AvroReader reader;
  EventTree tree;
  std::string_view value = text.substr(std::min(end + 1, text.size()));
  if (reader.read(**schema, value, tree)) touch(tree.root()->text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static std::vector<Kind> kinds = make_kinds();
  if (size == 0) return 0;
  std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  size_t which = data[0] % (kinds.size() + 2);
  if (which < kinds.size()) {
    decode(kinds[which], text);
  } else if (which == kinds.size()) {
    read_avro(text);
  } else {
    std::string next;
    (void)read_mlsd(text);
    for (const PlacedFile& file : read_long_list(text)) touch(file.name);
    (void)read_s3_list(text, "p/", next);
  }
  return 0;
}
