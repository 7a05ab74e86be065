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

// Key and headers, if they are small enough; returns their bytes.
size_t keep_key(const RawMessage& message, DeadLetter& letter) {
  size_t size = message.key.size();
  for (const MessageHeader& header : message.headers) {
    size += header.name.size() + header.value.size();
  }
  letter.cut = size > kMaxDeadLetterKeyBytes;
  if (letter.cut) return 0;
  letter.key = message.key;
  for (const MessageHeader& header : message.headers) {
    letter.headers.emplace_back(header.name, header.value);
  }
  return size;
}

}  // namespace

Intake::Intake(const IngestionSettings& settings,
               std::unique_ptr<Decoder> decoder, KeptCounts counts,
               SegmentStore* store)
    : settings_(settings),
      store_(store),
      decoder_(std::move(decoder)),
      batch_(settings.decoder.schema),
      sinks_(settings.dataset, settings.decoder.schema, settings.partition_by,
             settings.key.replaces() ? nullptr : store),
      counts_(std::move(counts)),
      rollup_zone_(zone_of(settings.seal)) {}

Status Intake::load_keys(const std::function<bool()>& stopped) {
  if (settings_.key.columns.empty()) return {};
  least_watermark_ = counts_.least_watermark();
  if (settings_.key.replaces()) {
    newest_rows_ = std::make_unique<NewestRows>(settings_, *store_);
    return newest_rows_->load(least_watermark_, stopped);
  }
  seen_keys_ = std::make_shared<SeenKeys>(settings_, *store_);
  return seen_keys_->load(least_watermark_, stopped);
}

Result<uint64_t> Intake::take(std::span<const RawMessage> messages,
                              std::span<const PartitionName> partitions,
                              std::span<Timestamp> watermarks,
                              Timestamp unread) {
  decode(*decoder_, messages, partitions);
  TRY(transform());
  judge(messages, partitions, watermarks);
  return keep(watermarks.empty()
                  ? least_watermark_
                  : std::min(unread, std::ranges::min(watermarks)));
}

Result<uint64_t> Intake::replay(std::span<const RawMessage> messages,
                                std::span<const PartitionName> partitions,
                                Timestamp least,
                                std::vector<Rejection>& refused,
                                Decoder* other) {
  // A person wants these rows, however late they are. But where keys are
  // forgotten with lateness, a row beyond it could be a repeat.
  std::vector<Timestamp> watermarks(
      partitions.size(), seen_keys_ != nullptr ? least : kMinTimestamp);
  refused_ = &refused;
  first_ = messages.data();
  decode(other == nullptr ? *decoder_ : *other, messages, partitions);
  Status transformed = transform();
  if (transformed) judge(messages, partitions, watermarks);
  refused_ = nullptr;
  TRY(transformed);
  return keep(least);
}

void Intake::decode(Decoder& decoder, std::span<const RawMessage> messages,
                    std::span<const PartitionName> partitions) {
  batch_.clear();
  decoded_.clear();
  now_ = now();
  decoder.decode(messages, batch_, decoded_);
  counts_.filtered += decoded_.ignored;
  for (Rejection& rejection : decoded_.rejections) {
    const RawMessage& message = messages[rejection.message];
    reject(message, partitions[message.partition], rejection.reason,
           std::move(rejection.text));
  }
}

Result<uint64_t> Intake::keep(Timestamp least) {
  floor_times();
  least_watermark_ = least;
  if (seen_keys_ != nullptr && batch_.num_rows() > 0) {
    TRY_ASSIGN(uint64_t repeats,
               seen_keys_->drop_repeats(batch_, keep_, least));
    counts_.duplicates += repeats;
  }
  uint64_t before = sinks_.rows();
  TRY(append());
  note_restated();
  return sinks_.rows() - before;
}

// Only what lies in a minute that was complete: no bucket is finer.
void Intake::note_restated() {
  constexpr int64_t kMinute = 60'000;
  if (restated_ == nullptr || complete_.ms < kMinTimestamp.ms + kMinute) return;
  const std::vector<int64_t>& times = batch_.columns()[0].longs;
  int64_t since = complete_.ms % kMinute;
  int64_t open = complete_.ms - (since < 0 ? since + kMinute : since);
  for (uint32_t row = 0; row < batch_.num_rows(); ++row) {
    if (keep_[row] && times[row] < open) {
      restated_->note(Timestamp{times[row]}, complete_);
    }
  }
}

