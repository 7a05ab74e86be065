// Decoder: message bytes -> rows of a ColumnBatch, without a per-row object.
// Used by one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/source.h"
#include "segments/column_batch.h"
#include "segments/result.h"

namespace freshet {

// How one column is read from an event.
struct FieldSpec {
  size_t column = 0;         // in the schema
  std::string path;          // "item.sku": member names joined by '.'
  std::string default_text;  // used when absent or null, if has_default
  bool has_default = false;
  // Not empty: read from the message itself instead of its value: "key",
  // "key.MEMBER..." (of a JSON key), "header.NAME", "timestamp", "topic",
  // "partition", "offset".
  std::string message = {};
  std::string time_format = "auto";  // of a timestamp column, as in TimeSpec
  // What a value that does not fit the column becomes.
  enum class OnError { kReject, kNull, kDefault } on_error = OnError::kReject;
};

// How __time is read.
struct TimeSpec {
  std::string path = "ts";
  // auto | iso | days | seconds | millis | micros | nanos | strftime
  std::string format = "auto";
  bool from_message = false;  // the source's own time instead of a field
};

// Where Avro schemas come from: Confluent's REST interface.
struct RegistrySettings {
  std::string url;  // "http://host:8081", or several joined by ','
  std::string user, password, ca_file;
};

struct DecoderSpec {
  std::shared_ptr<const Schema> schema;
  TimeSpec time;
  std::vector<FieldSpec> fields;  // every column but __time and derived ones
  // json | csv | xml | avro | debezium | dms
  std::string format = "json";
  // CSV: the names of a record's fields in order, and what is between them.
  std::vector<std::string> csv_fields;
  char csv_delimiter = ',';
  // A path to arrays: each element of theirs becomes a row, which also has the
  // fields around it.
  std::string explode;
  // XML: where its records are, "/inventory/item".
  std::string record;
  // Avro, and Debezium in Avro if it has a URL.
  RegistrySettings registry;
  std::string decimals = "precise";  // Debezium's decimals: precise | string
  std::string before_image = "before-image";  // DMS: the member's name
  std::vector<size_t> key;  // columns that identify a row; may be empty
  // Of rows with one key the one with the greatest value here is the newest.
  std::optional<size_t> order_by{};
};

inline constexpr size_t kMaxEventBytes = 8 << 20;
// Rows that one message may become.
inline constexpr size_t kMaxMessageRows = 100'000;
// Bytes of text read for them; what all of them share counts for each.
inline constexpr size_t kMaxMessageText = 256 << 20;

// Why a message gave no row: "not_json" and its kin, "wrong_type", "time",
// "too_large", and a text for people that names the field and the value at
// fault (cut to 80 characters).
struct Rejection {
  uint32_t message = 0;  // position among the messages given
  const char* reason = "";
  std::string text;
};

// What a row asks for: kUpsert adds it (or puts it in the place of the row
// with the same key); kDelete removes the row with the same key, and needs
// hold no more than the key and a time.
enum class RowOperation : uint8_t { kUpsert, kDelete };

// What decode() says besides the rows. It only appends.
struct Decoded {
  std::vector<uint32_t> row_messages;  // by row: its message, never falling
  // By row; empty while all are kUpsert.
  std::vector<RowOperation> operations;
  // Cells, null in the batch, whose value the source left out because it did
  // not change (PostgreSQL's TOAST): the row that is replaced has it.
  struct KeptCell {
    uint32_t row = 0, column = 0;
  };
  std::vector<KeptCell> kept_cells;
  std::vector<Rejection> rejections;
  // Messages that ask for no row and are no fault: tombstones, control
  // records, arrays without elements.
  uint64_t ignored = 0;

  RowOperation operation(size_t row) const {
    return operations.empty() ? RowOperation::kUpsert : operations[row];
  }
  void clear() {
    row_messages.clear();
    operations.clear();
    kept_cells.clear();
    rejections.clear();
    ignored = 0;
  }
};

// REQUIRES: one batch at a time. The strings of the rows lie in memory of the
// messages, the batch or the decoder; a decode into a batch without rows (new
// or cleared) ends the life of those given before.
class Decoder {
 public:
  virtual ~Decoder() = default;
  // Fetches what the messages need to be read (schemas). kUnavailable: it is
  // not to be had now; the messages must wait.
  virtual Status prepare(std::span<const RawMessage> messages) { return {}; }
  // What was not to be had is to be asked for again by the next prepare().
  virtual void forget_faults() {}
  // Appends the rows of the messages to `batch`: one, several or none each. A
  // message at fault appends nothing but its rejection. Missing fields are
  // null; unknown fields are ignored. This is the fast way: many messages
  // share one copy.
  virtual void decode(std::span<const RawMessage> messages, ColumnBatch& batch,
                      Decoded& decoded) = 0;
  // The same for messages that are values alone.
  void decode(std::span<const std::string_view> values, ColumnBatch& batch,
              Decoded& decoded);
  // The same for one: kInvalid, or kLimit if it is too large.
  Status decode(std::string_view value, ColumnBatch& batch);

 private:
  std::vector<RawMessage> wrapped_;
};

// The decoder of the spec's format. kInvalid if the spec is at fault.
Result<std::unique_ptr<Decoder>> make_decoder(DecoderSpec spec);

// One JSON object per message (simdjson's first stage, see json_structure.h).
// Numbers may come as strings ("12.50"), text columns take
// numbers and true/false as they are written; objects and arrays never fit a
// column. Longs take 12.0, not 12.5; decimals are read from the digits as
// written, rounded half away from zero beyond their scale. Duplicate keys: the
// first counts. The syntax inside fields nobody asks for is not looked at
// beyond quotes, brackets and UTF-8.
std::unique_ptr<Decoder> make_json_decoder(DecoderSpec spec);

// The same with all that paths may say: "items[0].sku" is an element of an
// array, and spec.explode makes rows of elements. The whole event is read, so
// it is slower, and nothing in it may be nested deeper than 512.
// kInvalid for a path that cannot be read.
Result<std::unique_ptr<Decoder>> make_json_tree_decoder(DecoderSpec spec);

// Avro messages in the wire format of spec.registry.
Result<std::unique_ptr<Decoder>> make_avro_decoder(DecoderSpec spec);

// Splits a JSON array, JSON lines or a single object into object texts, for
// POST /ingest and files. Views into `body`. kInvalid if it is none of them.
Result<std::vector<std::string_view>> split_json_events(std::string_view body);
// Whether it takes `body` for an array.
bool is_json_array(std::string_view body);

}  // namespace freshet
