#include <spdlog/spdlog.h>

#include <algorithm>

#include "ingest/stream_ingestion.h"

namespace freshet {
namespace {

constexpr auto kProgressEvery = std::chrono::milliseconds(2);
// Of the dead letters in memory, so many are copied for those who ask.
constexpr size_t kShownLetters = 100;

}  // namespace

void StreamIngestion::update_progress(bool always) {
  auto time = Clock::now();
  if (!always && time < next_progress_) return;
  next_progress_ = time + kProgressEvery;
  show_pending_letters();
  IngestionProgress progress;
  fill_partitions(progress);
  Sealer::View sealed = sealer_->view();
  for (PartitionProgress& partition : progress.partitions) {
    auto committed = sealed.committed.find(partition.partition);
    partition.committed = committed == sealed.committed.end()
                              ? partition.begin
                              : committed->second.next;
  }
  progress.rows = rows_;
  progress.bytes = bytes_;
  progress.rejected = intake_->counts().rejected;
  fill_rates(progress);
  const KeptCounts& counts = intake_->counts();
  progress.duplicates = counts.duplicates;
  progress.replaced = counts.replaced;
  progress.deleted = counts.deleted;
  progress.outdated = counts.outdated;
  progress.replayed = counts.replayed;
  progress.filtered = intake_->counts().filtered;
  progress.as_of = as_of_;
  progress.live_rows = intake_->sinks().rows() + sealed.rows;
  progress.live_bytes = intake_->sinks().bytes() + sealed.bytes;
  progress.dead_letters = sealed.dead_letters;
  progress.dropped = sealed.dropped;
  progress.last_seal = sealed.last_seal;
  progress.last_seal_error = std::move(sealed.error);
  MutexLock lock(mutex_);
  progress.state = progress_.state;
  progress.error = std::move(progress_.error);
  progress.past_start = caught_up_ && progress.error.empty();
  progress.caught_up = progress.past_start;
  progress_ = std::move(progress);
}

void StreamIngestion::show_pending_letters() {
  const std::vector<DeadLetter>& letters = intake_->dead_letters();
  MutexLock lock(mutex_);
  if (pending_generation_ != intake_->generation()) pending_ = {};
  pending_generation_ = intake_->generation();
  for (uint64_t i = pending_.count; i < letters.size(); ++i) {
    ++pending_.reasons[letters[i].reason];
    bool last = i + LastErrors::kKept >= letters.size();
    if (last) last_errors_.add(letters[i]);
  }
  pending_.count = letters.size();
  size_t shown = pending_.letters.size();
  size_t show = std::min(letters.size(), kShownLetters);
  for (size_t i = shown; i < show; ++i) pending_.letters.push_back(letters[i]);
}

Ingestion::PendingLetters StreamIngestion::pending_letters(size_t most) const {
  PendingLetters pending;
  {
    MutexLock lock(mutex_);
    pending = pending_;
  }
  if (pending.letters.size() > most) pending.letters.resize(most);
  if (sealer_ == nullptr) return pending;
  sealer_->add_pending_letters(most, pending);
  return pending;
}

void StreamIngestion::fill_partitions(IngestionProgress& progress) {
  std::vector<PartitionClock> clocks;
  bool reached = positions_->unread().empty();
  int64_t time = now().ms;
  SourceStatus source = source_->status();
  progress.part = source.part;
  for (const auto& place : positions_->places(source)) {
    bool at_end = place.high >= 0 && place.record.next >= place.high;
    progress.partitions.push_back({place.name, place.begin, place.record.next,
                                   0, place.low, place.high, place.watermark,
                                   place.fault});
    if (!place.fault.empty()) {
      int64_t last = place.record.last_time_ms > 0 ? place.record.last_time_ms
                                                   : place.stopped.ms;
      progress.lag_ms = std::max(progress.lag_ms, time - last);
      continue;
    }
    clocks.push_back({place.watermark, at_end});
    reached &= place.record.next >= place.start_high;
    if (place.high >= 0 && !at_end && place.record.last_time_ms > 0) {
      progress.lag_ms =
          std::max(progress.lag_ms, time - place.record.last_time_ms);
    }
  }
  caught_up_ |= reached && !clocks.empty();
  // What was complete once stays so: rows before it are late by definition.
  if (!clocks.empty()) as_of_ = std::max(as_of_, complete_up_to(clocks));
  if (caught_up_) claimed_ = as_of_;
}

// What was stored since the thread has looked is unread.
void StreamIngestion::look_at_end(const SourceStatus& source,
                                  IngestionProgress& progress) {
  for (const auto& [name, high] : source.high) {
    auto place = std::ranges::find(progress.partitions, name,
                                   &PartitionProgress::partition);
    int64_t next = 0;  // of one that was not found yet
    if (place != progress.partitions.end()) {
      next = place->next;
      place->high = std::max(place->high, high);
    }
    if (next < high) progress.caught_up = false;
  }
}

void StreamIngestion::fill_rates(IngestionProgress& progress) {
  RateSample sample{Clock::now(), progress.rows, progress.bytes};
  for (const auto& [reason, count] : progress.rejected) {
    sample.rejected += count;
  }
  if (rate_samples_.empty() ||
      sample.time - rate_samples_.back().time >= std::chrono::seconds(1)) {
    rate_samples_.push_back(sample);
  }
  while (rate_samples_.size() > 1 &&
         sample.time - rate_samples_[1].time >= std::chrono::seconds(10)) {
    rate_samples_.pop_front();
  }
  const RateSample& first = rate_samples_.front();
  double seconds =
      std::chrono::duration<double>(sample.time - first.time).count();
  if (seconds < 0.1) return;
  auto rate = [&](uint64_t count, uint64_t before) {
    return static_cast<double>(count - before) / seconds;
  };
  progress.rows_per_second = rate(sample.rows, first.rows);
  progress.bytes_per_second = rate(sample.bytes, first.bytes);
  progress.rejected_per_second = rate(sample.rejected, first.rejected);
}

void StreamIngestion::set_state(IngestionState state, std::string error) {
  {
    MutexLock lock(mutex_);
    if (progress_.state == state && progress_.error == error) return;
    if (progress_.state != state) {
      spdlog::log(error.empty() ? spdlog::level::info : spdlog::level::warn,
                  "dataset {}: ingestion {}{}{}", settings_.dataset,
                  state_name(state), error.empty() ? "" : ": ", error);
    }
    if (!error.empty()) {
      last_errors_.add({now(), state_name(state), error, {}});
    }
    progress_.state = state;
    progress_.error = std::move(error);
    progress_.past_start = caught_up_ && progress_.error.empty();
    progress_.caught_up = progress_.past_start;
  }
  changed();  // what answers say of themselves
}

int64_t PartitionProgress::lag() const {
  if (high < 0) return -1;
  bool lost = !error.empty() && (next < low || next > high);
  return std::max<int64_t>(0, high - (lost ? low : next));
}

const char* state_name(IngestionState state) {
  switch (state) {
    case IngestionState::kStarting:
      return "starting";
    case IngestionState::kRunning:
      return "running";
    case IngestionState::kDegraded:
      return "degraded";
    case IngestionState::kPaused:
      return "paused";
    case IngestionState::kWaiting:
      return "waiting";
    case IngestionState::kStopped:
      return "stopped";
    case IngestionState::kFailed:
      return "failed";
  }
  return "unknown";
}

}  // namespace freshet