Status Intake::append() {
  if (newest_rows_ == nullptr) {
    sinks_.append(batch_, keep_);
    return {};
  }
  if (batch_.num_rows() == 0) return {};
  Replacements before = newest_rows_->counts();
  TRY(newest_rows_->judge(batch_, deletes_, keep_));
  appended_.clear();
  sinks_.append(batch_, keep_, &appended_);
  TRY(newest_rows_->publish(appended_, generation_));
  const Replacements& now = newest_rows_->counts();
  counts_.replaced += now.replaced - before.replaced;
  counts_.deleted += now.deleted - before.deleted;
  counts_.outdated += now.outdated - before.outdated;
  return {};
}

void Intake::close() {
  if (newest_rows_ != nullptr) newest_rows_->close();
}

Status Intake::transform() {
  keep_.assign(batch_.num_rows(), 1);
  deletes_.clear();
  errors_.clear();
  if (batch_.num_rows() == 0) return {};
  take_deletes_of(decoded_.operations);
  bool keeps_cells = newest_rows_ != nullptr && !decoded_.kept_cells.empty();
  if (keeps_cells) {
    TRY(newest_rows_->kept_cells().before_transform(decoded_.kept_cells,
                                                    deletes_, batch_));
  } else {
    refuse_kept_cells();
  }
  if (settings_.transform != nullptr) {
    settings_.transform->apply(batch_, keep_, errors_);
  }
  if (keeps_cells) {
    TRY(newest_rows_->kept_cells().after_transform(deletes_, keep_, batch_,
                                                   errors_));
  }
  std::ranges::stable_sort(errors_, {}, &Transform::RowError::row);
  return {};
}

// Rows that ask for other rows to be deleted.
void Intake::take_deletes_of(const std::vector<RowOperation>& operations) {
  for (uint32_t row = 0; row < operations.size(); ++row) {
    if (operations[row] != RowOperation::kDelete) continue;
    if (newest_rows_ != nullptr) {
      ask_delete(row);
    } else {
      errors_.push_back(
          {row, invalid("a row can be deleted only where a key and "
                        "on_duplicate: replace say which, not in " +
                        settings_.dataset)});
    }
  }
}

void Intake::refuse_kept_cells() {
  for (const Decoded::KeptCell& cell : decoded_.kept_cells) {
    errors_.push_back(
        {cell.row,
         invalid("the value was not sent since it did not change, and only "
                 "a key with on_duplicate: replace says which row has it: " +
                 settings_.decoder.schema->columns[cell.column].name)});
  }
}

// A message that became several rows becomes all or none of them, so that its
// dead letter may be taken again as a whole.
void Intake::judge(std::span<const RawMessage> messages,
                   std::span<const PartitionName> partitions,
                   std::span<Timestamp> watermarks) {
  constexpr uint32_t kNone = ~uint32_t{0};
  uint32_t current = kNone, refused = kNone, first_row = 0;
  next_error_ = 0;
  for (uint32_t row = 0; row < batch_.num_rows(); ++row) {
    uint32_t number = decoded_.row_messages[row];
    if (number != current) {
      current = number;
      first_row = row;
    }
    if (number == refused) {
      leave_out(row, row + 1);
      continue;
    }
    const RawMessage& message = messages[number];
    Fate fate = judge_row(row, message, partitions[message.partition],
                          watermarks[message.partition]);
    if (fate == Fate::kKept) continue;
    keep_[row] = 0;
    if (fate != Fate::kRefused) continue;
    refused = number;
    leave_out(first_row, row + 1);
  }
}

void Intake::leave_out(uint32_t from, uint32_t to) {
  for (uint32_t row = from; row < to; ++row) {
    keep_[row] = 0;
    if (!deletes_.empty()) deletes_[row] = 0;
  }
}

void Intake::ask_delete(uint32_t row) {
  deletes_.resize(batch_.num_rows());
  deletes_[row] = 1;
}

