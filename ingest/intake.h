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
  // `store` may be null, see Sinks. `decoder` reads the messages; null where
  // only replay() is called, with another.
  Intake(const IngestionSettings& settings, std::unique_ptr<Decoder> decoder,
         KeptCounts counts, SegmentStore* store);

  // kUnavailable: the messages cannot be decoded now and must wait.
  void forget_faults() { decoder_->forget_faults(); }
  // `other`: the decoder, if it is not the own one.
  Status prepare(std::span<const RawMessage> messages,
                 Decoder* other = nullptr) {
    if (settings_.transform) TRY(settings_.transform->prepare());
    return (other == nullptr ? *decoder_ : *other).prepare(messages);
  }
  // Makes the dataset's key hold from here on: rows in segments are known.
  // As SeenKeys::load.
  Status load_keys(const std::function<bool()>& stopped);
  // In place of load_keys(): repeats of these, which others know, too, are
  // dropped. With neither no row is a duplicate.
  void use_keys(std::shared_ptr<SeenKeys> seen) {
    seen_keys_ = std::move(seen);
  }
  // What comes from here on belongs to this generation; at first to 1.
  void begin_generation(uint64_t number) { generation_ = number; }
  uint64_t generation() const { return generation_; }
  // Nothing comes any more.
  void close();

  // Takes `messages`, whose partitions are named by `partitions`, with their
  // watermarks, which it moves on; what lateness forgets waits for `unread`,
  // too, the least watermark of partitions that cannot be read now. Returns how
  // many rows became visible. After an error (keys on disk cannot be read)
  // nothing may be taken any more.
  Result<uint64_t> take(std::span<const RawMessage> messages,
                        std::span<const PartitionName> partitions,
                        std::span<Timestamp> watermarks,
                        Timestamp unread = kMaxTimestamp);

  // Takes messages of dead letters again, as Ingestion::replay has it; what is
  // refused goes to `refused` and nowhere else. `least`: of the watermarks,
  // which stay. `other` reads them in place of the own decoder, if it is not
  // null. REQUIRES, and errors: as take().
  Result<uint64_t> replay(std::span<const RawMessage> messages,
                          std::span<const PartitionName> partitions,
                          Timestamp least, std::vector<Rejection>& refused,
                          Decoder* other = nullptr);

  // From here on rows that lie before `complete` are noted in `restated`.
  void set_complete(Timestamp complete, RestatedTimes* restated) {
    complete_ = complete;
    restated_ = restated;
  }

  Sinks& sinks() { return sinks_; }
  KeptCounts& counts() { return counts_; }
  const std::vector<DeadLetter>& dead_letters() const { return dead_letters_; }
  // Memory held by the dead letters.
  uint64_t dead_letter_bytes() const { return dead_letter_bytes_; }
  std::vector<DeadLetter> take_dead_letters();
  // Memory held by deletes that are to be remembered.
  uint64_t delete_bytes() const;
  // They are to be committed with the generation that ends here.
  NewestRows::DeleteChanges take_deletes();

 private:
  void reject(const RawMessage& message, const PartitionName& partition,
              const char* reason, std::string text);
  void decode(Decoder& decoder, std::span<const RawMessage> messages,
              std::span<const PartitionName> partitions);
  Status transform();
  void take_deletes_of(const std::vector<RowOperation>& operations);
  void refuse_kept_cells();
  // What was judged, into the sinks. `least`: watermark.
  Result<uint64_t> keep(Timestamp least);
  Status append();
  void note_restated();
  void judge(std::span<const RawMessage> messages,
             std::span<const PartitionName> partitions,
             std::span<Timestamp> watermarks);
  // Rows to be rolled up have the time of their bucket from the start, so that
  // they answer alike before and after.
  void floor_times();
  enum class Fate { kKept, kLeftOut, kRefused };
  // What keeps the row from what it asks for, or null. From front to back.
  const Error* error_of(uint32_t row, RowOperation operation);
  Fate judge_row(uint32_t row, const RawMessage& message,
                 const PartitionName& partition, Timestamp& watermark);
  void leave_out(uint32_t from, uint32_t to);
  void ask_delete(uint32_t row);
  Fate accept_time(Timestamp event, const RawMessage& message,
                   const PartitionName& partition, Timestamp& watermark);

  const IngestionSettings settings_;
  SegmentStore* const store_;
  const std::unique_ptr<Decoder> decoder_;
  ColumnBatch batch_;
  Sinks sinks_;
  // At most one of them is there.
  std::shared_ptr<SeenKeys> seen_keys_;      // on_duplicate: ignore
  std::unique_ptr<NewestRows> newest_rows_;  // on_duplicate: replace
  uint64_t generation_ = 1;
  Timestamp least_watermark_ = kMinTimestamp;
  KeptCounts counts_;
  std::vector<DeadLetter> dead_letters_;
  uint64_t dead_letter_bytes_ = 0;
  const absl::TimeZone rollup_zone_;
  Timestamp now_;  // of the batch
  Timestamp complete_ = kMinTimestamp;
  RestatedTimes* restated_ = nullptr;
  // During replay(): where refusals go, and the first message.
  std::vector<Rejection>* refused_ = nullptr;
  const RawMessage* first_ = nullptr;

  Decoded decoded_;
  std::vector<uint8_t> keep_;     // by row
  std::vector<uint8_t> deletes_;  // by row, or empty
  std::vector<Sinks::Appended> appended_;
  std::vector<Transform::RowError> errors_;
  size_t next_error_ = 0;  // while rows are judged
};

}  // namespace freshet
