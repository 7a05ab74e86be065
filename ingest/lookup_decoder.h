// LookupDecoder: messages -> what becomes of the rows of a lookup, in their
// order: puts by upserts, removals by deletes, by tombstones of a plain
// (compacted) topic, and by rows that the filter drops. Used by one thread.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "ingest/decoder.h"
#include "ingest/lookup_store.h"
#include "ingest/transform.h"

namespace freshet {

struct LookupSettings {
  std::string name;
  DecoderSpec decoder;                         // time.from_message
  std::shared_ptr<const Transform> transform;  // may be null
  size_t key = 1;  // column of the schema: string or long
  // What one replacement may hold.
  uint64_t max_keys = 1'000'000;
  uint64_t max_bytes = uint64_t{512} << 20;
};

class LookupDecoder {
 public:
  // With the decoder of the settings' format. kInvalid as make_decoder.
  static Result<std::unique_ptr<LookupDecoder>> create(LookupSettings settings);
  // With one that is there already (of a file).
  LookupDecoder(LookupSettings settings, std::unique_ptr<Decoder> decoder);

  // As Decoder::prepare.
  Status prepare(std::span<const RawMessage> messages) {
    return decoder_->prepare(messages);
  }
  // Appends to both; rejections count the messages given here from 0. A row
  // without a key is one.
  void decode(std::span<const RawMessage> messages,
              std::vector<LookupEntry>& entries,
              std::vector<Rejection>& rejections);

 private:
  struct Placed {
    uint32_t message;
    LookupEntry entry;
  };
  void take_values(std::vector<Rejection>& rejections);
  void take_tombstone(const RawMessage& message, uint32_t at,
                      std::vector<Rejection>& rejections);
  Decoder* key_decoder(bool json);

  const LookupSettings settings_;
  const std::unique_ptr<Decoder> decoder_;
  const bool envelope_;  // tombstones mean nothing: deletes come as events
  std::unique_ptr<Decoder> plain_keys_, json_keys_;  // of tombstones
  ColumnBatch batch_;
  Decoded decoded_;
  std::vector<RawMessage> values_;
  std::vector<uint32_t> places_;  // of values_ among the messages
  std::vector<Placed> placed_;
  std::vector<uint8_t> keep_;
  std::vector<Transform::RowError> errors_;
};

}  // namespace freshet