const Error* Intake::error_of(uint32_t row, RowOperation operation) {
  while (next_error_ < errors_.size() && errors_[next_error_].row < row) {
    ++next_error_;
  }
  for (size_t i = next_error_; i < errors_.size() && errors_[i].row == row;
       ++i) {
    if (settings_.hinders(errors_[i], operation)) return &errors_[i].error;
  }
  return nullptr;
}

Intake::Fate Intake::judge_row(uint32_t row, const RawMessage& message,
                               const PartitionName& partition,
                               Timestamp& watermark) {
  // A delete counts whatever else its row holds, and whenever it comes.
  bool is_delete = !deletes_.empty() && deletes_[row];
  const Error* error =
      error_of(row, is_delete ? RowOperation::kDelete : RowOperation::kUpsert);
  if (error != nullptr) {
    reject(message, partition, "expression", error->message);
    return Fate::kRefused;
  }
  if (is_delete) return keep_[row] ? Fate::kKept : Fate::kLeftOut;
  if (!keep_[row]) {
    ++counts_.filtered;
    // The version of the row that the filter let through is no more.
    if (newest_rows_ != nullptr) ask_delete(row);
    return Fate::kLeftOut;
  }
  int64_t time = batch_.columns()[0].longs[row];
  return accept_time(Timestamp{time}, message, partition, watermark);
}

void Intake::floor_times() {
  if (!settings_.seal.rollup) return;
  std::vector<int64_t>& times = batch_.columns()[0].longs;
  settings_.seal.rollup->granularity.floor_batch(times, rollup_zone_, times);
}

Intake::Fate Intake::accept_time(Timestamp event, const RawMessage& message,
                                 const PartitionName& partition,
                                 Timestamp& watermark) {
  using Policy = IngestionSettings::LatePolicy;
  Timestamp before = watermark;
  switch (judge_time(event, now_, settings_.late_ms, settings_.early_ms,
                     watermark)) {
    case Arrival::kOnTime:
      return Fate::kKept;
    case Arrival::kEarly:
      reject(
          message, partition, "too_early",
          fmt::format("the event lies in the future: {}", to_iso8601(event)));
      return Fate::kRefused;
    case Arrival::kLate:
      break;
  }
  if (settings_.late_policy == Policy::kAccept) return Fate::kKept;
  if (settings_.late_policy == Policy::kDrop && refused_ == nullptr) {
    ++counts_.rejected["too_late"];
    return Fate::kLeftOut;
  }
  reject(message, partition, "too_late",
         fmt::format("the event came too late, events up to {} were seen: {}",
                     to_iso8601(before), to_iso8601(event)));
  return Fate::kRefused;
}

void Intake::reject(const RawMessage& message, const PartitionName& partition,
                    const char* reason, std::string text) {
  if (refused_ != nullptr) {
    auto number = static_cast<uint32_t>(&message - first_);
    refused_->push_back({number, reason, std::move(text)});
    return;
  }
  ++counts_.rejected[reason];
  DeadLetter letter;
  letter.partition = partition;
  letter.offset = message.offset;
  letter.time = now_;
  letter.reason = reason;
  letter.message = std::move(text);
  letter.bytes = message.value.substr(0, kMaxDeadLetterBytes);
  letter.full_size = message.value.size();
  letter.message_time = message.time;
  letter.null_value = message.null_value;
  size_t size = keep_key(message, letter);
  dead_letter_bytes_ +=
      sizeof letter + letter.bytes.size() + letter.message.size() + size;
  dead_letters_.push_back(std::move(letter));
}

uint64_t Intake::delete_bytes() const {
  return newest_rows_ == nullptr ? 0 : newest_rows_->delete_bytes();
}

NewestRows::DeleteChanges Intake::take_deletes() {
  if (newest_rows_ == nullptr) return {};
  return newest_rows_->take_deletes(least_watermark_);
}

std::vector<DeadLetter> Intake::take_dead_letters() {
  dead_letter_bytes_ = 0;
  std::vector<DeadLetter> taken;
  taken.swap(dead_letters_);
  return taken;
}

}  // namespace freshet
