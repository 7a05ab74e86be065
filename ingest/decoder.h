// Decoder: message bytes -> rows of a ColumnBatch, without a per-row object.
// Used by one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "segments/column_batch.h"
#include "segments/result.h"

namespace freshet {

// How one column is read from an event.
struct FieldSpec {
  size_t column = 0;          // in the schema
  std::string path;           // "item.sku": member names joined by '.'
  std::string default_text;   // used when absent or null, if has_default
  bool has_default = false;
};

// How __time is read.
struct TimeSpec {
  std::string path = "ts";
  std::string format = "auto";  // auto | iso | millis | seconds | strftime
};

struct DecoderSpec {
  std::shared_ptr<const Schema> schema;
  TimeSpec time;
  std::vector<FieldSpec> fields;   // every column but __time and derived ones
};

inline constexpr size_t kMaxEventBytes = 8 << 20;

class Decoder {
 public:
  virtual ~Decoder() = default;
  // Appends the rows of one message to `batch`. On an error nothing of the
  // message is appended; the message names the field and the value at fault
  // (cut to 80 characters). Missing fields are null; unknown fields ignored.
  virtual Status decode(std::string_view message, ColumnBatch& batch) = 0;
};

// One JSON object per message (simdjson on-demand; only file that includes it
// in ingest/). Numbers may come as strings. Duplicate keys: the first counts.
std::unique_ptr<Decoder> make_json_decoder(DecoderSpec spec);

// Splits a JSON array, JSON lines or a single object into object texts, for
// POST /ingest and files. Views into `body`. kInvalid if it is none of them.
Result<std::vector<std::string_view>> split_json_events(std::string_view body);

}  // namespace freshet
