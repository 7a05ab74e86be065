#include "ingest/lookup_decoder.h"

#include <algorithm>
#include <utility>

#include "ingest/lookup_rows.h"

namespace freshet {

Result<std::unique_ptr<LookupDecoder>> LookupDecoder::create(
    LookupSettings settings) {
  TRY_ASSIGN(auto decoder, make_decoder(settings.decoder));
  return std::make_unique<LookupDecoder>(std::move(settings),
                                         std::move(decoder));
}

LookupDecoder::LookupDecoder(LookupSettings settings,
                             std::unique_ptr<Decoder> decoder)
    : settings_(std::move(settings)),
      decoder_(std::move(decoder)),
      envelope_(settings_.decoder.format == "debezium" ||
                settings_.decoder.format == "dms"),
      batch_(settings_.decoder.schema) {}

void LookupDecoder::decode(std::span<const RawMessage> messages,
                           std::vector<LookupEntry>& entries,
                           std::vector<Rejection>& rejections) {
  values_.clear();
  places_.clear();
  placed_.clear();
  for (uint32_t i = 0; i < messages.size(); ++i) {
    if (messages[i].null_value && !envelope_) continue;
    values_.push_back(messages[i]);
    places_.push_back(i);
  }
  take_values(rejections);
  for (uint32_t i = 0; i < messages.size(); ++i) {
    if (!messages[i].null_value || envelope_) continue;
    take_tombstone(messages[i], i, rejections);
  }
  std::ranges::stable_sort(placed_, {}, &Placed::message);
  for (Placed& placed : placed_) entries.push_back(std::move(placed.entry));
}

void LookupDecoder::take_values(std::vector<Rejection>& rejections) {
  batch_.clear();
  decoded_.clear();
  decoder_->decode(values_, batch_, decoded_);
  keep_.assign(batch_.num_rows(), 1);
  errors_.clear();
  if (settings_.transform) {
    settings_.transform->apply(batch_, keep_, errors_);
  }
  for (Rejection& rejection : decoded_.rejections) {
    rejection.message = places_[rejection.message];
    rejections.push_back(std::move(rejection));
  }
  std::vector<uint8_t> failed(batch_.num_rows(), 0);
  for (Transform::RowError& error : errors_) {
    bool deletes = decoded_.operation(error.row) == RowOperation::kDelete;
    if (deletes || failed[error.row]) continue;
    failed[error.row] = 1;
    rejections.push_back({places_[decoded_.row_messages[error.row]],
                          "expression", std::move(error.error.message)});
  }
  size_t kept = 0;  // in kept_cells, which are by row
  for (uint32_t row = 0; row < batch_.num_rows(); ++row) {
    Placed placed{places_[decoded_.row_messages[row]], {}};
    const auto& cells = decoded_.kept_cells;
    for (; kept < cells.size() && cells[kept].row <= row; ++kept) {
      if (cells[kept].row == row) {
        placed.entry.kept.push_back(cells[kept].column);
      }
    }
    if (failed[row]) continue;
    auto key = lookup_row_key(batch_, settings_.key, row);
    if (!key) {
      rejections.push_back(
          {placed.message, "key",
           "the row has no key: " +
               settings_.decoder.schema->columns[settings_.key].name});
      continue;
    }
    placed.entry.key = std::move(*key);
    bool stays = keep_[row] && decoded_.operation(row) == RowOperation::kUpsert;
    if (stays) placed.entry.row = encode_lookup_row(batch_, row);
    placed_.push_back(std::move(placed));
  }
}

// A tombstone has but the message's key: the lookup's, or a JSON object that
// has it.
void LookupDecoder::take_tombstone(const RawMessage& message, uint32_t at,
                                   std::vector<Rejection>& rejections) {
  // A zero byte and a schema's id stand before a key in Avro.
  if (message.key.starts_with('\0')) {
    rejections.push_back({at, "key",
                          "the key of a message without a value is in Avro, "
                          "which is not read: its row stays"});
    return;
  }
  Decoder* decoder = key_decoder(message.key.starts_with('{'));
  RawMessage made = message;
  made.null_value = false;
  made.value = "{}";
  batch_.clear();
  decoded_.clear();
  decoder->decode(std::span<const RawMessage>(&made, 1), batch_, decoded_);
  std::optional<std::string> key;
  if (batch_.num_rows() == 1) key = lookup_row_key(batch_, settings_.key, 0);
  if (key) {
    placed_.push_back({at, {std::move(*key), std::nullopt, {}}});
    return;
  }
  std::string text = "a message without a value has no key of the lookup";
  if (!decoded_.rejections.empty()) text = decoded_.rejections[0].text;
  rejections.push_back({at, "key", std::move(text)});
}

Decoder* LookupDecoder::key_decoder(bool json) {
  std::unique_ptr<Decoder>& decoder = json ? json_keys_ : plain_keys_;
  if (decoder) return decoder.get();
  DecoderSpec spec;
  spec.schema = settings_.decoder.schema;
  spec.time.from_message = true;
  FieldSpec field;
  field.column = settings_.key;
  for (const FieldSpec& one : settings_.decoder.fields) {
    if (one.column == settings_.key) field = one;
  }
  if (field.message.empty()) {
    field.message = json ? "key." + field.path : "key";
  }
  spec.fields.push_back(std::move(field));
  decoder = make_json_decoder(std::move(spec));
  return decoder.get();
}

}  // namespace freshet
