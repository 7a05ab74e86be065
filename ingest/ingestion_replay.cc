// Dead letters that are taken again, by the ingestion thread.
#include <fmt/format.h>

#include <algorithm>

#include "ingest/stream_ingestion.h"

namespace freshet {
namespace {

constexpr size_t kBatchLetters = 2048;
constexpr size_t kBatchBytes = 1 << 20;

}  // namespace

// Letters as messages, a part of a call.
struct StreamIngestion::ReplayBatch {
  std::vector<DeadLetter> letters;
  size_t bytes = 0;

  // Views into the letters, which must not move any more.
  std::vector<std::vector<MessageHeader>> headers;
  std::vector<PartitionName> partitions;
  std::vector<RawMessage> messages;

  void add(DeadLetter letter) {
    bytes += letter.bytes.size();
    letters.push_back(std::move(letter));
  }
  bool full() const {
    return letters.size() >= kBatchLetters || bytes >= kBatchBytes;
  }
  void make_messages();
};

void StreamIngestion::ReplayBatch::make_messages() {
  for (const DeadLetter& letter : letters) {
    auto name = std::ranges::find(partitions, letter.partition);
    if (name == partitions.end()) partitions.push_back(letter.partition);
  }
  headers.reserve(letters.size());
  for (const DeadLetter& letter : letters) {
    auto& given = headers.emplace_back();
    for (const auto& [name, value] : letter.headers) {
      given.push_back({name, value});
    }
    auto name = std::ranges::find(partitions, letter.partition);
    RawMessage message;
    message.partition = static_cast<uint32_t>(name - partitions.begin());
    message.partition_name = *name;
    message.offset = letter.offset;
    message.time = letter.message_time;
    message.key = letter.key;
    message.value = letter.bytes;
    message.null_value = letter.null_value;
    message.headers = given;
    messages.push_back(message);
  }
}

Result<ReplayOutcome> StreamIngestion::replay(
    const std::vector<LetterReplay>& letters) {
  ReplayCall call;
  call.letters = &letters;
  {
    MutexLock lock(mutex_);
    replays_.push_back(&call);
    wake_.signal_all();
    while (!call.done) {
      Status refused = call.begun ? Status() : cannot_serve();
      if (!refused) {
        std::erase(replays_, &call);
        return refused.error();
      }
      served_.wait_for(mutex_, absl::Milliseconds(100));
    }
  }
  TRY(call.status);
  if (call.generation > 0) TRY(sealer_->wait_sealed(call.generation));
  return std::move(call.outcome);
}

void StreamIngestion::serve_replays() {
  for (;;) {
    ReplayCall* call = nullptr;
    {
      MutexLock lock(mutex_);
      if (replays_.empty()) return;
      call = replays_.front();
      replays_.pop_front();
      call->begun = true;
    }
    take_letters(*call);
    MutexLock lock(mutex_);
    call->done = true;
    served_.signal_all();
  }
}

// The rows go into a generation of their own size, sealed at once, which also
// removes the letters.
void StreamIngestion::take_letters(ReplayCall& call) {
  uint64_t sealed = sealer_->view().sealed;
  std::erase_if(replaying_,
                [&](const auto& letter) { return letter.second <= sealed; });
  ReplayBatch batch;
  for (const LetterReplay& wanted : *call.letters) {
    auto letter = letter_to_take(wanted.id, call.outcome);
    if (!letter) {
      call.status = letter.error();
      break;
    }
    if (!*letter) continue;
    if (wanted.event) {
      (*letter)->bytes = *wanted.event;
      (*letter)->full_size = wanted.event->size();
      (*letter)->null_value = false;
    }
    if (!(*letter)->whole()) {
      replaying_.erase(*dead_letter_key(settings_.dataset, wanted.id));
      call.outcome.refused.push_back(
          {wanted.id, "cut_off",
           fmt::format("only the first {} of {} bytes of the event were kept, "
                       "or not its key: give the event",
                       (*letter)->bytes.size(), (*letter)->full_size)});
      continue;
    }
    batch.add(std::move(**letter));
    if (!batch.full()) continue;
    call.status = take_batch(batch, call.outcome);
    batch = {};
    if (!call.status) break;
  }
  if (call.status && !batch.letters.empty()) {
    call.status = take_batch(batch, call.outcome);
  }
  if (replayed_.empty()) return;
  seal_open();
  if (!replayed_.empty()) {  // it was not taken
    if (call.status) {
      call.status = Error{ErrorCode::kUnavailable,
                          "the rows are not durable yet; the letters stay "
                          "until they are"};
    }
    return;
  }
  MutexLock lock(mutex_);
  call.generation = seal_number_;
}

// The letter, unless it is not there or on its way already.
Result<std::optional<DeadLetter>> StreamIngestion::letter_to_take(
    const std::string& id, ReplayOutcome& outcome) {
  auto key = dead_letter_key(settings_.dataset, id);
  if (!key) {
    outcome.refused.push_back({id, "gone", key.error().message});
    return std::optional<DeadLetter>();
  }
  if (replaying_.contains(*key)) {
    outcome.refused.push_back(
        {id, "gone", "the dead letter is being replayed already"});
    return std::optional<DeadLetter>();
  }
  TRY_ASSIGN(auto letter,
             find_dead_letter(store_.metadata(), settings_.dataset, id));
  if (letter) {
    replaying_[*key] = intake_->generation();
  } else {
    outcome.refused.push_back({id, "gone", "there is no such dead letter"});
  }
  return letter;
}

Status StreamIngestion::take_batch(ReplayBatch& batch, ReplayOutcome& outcome) {
  batch.make_messages();
  // Whoever replays has mended something: a schema is there now.
  intake_->forget_faults();
  TRY(intake_->prepare(batch.messages));
  std::vector<Rejection> refused;
  intake_->set_complete(claimed_, restated_.get());
  auto rows = intake_->replay(batch.messages, batch.partitions,
                              least_watermark(), refused);
  if (!rows) {
    keys_status_ = rows.error();
    return rows.error();
  }
  rows_ += *rows;
  std::vector<std::string> keys;
  for (const DeadLetter& letter : batch.letters) {
    keys.push_back(*dead_letter_key(settings_.dataset, letter.id()));
  }
  for (Rejection& rejection : refused) {
    std::string& key = keys[rejection.message];
    replaying_.erase(key);
    key.clear();
    outcome.refused.push_back({batch.letters[rejection.message].id(),
                               rejection.reason, std::move(rejection.text)});
  }
  for (std::string& key : keys) {
    if (key.empty()) continue;
    replayed_.push_back(std::move(key));
    ++outcome.replayed;
    ++intake_->counts().replayed;
  }
  if (!has_open_) {
    has_open_ = true;
    open_since_ = Clock::now();
  }
  return {};
}

Timestamp StreamIngestion::least_watermark() {
  Timestamp least = kMaxTimestamp;
  for (const auto& place : positions_->places(SourceStatus())) {
    least = std::min(least, place.watermark);
  }
  return least == kMaxTimestamp ? kMinTimestamp : least;
}

}  // namespace freshet
