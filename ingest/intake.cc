#include "ingest/intake.h"

#include <fmt/format.h>

#include <algorithm>

#include "ingest/watermark.h"

namespace freshet {

namespace {

// The model has checked its name.
absl::TimeZone zone_of(const SealOptions& options) {
  if (!options.rollup) return absl::UTCTimeZone();
  auto zone = load_time_zone(options.rollup->zone);
  return zone ? *zone : absl::UTCTimeZone();
}

}  // namespace

Intake::Intake(const IngestionSettings& settings,
               std::unique_ptr<Decoder> decoder, KeptCounts counts,
               SegmentStore* store)
    : settings_(settings),
      decoder_(std::move(decoder)),
      batch_(settings.decoder.schema),
      sinks_(settings.dataset, settings.decoder.schema, settings.partition_by,
             store),
      counts_(std::move(counts)),
      rollup_zone_(zone_of(settings.seal)) {}

uint64_t Intake::take(std::span<const RawMessage> messages,
                      std::span<const PartitionName> partitions,
                      std::span<Timestamp> watermarks) {
  batch_.clear();
  decoded_.clear();
  now_ = now();
  decoder_->decode(messages, batch_, decoded_);
  counts_.filtered += decoded_.ignored;
  for (Rejection& rejection : decoded_.rejections) {
    const RawMessage& message = messages[rejection.message];
    reject(message, partitions[message.partition], rejection.reason,
           std::move(rejection.text));
  }
  transform();
  judge(messages, partitions, watermarks);
  floor_times();
  uint64_t before = sinks_.rows();
  sinks_.append(batch_, keep_);
  return sinks_.rows() - before;
}

void Intake::transform() {
  keep_.assign(batch_.num_rows(), 1);
  errors_.clear();
  if (batch_.num_rows() == 0) return;
  refuse_changes();
  if (settings_.transform != nullptr) {
    settings_.transform->apply(batch_, keep_, errors_);
  }
  std::ranges::sort(errors_, {}, &Transform::RowError::row);
}

// Rows that ask for a change of other rows.
void Intake::refuse_changes() {
  for (uint32_t row = 0; row < decoded_.operations.size(); ++row) {
    if (decoded_.operations[row] == RowOperation::kDelete) {
      errors_.push_back({row, invalid("the dataset has no key by which a row "
                                      "can be deleted")});
    }
  }
  for (const Decoded::KeptCell& cell : decoded_.kept_cells) {
    errors_.push_back(
        {cell.row,
         invalid("the value was not sent since it did not change, and the "
                 "dataset has no key by which to find it: " +
                 settings_.decoder.schema->columns[cell.column].name)});
  }
}

void Intake::judge(std::span<const RawMessage> messages,
                   std::span<const PartitionName> partitions,
                   std::span<Timestamp> watermarks) {
  const std::vector<int64_t>& times = batch_.columns()[0].longs;
  size_t error = 0;
  for (uint32_t row = 0; row < batch_.num_rows(); ++row) {
    const RawMessage& message = messages[decoded_.row_messages[row]];
    const PartitionName& partition = partitions[message.partition];
    while (error < errors_.size() && errors_[error].row < row) ++error;
    if (error < errors_.size() && errors_[error].row == row) {
      keep_[row] = 0;
      reject(message, partition, "expression", errors_[error].error.message);
      continue;
    }
    if (!keep_[row]) {
      ++counts_.filtered;
      continue;
    }
    keep_[row] = accept_time(Timestamp{times[row]}, message, partition,
                             watermarks[message.partition]);
  }
}

void Intake::floor_times() {
  if (!settings_.seal.rollup) return;
  std::vector<int64_t>& times = batch_.columns()[0].longs;
  settings_.seal.rollup->granularity.floor_batch(times, rollup_zone_, times);
}

bool Intake::accept_time(Timestamp event, const RawMessage& message,
                         const PartitionName& partition, Timestamp& watermark) {
  Timestamp before = watermark;
  switch (judge_time(event, now_, settings_.late_ms, settings_.early_ms,
                     watermark)) {
    case Arrival::kOnTime:
      return true;
    case Arrival::kEarly:
      reject(
          message, partition, "too_early",
          fmt::format("the event lies in the future: {}", to_iso8601(event)));
      return false;
    case Arrival::kLate:
      break;
  }
  if (settings_.late_policy == IngestionSettings::LatePolicy::kAccept) {
    return true;
  }
  if (settings_.late_policy == IngestionSettings::LatePolicy::kDrop) {
    ++counts_.rejected["too_late"];
    return false;
  }
  reject(message, partition, "too_late",
         fmt::format("the event came too late, events up to {} were seen: {}",
                     to_iso8601(before), to_iso8601(event)));
  return false;
}

void Intake::reject(const RawMessage& message, const PartitionName& partition,
                    const char* reason, std::string text) {
  ++counts_.rejected[reason];
  DeadLetter letter;
  letter.partition = partition;
  letter.offset = message.offset;
  letter.time = now_;
  letter.reason = reason;
  letter.message = std::move(text);
  letter.bytes = message.value.substr(0, kMaxDeadLetterBytes);
  letter.full_size = message.value.size();
  dead_letter_bytes_ +=
      sizeof letter + letter.bytes.size() + letter.message.size();
  dead_letters_.push_back(std::move(letter));
}

std::vector<DeadLetter> Intake::take_dead_letters() {
  dead_letter_bytes_ = 0;
  std::vector<DeadLetter> taken;
  taken.swap(dead_letters_);
  return taken;
}

}  // namespace freshet
