#include <absl/container/flat_hash_map.h>
#include <fmt/format.h>

#include <array>

#include "ingest/change_events.h"
#include "ingest/decimal_bytes.h"
#include "ingest/field_value.h"
#include "ingest/tree_decoder.h"

namespace freshet {
namespace {

using Kind = EventNode::Kind;
using Meaning = EventNode::Meaning;

constexpr std::string_view kUnavailable = "__debezium_unavailable_value";
// The same in a column of bytes.
constexpr std::string_view kUnavailableBytes =
    "X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ==";

// Types of Connect and Debezium that are more than their representation.
constexpr std::array<std::pair<std::string_view, Meaning>, 14> kMeanings = {{
    {"org.apache.kafka.connect.data.Decimal", Meaning::kDecimal},
    {"io.debezium.time.Date", Meaning::kDays},
    {"org.apache.kafka.connect.data.Date", Meaning::kDays},
    {"io.debezium.time.Timestamp", Meaning::kMillis},
    {"org.apache.kafka.connect.data.Timestamp", Meaning::kMillis},
    {"io.debezium.time.MicroTimestamp", Meaning::kMicros},
    {"io.debezium.time.NanoTimestamp", Meaning::kNanos},
    {"io.debezium.time.ZonedTimestamp", Meaning::kPlain},
    {"io.debezium.time.Time", Meaning::kNoMoment},
    {"org.apache.kafka.connect.data.Time", Meaning::kNoMoment},
    {"io.debezium.time.MicroTime", Meaning::kNoMoment},
    {"io.debezium.time.NanoTime", Meaning::kNoMoment},
    {"io.debezium.time.Year", Meaning::kNoMoment},
    {"io.debezium.time.MicroDuration", Meaning::kNoMoment},
}};

// Of a decimal: digits behind the point, if negative zeros before it. Nothing
// if no column could hold the number.
std::optional<int8_t> read_scale(std::string_view text) {
  constexpr int64_t kMost = 38;
  int64_t scale = 0;
  if (!parse_exact(text, 0, false, scale)) return {};
  if (scale < -kMost || scale > kMost) return {};
  return static_cast<int8_t>(scale);
}

Meaning meaning_of(std::string_view type) {
  for (const auto& [name, meaning] : kMeanings) {
    if (type == name) return meaning;
  }
  return Meaning::kPlain;
}

std::string_view text_of(const EventTree& tree, const EventNode& node,
                         std::string_view name) {
  const EventNode* found = tree.child(node, name);
  return found == nullptr ? std::string_view() : found->text;
}

// Marks a value with what its field of the schema says:
// {"field":"price","name":"...Decimal","parameters":{"scale":"2"}}
void read_field(const EventTree& tree, const EventNode& field,
                EventNode& value) {
  value.meaning = meaning_of(text_of(tree, field, "name"));
  // A text that the schema calls a text is no base64.
  if (value.meaning == Meaning::kPlain) value.stated = true;
  if (value.meaning != Meaning::kDecimal) return;
  const EventNode* parameters = tree.child(field, "parameters");
  auto scale = read_scale(
      parameters == nullptr ? "0" : text_of(tree, *parameters, "scale"));
  value.scale = scale.value_or(0);
  if (!scale) value.meaning = Meaning::kMalformed;
}

// The row's values, of which the first of a name counts, by the fields of its
// struct in the schema.
void read_fields(EventTree& tree, const EventNode& structure, EventNode& row) {
  const EventNode* fields = tree.child(structure, "fields");
  if (fields == nullptr) return;
  absl::flat_hash_map<std::string_view, EventNode*> values;
  for (auto* at = tree.first_child(row); at != nullptr; at = tree.next(*at)) {
    values.try_emplace(at->name, at);
  }
  for (const EventNode* at = tree.first_child(*fields); at != nullptr;
       at = tree.next(*at)) {
    auto found = values.find(text_of(tree, *at, "field"));
    if (found == values.end() || !found->second->is_scalar()) continue;
    read_field(tree, *at, *found->second);
  }
}

class DebeziumDecoder final : public TreeDecoder {
 public:
  DebeziumDecoder(std::unique_ptr<EventReader> reader,
                  std::unique_ptr<EventReader> key_reader,
                  std::unique_ptr<TreeRows> rows,
                  std::vector<size_t> key_columns)
      : TreeDecoder(std::move(reader), std::move(rows)),
        key_reader_(std::move(key_reader)),
        key_columns_(std::move(key_columns)) {}

  Status prepare(std::span<const RawMessage> messages) override {
    keys_away_ = Status();
    return TreeDecoder::prepare(messages);
  }
  void forget_faults() override {
    TreeDecoder::forget_faults();
    key_reader_->forget_faults();
  }

 protected:
  bool take(EventNode& root, const Taking& taking) override;

