// Decoder: message bytes -> rows of a ColumnBatch, without a per-row object.
// Used by one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "segments/column_batch.h"
#include "segments/result.h"

namespace freshet {

// How one column is read from an event.
struct FieldSpec {
  size_t column = 0;         // in the schema
  std::string path;          // "item.sku": member names joined by '.'
  std::string default_text;  // used when absent or null, if has_default
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
  std::vector<FieldSpec> fields;  // every column but __time and derived ones
};

inline constexpr size_t kMaxEventBytes = 8 << 20;

// Why a message gave no row: "not_json", "wrong_type", "time", "too_large",
// and a text for people that names the field and the value at fault (cut to
// 80 characters).
struct Rejection {
  uint32_t message = 0;  // position among the messages given
  const char* reason = "";
  std::string text;
};

// REQUIRES: one batch at a time. The strings of the rows lie in memory of the
// batch or of the decoder; a decode into a batch without rows (new or cleared)
// ends the life of those given before.
class Decoder {
 public:
  virtual ~Decoder() = default;
  // Appends the rows of the messages to `batch`, and to `row_messages` for
  // each new row the position of its message. A message at fault appends
  // nothing but its rejection. Missing fields are null; unknown fields are
  // ignored. This is the fast way: many messages share one copy.
  virtual void decode(std::span<const std::string_view> messages,
                      ColumnBatch& batch, std::vector<uint32_t>& row_messages,
                      std::vector<Rejection>& rejections) = 0;
  // The same for one message: kInvalid, or kLimit if it is too large.
  Status decode(std::string_view message, ColumnBatch& batch);
};

// One JSON object per message (simdjson's first stage, see json_structure.h).
// Numbers may come as strings ("12.50"), text columns take
// numbers and true/false as they are written; objects and arrays never fit a
// column. Longs take 12.0, not 12.5; decimals are read from the digits as
// written, rounded half away from zero beyond their scale. Duplicate keys: the
// first counts. The syntax inside fields nobody asks for is not looked at
// beyond quotes, brackets and UTF-8.
std::unique_ptr<Decoder> make_json_decoder(DecoderSpec spec);

// Splits a JSON array, JSON lines or a single object into object texts, for
// POST /ingest and files. Views into `body`. kInvalid if it is none of them.
Result<std::vector<std::string_view>> split_json_events(std::string_view body);

}  // namespace freshet
