// Dead letters that are taken again, by the ingestion thread.
#include <algorithm>

#include "ingest/letter_batch.h"
#include "ingest/stream_ingestion.h"

namespace freshet {
namespace {

Error not_durable(const std::string& why) {
  return {
      ErrorCode::kUnavailable,
      "the rows are not durable yet; the letters stay until they are" + why};
}

}  // namespace

Result<ReplayOutcome> StreamIngestion::replay(
    const std::vector<LetterReplay>& letters) {
  auto call = std::make_shared<ReplayCall>();
  call->letters = letters;
  {
    MutexLock lock(mutex_);
    replays_.push_back(call);
    wake_.signal_all();
    while (!call->done) {
      Status refused = cannot_serve();
      if (!refused && !call->begun) {
        std::erase(replays_, call);
        return refused.error();
      }
      // The thread is at it; if it ends, it says so.
      if (!refused && refused.error().code != ErrorCode::kCancelled) {
        return not_durable(": " + refused.error().message);
      }
      served_.wait_for(mutex_, absl::Milliseconds(100));
    }
  }
  TRY(call->status);
  if (call->generation > 0) TRY(sealer_->wait_sealed(call->generation));
  return std::move(call->outcome);
}

void StreamIngestion::serve_replays() {
  for (;;) {
    std::shared_ptr<ReplayCall> call;
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
  LetterBatch batch;
  for (const LetterReplay& wanted : call.letters) {
    auto letter = letter_to_take(wanted, call.outcome);
    if (!letter) {
      call.status = letter.error();
      break;
    }
    if (!*letter) continue;
    if (batch.full() || !batch.fits(**letter)) {
      call.status = take_batch(batch, call.outcome);
      batch = {};
      if (!call.status) break;
    }
    batch.add(std::move(**letter));
  }
  if (call.status && !batch.empty()) {
    call.status = take_batch(batch, call.outcome);
  }
  if (!call.status) forget_untaken();
  if (!keys_status_) {
    // A part of a batch may be in the sinks, and nothing is sealed any more.
    if (call.status) call.status = not_durable("");
    return;
  }
  if (replayed_.empty()) return;
  seal_open();
  if (!replayed_.empty()) {  // it was not taken
    if (call.status) {
      call.status = not_durable("");
    }
    return;
  }
  MutexLock lock(mutex_);
  call.generation = seal_number_;
}

// Letters that a call gave up may be taken by the next.
void StreamIngestion::forget_untaken() {
  std::erase_if(replaying_, [&](const auto& letter) {
    return letter.second == intake_->generation() &&
           std::ranges::find(replayed_, letter.first) == replayed_.end();
  });
}

// The letter, unless it is refused, or on its way already.
Result<std::optional<DeadLetter>> StreamIngestion::letter_to_take(
    const LetterReplay& wanted, ReplayOutcome& outcome) {
  auto key = dead_letter_key(settings_.dataset, wanted.id);
  if (!key) {
    outcome.refused.push_back({wanted.id, "gone", key.error().message});
    return std::optional<DeadLetter>();
  }
  if (replaying_.contains(*key)) {
    outcome.refused.push_back(
        {wanted.id, "gone", "the dead letter is being replayed already"});
    return std::optional<DeadLetter>();
  }
  TRY_ASSIGN(auto letter, wanted_letter(store_.metadata(), settings_.dataset,
                                        wanted, outcome));
  if (letter) replaying_[*key] = intake_->generation();
  return letter;
}

Status StreamIngestion::take_batch(LetterBatch& batch, ReplayOutcome& outcome) {
  batch.make_messages();
  // Those of a load; a topic may be named as they are.
  std::unique_ptr<Decoder> decoder;
  if (!is_read(batch.partitions()[0])) {
    TRY_ASSIGN(decoder, batch.record_decoder(settings_.decoder));
  }
  // Whoever replays has mended something: a schema is there now.
  intake_->forget_faults();
  TRY(intake_->prepare(batch.messages(), decoder.get()));
  std::vector<Rejection> refused;
  intake_->set_complete(claimed_, restated_.get());
  auto rows = intake_->replay(batch.messages(), batch.partitions(),
                              least_watermark(), refused, decoder.get());
  if (!rows) {
    keys_status_ = rows.error();
    return rows.error();
  }
  rows_ += *rows;
  std::vector<std::string> keys;
  for (const DeadLetter& letter : batch.letters()) {
    keys.push_back(*dead_letter_key(settings_.dataset, letter.id()));
  }
  for (Rejection& rejection : refused) {
    std::string& key = keys[rejection.message];
    replaying_.erase(key);
    key.clear();
    outcome.refused.push_back({batch.letters()[rejection.message].id(),
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

bool StreamIngestion::is_read(const PartitionName& partition) {
  return std::ranges::any_of(
      positions_->places(SourceStatus()),
      [&](const Positions::Place& place) { return place.name == partition; });
}

Timestamp StreamIngestion::least_watermark() {
  Timestamp least = kMaxTimestamp;
  for (const auto& place : positions_->places(SourceStatus())) {
    least = std::min(least, place.watermark);
  }
  return least == kMaxTimestamp ? kMinTimestamp : least;
}

}  // namespace freshet