 private:
  bool take_envelope(EventNode& envelope, const EventNode* schema,
                     const Taking& taking);
  bool take_flat(EventNode& row, const EventNode* schema, const Taking& taking);
  bool upsert(EventNode& envelope, const EventNode* schema,
              std::string_view operation, const Taking& taking);
  bool remove_old_key(EventNode& envelope, const EventNode* schema,
                      const EventNode& row, const Taking& taking);
  bool remove(EventNode& envelope, const EventNode* schema,
              const Taking& taking);
  bool remove_by_key(const EventNode& envelope, const Taking& taking);
  bool read_key(const RawMessage& message);
  EventNode* row_of(EventNode& envelope, const EventNode* schema,
                    std::string_view name);
  void read_schema(const EventNode& schema, std::string_view part,
                   EventNode& row);
  void mark_values(EventNode& row);
  std::optional<int64_t> source_time(const EventNode& envelope) const;
  static EventNode* member(EventTree& tree, EventNode& node,
                           std::string_view name) {
    return const_cast<EventNode*>(tree.child(node, name));
  }

  const std::unique_ptr<EventReader> key_reader_;
  const std::vector<size_t> key_columns_;
  EventTree key_;
  Status keys_away_;  // what schemas of keys met since prepare()
};

bool DebeziumDecoder::take(EventNode& root, const Taking& taking) {
  EventNode* payload = member(tree_, root, "payload");
  const EventNode* schema = tree_.child(root, "schema");
  if (payload == nullptr || schema == nullptr) {
    return take_envelope(root, nullptr, taking);
  }
  if (payload->is_null()) return true;  // a tombstone in its wrapper
  return take_envelope(*payload, schema, taking);
}

bool DebeziumDecoder::take_envelope(EventNode& envelope,
                                    const EventNode* schema,
                                    const Taking& taking) {
  const EventNode* op = tree_.child(envelope, "op");
  if (op == nullptr || !op->is_scalar()) {
    return take_flat(envelope, schema, taking);
  }
  std::string_view name = op->text;
  if (name == "c" || name == "u" || name == "r") {
    return upsert(envelope, schema, name, taking);
  }
  if (name == "d") return remove(envelope, schema, taking);
  if (name == "m") return true;
  if (name == "t") {
    return reject("truncate", "the table was truncated; the rows here stay");
  }
  return reject("not_debezium",
                "not an operation of Debezium: op is " + shorten(name));
}

// What ExtractNewRecordState leaves of an envelope.
bool DebeziumDecoder::take_flat(EventNode& row, const EventNode* schema,
                                const Taking& taking) {
  const EventNode* deleted = tree_.child(row, "__deleted");
  const EventNode* op = tree_.child(row, "__op");
  if (deleted == nullptr && op == nullptr) {
    return reject("not_debezium",
                  "the event has no op: it is not Debezium's envelope");
  }
  if (schema != nullptr) read_fields(tree_, *schema, row);
  mark_values(row);
  bool gone = (deleted != nullptr && deleted->text == "true") ||
              (op != nullptr && op->text == "d");
  return append(taking, {.number = taking.number,
                         .tree = tree_,
                         .row = &row,
                         .envelope = &row,
                         .operation = gone ? RowOperation::kDelete
                                           : RowOperation::kUpsert});
}

bool DebeziumDecoder::upsert(EventNode& envelope, const EventNode* schema,
                             std::string_view operation, const Taking& taking) {
  EventNode* row = row_of(envelope, schema, "after");
  if (row == nullptr) {
    return reject("not_debezium",
                  fmt::format("op {} without a row in 'after'", operation));
  }
  if (operation == "u" && !remove_old_key(envelope, schema, *row, taking)) {
    return false;
  }
  return append(taking, {.number = taking.number,
                         .tree = tree_,
                         .row = row,
                         .envelope = &envelope});
}

// Where the dataset's key is not the table's, an update may change it; then the
// row of the former one goes. A `before` that does not tell the whole key (it
// may be no more than the table's) says nothing of that.
bool DebeziumDecoder::remove_old_key(EventNode& envelope,
                                     const EventNode* schema,
                                     const EventNode& row,
                                     const Taking& taking) {
  if (key_columns_.empty()) return true;
  EventNode* before = row_of(envelope, schema, "before");
  if (before == nullptr || !rows().has_all(tree_, *before, key_columns_) ||
      !rows().differ(tree_, *before, row, key_columns_)) {
    return true;
  }
  return append(taking, {.number = taking.number,
                         .tree = tree_,
                         .row = before,
                         .envelope = &envelope,
                         .fallback = &row,
                         .operation = RowOperation::kDelete,
                         .time_ms = source_time(envelope)});
}

bool DebeziumDecoder::remove(EventNode& envelope, const EventNode* schema,
                             const Taking& taking) {
  EventNode* row = row_of(envelope, schema, "before");
  if (row == nullptr) return remove_by_key(envelope, taking);
  return append(taking, {.number = taking.number,
                         .tree = tree_,
                         .row = row,
                         .envelope = &envelope,
                         .operation = RowOperation::kDelete,
                         .time_ms = source_time(envelope)});
}

bool DebeziumDecoder::remove_by_key(const EventNode& envelope,
                                    const Taking& taking) {
  if (taking.message.key.empty()) {
    return reject("not_debezium",
                  "op d without a row in 'before' and without a key");
  }
  if (!read_key(taking.message)) return false;
  EventNode* row = key_.root();
  EventNode* payload = member(key_, *row, "payload");
  const EventNode* schema = key_.child(*row, "schema");
  if (payload != nullptr && schema != nullptr) {
    row = payload;
    read_fields(key_, *schema, *row);
  }
  return append(taking, {.number = taking.number,
                         .tree = key_,
                         .row = row,
                         .envelope = &envelope,
                         .operation = RowOperation::kDelete,
                         .time_ms = source_time(envelope),
                         .envelope_tree = &tree_});
}

// Few keys are read, and what others hold is not known: the schema of one is
// asked for here. Where the registry is away the delete is a dead letter.
bool DebeziumDecoder::read_key(const RawMessage& message) {
  RawMessage asked = message;
  asked.value = message.key;
  asked.null_value = false;
  if (keys_away_) keys_away_ = key_reader_->prepare(std::span(&asked, 1));
  key_.clear();
  if (key_reader_->read(message.key, key_)) return true;
  bool schema = std::string_view(key_reader_->reason()) == "schema";
  return reject(schema ? "schema" : "not_debezium",
                fmt::format("op d without a row in 'before', and its key: {}",
                            keys_away_ ? key_reader_->error()
                                       : keys_away_.error().message));
}

// The row in `before` or `after`, its values marked with what they mean; null
// if there is none.
EventNode* DebeziumDecoder::row_of(EventNode& envelope, const EventNode* schema,
                                   std::string_view name) {
  EventNode* row = member(tree_, envelope, name);
  if (row == nullptr || row->kind != Kind::kObject) return nullptr;
  if (schema != nullptr) read_schema(*schema, name, *row);
  mark_values(*row);
  return row;
}

// {"fields":[{"field":"after","fields":[...]}]}
void DebeziumDecoder::read_schema(const EventNode& schema,
                                  std::string_view part, EventNode& row) {
  const EventNode* parts = tree_.child(schema, "fields");
  if (parts == nullptr) return;
  const EventNode* at = tree_.first_child(*parts);
  while (at != nullptr && text_of(tree_, *at, "field") != part) {
    at = tree_.next(*at);
  }
  if (at != nullptr) read_fields(tree_, *at, row);
}

// Values that say by themselves what they mean: left out, or a decimal with
// its own scale.
void DebeziumDecoder::mark_values(EventNode& row) {
  for (EventNode* at = tree_.first_child(row); at != nullptr;
       at = tree_.next(*at)) {
    if (at->kind == Kind::kText &&
        (at->text == kUnavailable || at->text == kUnavailableBytes)) {
      at->meaning = Meaning::kUnavailable;
    }
    if (at->kind != Kind::kObject) continue;
    const EventNode* scale = tree_.child(*at, "scale");
    const EventNode* value = tree_.child(*at, "value");
    if (scale == nullptr || value == nullptr || value->kind != Kind::kText) {
      continue;
    }
    auto digits = read_scale(scale->text);
    if (!digits) continue;
    at->kind = Kind::kText;
    at->meaning = Meaning::kDecimal;
    at->scale = *digits;
    at->text = value->text;
  }
}

std::optional<int64_t> DebeziumDecoder::source_time(
    const EventNode& envelope) const {
  const EventNode* source = tree_.child(envelope, "source");
  const EventNode* time =
      source == nullptr ? nullptr : tree_.child(*source, "ts_ms");
  int64_t ms = 0;
  if (time == nullptr || !parse_exact(time->text, 0, false, ms)) return {};
  return ms;
}

}  // namespace

Result<std::unique_ptr<Decoder>> make_debezium_decoder(DecoderSpec spec) {
  auto decimals = spec.decimals == "string" ? TreeRows::Decimals::kText
                                            : TreeRows::Decimals::kBase64;
  auto reader = make_event_reader(spec);
  auto key_reader = make_event_reader(spec);
  std::vector<size_t> key = spec.key;
  TRY_ASSIGN(auto rows, TreeRows::make(std::move(spec), decimals));
  return std::unique_ptr<Decoder>(std::make_unique<DebeziumDecoder>(
      std::move(reader), std::move(key_reader), std::move(rows),
      std::move(key)));
}

}  // namespace freshet
