// Hostile events: as one message, as a body of several, and as CSV. What the
// fast way (many messages) makes of them equals what the slow way makes.
#include <cstdlib>
#include <numeric>

#include "ingest/csv.h"
#include "ingest/decoder.h"

namespace {

using namespace freshet;  // NOLINT: a test program

DecoderSpec spec() {
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
  const char* paths[] = {"s", "item.l", "d", "m", "b", "a.b.t"};
  for (size_t i = 0; i < 6; ++i) {
    FieldSpec field;
    field.column = i + 1;
    field.path = paths[i];
    result.fields.push_back(field);
  }
  return result;
}

void check(bool holds) {
  if (!holds) std::abort();
}

volatile int touched = 0;  // so that every byte is read

// Every view of the batch can be read.
void touch(const ColumnBatch& batch) {
  for (const ColumnBuffer& column : batch.columns()) {
    check(column.nulls.size() == batch.num_rows());
    for (std::string_view text : column.strings) {
      touched = touched + std::accumulate(text.begin(), text.end(), 0);
    }
  }
}

void decode_all(Decoder& decoder, ColumnBatch& batch,
                const std::vector<std::string_view>& messages) {
  Decoded decoded;
  batch.clear();
  decoder.decode(messages, batch, decoded);
  check(decoded.row_messages.size() + decoded.rejections.size() ==
        messages.size());
  check(batch.num_rows() == decoded.row_messages.size());
  touch(batch);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const DecoderSpec decoder_spec = spec();
  static const auto json = make_json_decoder(decoder_spec);
  static ColumnBatch batch(decoder_spec.schema);
  std::string_view text(reinterpret_cast<const char*>(data), size);
  std::string_view good = R"({"ts":1795000000000,"s":"x","item":{"l":1}})";
  decode_all(*json, batch, {text});
  size_t alone = batch.num_rows();
  decode_all(*json, batch, {good, text, good});
  check(batch.num_rows() == alone + 2);
  if (auto events = split_json_events(text)) decode_all(*json, batch, *events);
  (void)csv_to_json_events(text, {"ts", "item.sku", "item.sub.x"});
  size_t header_end = csv_record_end(text, 0, ',', false);
  if (header_end == std::string_view::npos) return 0;
  auto csv = make_csv_decoder(decoder_spec, text.substr(0, header_end));
  if (csv) decode_all(**csv, batch, {text.substr(header_end)});
  return 0;
}
