// Intake: a batch of raw messages -> rows in the open generation. Decodes,
// transforms, judges event times, appends to the sinks and keeps what was
// rejected. Used by the ingestion thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "ingest/dead_letters.h"
#include "ingest/ingestion.h"
#include "ingest/kept_counts.h"
#include "ingest/newest_rows.h"
#include "ingest/seen_keys.h"
#include "ingest/sinks.h"

namespace freshet {

class Intake {
 public:
  // `store` may be null, see Sinks. `decoder` reads the messages.
  Intake(const IngestionSettings& settings, std::unique_ptr<Decoder> decoder,
         KeptCounts counts, SegmentStore* store);

  // kUnavailable: the messages cannot be decoded now and must wait.
  Status prepare(std::span<const RawMessage> messages) {
    if (settings_.transform) TRY(settings_.transform->prepare());
    return decoder_->prepare(messages);
  }
  // Makes the dataset's key hold from here on: rows in segments are known.
  // Without this (bulk load) no row is a duplicate. As SeenKeys::load.
  Status load_keys(const std::function<bool()>& stopped);
  // What comes from here on belongs to this generation; at first to 1.
  void begin_generation(uint64_t number) { generation_ = number; }
  // Nothing comes any more.
  void close();

  // Takes `messages`, whose partitions are named by `partitions`, with their
  // watermarks, which it moves on. Returns how many rows became visible. After
  // an error (keys on disk cannot be read) nothing may be taken any more.
  Result<uint64_t> take(std::span<const RawMessage> messages,
                        std::span<const PartitionName> partitions,
                        std::span<Timestamp> watermarks);

  Sinks& sinks() { return sinks_; }
  KeptCounts& counts() { return counts_; }
  const std::vector<DeadLetter>& dead_letters() const { return dead_letters_; }
  // Memory held by the dead letters.
  uint64_t dead_letter_bytes() const { return dead_letter_bytes_; }
  std::vector<DeadLetter> take_dead_letters();

 private:
  void reject(const RawMessage& message, const PartitionName& partition,
              const char* reason, std::string text);
  void transform();
  void refuse_changes();
  Status append();
  void judge(std::span<const RawMessage> messages,
             std::span<const PartitionName> partitions,
             std::span<Timestamp> watermarks);
  // Rows to be rolled up have the time of their bucket from the start, so that
  // they answer alike before and after.
  void floor_times();
  bool accept_time(Timestamp event, const RawMessage& message,
                   const PartitionName& partition, Timestamp& watermark);

  const IngestionSettings settings_;
  SegmentStore* const store_;
  const std::unique_ptr<Decoder> decoder_;
  ColumnBatch batch_;
  Sinks sinks_;
  // At most one of them is there.
  std::unique_ptr<SeenKeys> seen_keys_;      // on_duplicate: ignore
  std::unique_ptr<NewestRows> newest_rows_;  // on_duplicate: replace
  uint64_t generation_ = 1;
  KeptCounts counts_;
  std::vector<DeadLetter> dead_letters_;
  uint64_t dead_letter_bytes_ = 0;
  const absl::TimeZone rollup_zone_;
  Timestamp now_;  // of the batch

  Decoded decoded_;
  std::vector<uint8_t> keep_;     // by row
  std::vector<uint8_t> deletes_;  // by row, or empty
  std::vector<Sinks::Appended> appended_;
  std::vector<Transform::RowError> errors_;
};

}  // namespace freshet
