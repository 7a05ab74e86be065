#include "ingest/letter_batch.h"

#include <fmt/format.h>

#include <algorithm>

#include "ingest/file_records.h"

namespace freshet {
namespace {

constexpr size_t kBatchLetters = 2048;
constexpr size_t kBatchBytes = 1 << 20;

}  // namespace

Result<std::optional<DeadLetter>> wanted_letter(const MetadataStore& store,
                                                const std::string& dataset,
                                                const LetterReplay& wanted,
                                                ReplayOutcome& outcome) {
  TRY_ASSIGN(auto letter, find_dead_letter(store, dataset, wanted.id));
  if (!letter) {
    outcome.refused.push_back(
        {wanted.id, "gone", "there is no such dead letter"});
    return letter;
  }
  if (wanted.event) {
    letter->bytes = *wanted.event;
    letter->full_size = wanted.event->size();
    letter->null_value = false;
  }
  if (letter->whole()) return letter;
  outcome.refused.push_back(
      {wanted.id, "cut_off",
       fmt::format("only the first {} of {} bytes of the event were kept, or "
                   "not its key: give the event",
                   letter->bytes.size(), letter->full_size)});
  return std::optional<DeadLetter>();
}

void LetterBatch::add(DeadLetter letter) {
  bytes_ += letter.bytes.size();
  letters_.push_back(std::move(letter));
}

bool LetterBatch::full() const {
  return letters_.size() >= kBatchLetters || bytes_ >= kBatchBytes;
}

bool LetterBatch::fits(const DeadLetter& letter) const {
  if (empty()) return true;
  const DeadLetter& first = letters_[0];
  bool from_file = is_file_partition(first.partition);
  if (from_file != is_file_partition(letter.partition)) return false;
  return !from_file || (first.partition == letter.partition &&
                        first.headers == letter.headers);
}

Result<std::unique_ptr<Decoder>> LetterBatch::record_decoder(
    DecoderSpec spec) const {
  const DeadLetter& first = letters_[0];
  if (!is_file_partition(first.partition)) return std::unique_ptr<Decoder>();
  std::string_view header;
  for (const auto& [name, value] : first.headers) {
    if (name == kCsvHeader) header = value;
  }
  return make_record_decoder(first.partition.substr(kFilePartition.size()),
                             header, std::move(spec));
}

void LetterBatch::make_messages() {
  for (const DeadLetter& letter : letters_) {
    auto name = std::ranges::find(partitions_, letter.partition);
    if (name == partitions_.end()) partitions_.push_back(letter.partition);
  }
  headers_.reserve(letters_.size());
  for (const DeadLetter& letter : letters_) {
    auto& given = headers_.emplace_back();
    for (const auto& [name, value] : letter.headers) {
      given.push_back({name, value});
    }
    auto name = std::ranges::find(partitions_, letter.partition);
    RawMessage message;
    message.partition = static_cast<uint32_t>(name - partitions_.begin());
    message.partition_name = *name;
    message.offset = letter.offset;
    message.time = letter.message_time;
    message.key = letter.key;
    message.value = letter.bytes;
    message.null_value = letter.null_value;
    message.headers = given;
    messages_.push_back(message);
  }
}

}  // namespace freshet
