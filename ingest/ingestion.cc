#include <absl/time/clock.h>

#include <algorithm>

#include "ingest/stream_ingestion.h"
#include "segments/time.h"

namespace freshet {

StreamIngestion::StreamIngestion(IngestionSettings settings,
                                 std::unique_ptr<Source> source,
                                 SegmentStore& store)
    : settings_(std::move(settings)),
      store_(store),
      source_(std::move(source)) {
  set_paused(settings_.start_paused);
}

StreamIngestion::~StreamIngestion() {
  end_thread(Mode::kAbandon);
  if (sealer_ != nullptr) sealer_->abandon();
}

Status StreamIngestion::load() {
  // Rows of an earlier run that did not become durable are read again.
  store_.drop_live(settings_.dataset);
  std::map<PartitionName, OffsetRecord> committed;
  TRY_ASSIGN(auto offsets, store_.metadata().offsets(settings_.dataset));
  for (auto& [partition, record] : offsets) committed[partition] = record;
  TRY_ASSIGN(KeptCounts counts,
             KeptCounts::load(store_.metadata(), settings_.dataset));
  std::vector<PartitionClock> clocks;
  for (const auto& [partition, time] : counts.watermark) {
    clocks.push_back({time, true});
  }
  as_of_ = complete_up_to(clocks);
  claimed_ = as_of_;
  Timestamp oldest = kMinTimestamp;
  if (settings_.retention_ms >= 0)
    oldest.ms = now().ms - settings_.retention_ms;
  TRY(restated_->load(store_.metadata(), settings_.dataset, oldest));
  positions_ = std::make_unique<Positions>(settings_.dataset, *source_,
                                           committed, counts);
  TRY(last_errors_.load(store_.metadata(), settings_.dataset));
  TRY_ASSIGN(auto decoder, make_decoder(settings_.decoder));
  intake_ = std::make_unique<Intake>(settings_, std::move(decoder),
                                     std::move(counts), &store_);
  sealer_ =
      std::make_unique<Sealer>(store_, settings_.dataset, settings_.seal,
                               settings_.retention_ms, std::move(committed));
  update_progress(true);
  return {};
}

void StreamIngestion::fail(const Error& error) {
  set_state(IngestionState::kFailed, error.message);
  MutexLock lock(mutex_);
  ended_ = true;
  stop_status_ = error;
}

IngestionProgress StreamIngestion::progress() const {
  // Before what was read of it.
  SourceStatus source;
  if (source_->tells_end()) source = source_->status();
  IngestionProgress progress;
  {
    MutexLock lock(mutex_);
    progress = progress_;
  }
  look_at_end(source, progress);
  return progress;
}

StreamIngestion::Mode StreamIngestion::mode() const {
  MutexLock lock(mutex_);
  return mode_;
}

bool StreamIngestion::paused() const {
  MutexLock lock(mutex_);
  return paused_;
}

void StreamIngestion::set_paused(bool paused) {
  MutexLock lock(mutex_);
  paused_ = paused;
  wake_.signal_all();
}

void StreamIngestion::nap(Clock::duration time) {
  MutexLock lock(mutex_);
  if (mode_ != Mode::kRun || seal_requested_ != seal_served_ ||
      !replays_.empty()) {
    return;
  }
  wake_.wait_for(mutex_, absl::FromChrono(time));
}

// Why the thread will not come to what is asked of it.
Status StreamIngestion::cannot_serve() const {
  if (ended_ || mode_ != Mode::kRun) {
    return Error{ErrorCode::kCancelled,
                 "the ingestion is stopped: " + settings_.dataset};
  }
  // Waiting for room behind seals that fail.
  if (sealer_->full() && !progress_.last_seal_error.empty()) {
    return Error{ErrorCode::kIo, progress_.last_seal_error};
  }
  TRY(seal_refused_);
  if (progress_.state == IngestionState::kFailed) {
    std::string fatal = sealer_->fatal_error();
    if (!fatal.empty()) return Error{ErrorCode::kConflict, fatal};
  }
  return {};
}

Status StreamIngestion::seal(absl::Time deadline) {
  uint64_t number = 0;
  {
    MutexLock lock(mutex_);
    uint64_t ticket = ++seal_requested_;
    wake_.signal_all();
    while (seal_served_ < ticket) {
      TRY(cannot_serve());
      absl::Duration left = deadline - steady_now();
      if (left <= absl::ZeroDuration()) return Sealer::late();
      served_.wait_for(mutex_, std::min(left, absl::Milliseconds(100)));
    }
    number = seal_number_;
  }
  return sealer_->wait_sealed(number, deadline);
}

void StreamIngestion::end_thread(Mode mode) {
  {
    MutexLock lock(mutex_);
    if (mode_ == Mode::kRun) mode_ = mode;
    wake_.signal_all();
    served_.signal_all();
  }
  MutexLock lock(join_mutex_);
  if (thread_.joinable()) thread_.join();
}

Status StreamIngestion::stop() {
  end_thread(Mode::kStop);
  MutexLock lock(mutex_);
  return stop_status_;
}

void StreamIngestion::on_change(std::function<void()> callback) {
  auto shared =
      std::make_shared<const std::function<void()>>(std::move(callback));
  MutexLock lock(mutex_);
  callback_ = *shared ? std::move(shared) : nullptr;
}

std::unique_ptr<Ingestion> Ingestion::start(IngestionSettings settings,
                                            std::unique_ptr<Source> source,
                                            SegmentStore& store) {
  auto ingestion = std::make_unique<StreamIngestion>(std::move(settings),
                                                     std::move(source), store);
  Status loaded = ingestion->load();
  if (loaded) {
    ingestion->run_thread();
  } else {
    ingestion->fail(loaded.error());
  }
  return ingestion;
}

}  // namespace freshet
