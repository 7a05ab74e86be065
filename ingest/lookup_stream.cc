// start_lookup_stream: one thread that reads a source into a lookup.
#include <spdlog/spdlog.h>

#include <thread>

#include "ingest/lookup_feed.h"
#include "ingest/positions.h"
#include "segments/mutex.h"

namespace freshet {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kPollMessages = 8192;
constexpr int64_t kPollMs = 20;
constexpr auto kRefreshEvery = std::chrono::seconds(10);
constexpr auto kLookAgain = std::chrono::milliseconds(500);
constexpr auto kRetryListing = std::chrono::seconds(2);
constexpr int64_t kRetryMs = 500;

class LookupStream final : public LookupFeed {
 public:
  LookupStream(LookupSettings settings, std::unique_ptr<LookupDecoder> decoder,
               std::unique_ptr<Source> source,
               std::map<PartitionName, OffsetRecord> offsets, bool complete,
               LookupTarget& target)
      : name_(settings.name),
        decoder_(std::move(decoder)),
        source_(std::move(source)),
        positions_("lookup " + settings.name, *source_, offsets, KeptCounts()),
        committed_(std::move(offsets)),
        complete_(complete),
        target_(target),
        thread_([this] { run(); }) {}

  ~LookupStream() override {
    {
      MutexLock lock(mutex_);
      stopping_ = true;
      wake_.signal_all();
    }
    thread_.join();
  }

  LookupFeedState state() const override {
    MutexLock lock(mutex_);
    return state_;
  }

 private:
  void run();
  void connect();
  bool read();
  bool take();
  Status decode(LookupChange& change);
  std::string trouble() const;
  void note_rejections(const std::vector<Rejection>& rejections);
  bool reached_start();
  void show(IngestionState state, std::string error);
  bool stopping() const {
    MutexLock lock(mutex_);
    return stopping_;
  }
  void look_again() {
    next_refresh_ = std::min(next_refresh_, Clock::now() + kLookAgain);
  }
  void nap(int64_t ms) {
    target_.idle();
    MutexLock lock(mutex_);
    if (!stopping_) wake_.wait_for(mutex_, absl::Milliseconds(ms));
  }

  const std::string name_;
  const std::unique_ptr<LookupDecoder> decoder_;
  const std::unique_ptr<Source> source_;

  // The thread's own.
  Positions positions_;
  std::map<PartitionName, OffsetRecord> committed_;
  bool complete_;       // durably
  bool whole_ = false;  // see LookupFeedState
  MessageBatch batch_;
  bool assigned_ = false;
  std::string listing_error_;
  Clock::time_point next_refresh_ = Clock::now();

  LookupTarget& target_;
  mutable Mutex mutex_;
  CondVar wake_;
  LookupFeedState state_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // last: it uses the others
};

void LookupStream::run() {
  bool full = false;
  while (!stopping()) {
    if (full) {
      nap(kRetryMs);
      continue;
    }
    if (!assigned_ || Clock::now() >= next_refresh_) connect();
    if (assigned_) {
      if (read()) full = !take();
      target_.idle();
    } else {
      nap(kRetryMs);
    }
  }
}

void LookupStream::connect() {
  next_refresh_ = Clock::now() + kRefreshEvery;
  Status listed = positions_.update(*source_, positions_.listing(*source_)());
  listing_error_ = listed ? std::string() : listed.error().message;
  if (!positions_.unread().empty()) {
    next_refresh_ = Clock::now() + kRetryListing;
  }
  if (!listed && !assigned_) {
    show(IngestionState::kWaiting, listing_error_);
    return;
  }
  if (positions_.all_faulty()) {
    assigned_ = false;
    show(IngestionState::kFailed, positions_.first_fault());
    return;
  }
  if (assigned_ && !positions_.stale()) return;
  Status status = positions_.assign(*source_);
  assigned_ = status.has_value();
  if (!status) show(IngestionState::kWaiting, status.error().message);
}

// False: nothing could be read.
bool LookupStream::read() {
  Status status = source_->poll(kPollMs, kPollMessages, batch_);
  if (batch_.suspicious) positions_.disturbed();
  if (batch_.suspicious || !batch_.faults.empty()) look_again();
  if (!status) {
    batch_.clear();
    show(IngestionState::kWaiting, status.error().message);
    nap(kRetryMs);
    return false;
  }
  return true;
}

// What was read becomes durable, however often that must be tried. False if
// the lookup is full: nothing is read any more.
bool LookupStream::take() {
  LookupChange change;
  while (true) {
    Status decoded = decode(change);
    if (decoded) break;
    show(IngestionState::kWaiting, decoded.error().message);
    nap(kRetryMs);
    if (stopping()) return true;
  }
  positions_.passed(batch_.messages);
  positions_.arrived(batch_);
  if (positions_.doubts()) look_again();
  bool reached = whole_ || (assigned_ && reached_start());
  bool completes = !complete_ && reached;
  if (!positions_.moved() && !completes) {
    whole_ = reached;
    std::string fault = trouble();
    show(fault.empty() ? IngestionState::kRunning : IngestionState::kDegraded,
         fault);
    return true;
  }
  change.offsets = positions_.taken();
  change.complete = completes;
  while (true) {
    Status taken = target_.take(change);
    if (taken) break;
    bool full = taken.error().code == ErrorCode::kLimit;
    show(full ? IngestionState::kFailed : IngestionState::kWaiting,
         taken.error().message);
    if (full) {
      spdlog::error("lookup {}: {}", name_, taken.error().message);
      return false;
    }
    nap(kRetryMs);
    if (stopping()) return true;
  }
  complete_ = complete_ || completes;
  whole_ = reached;
  std::map<PartitionName, int64_t> next;
  for (const auto& [partition, record] : change.offsets) {
    committed_[partition] = record;
    next[partition] = record.next;
  }
  source_->report_committed(next);
  std::string fault = trouble();
  show(fault.empty() ? IngestionState::kRunning : IngestionState::kDegraded,
       fault);
  return true;
}

// What keeps messages from arriving although others do; empty if nothing.
std::string LookupStream::trouble() const {
  std::string fault = positions_.first_fault();
  if (!fault.empty()) return fault;
  if (!batch_.trouble.empty()) return batch_.trouble;
  if (!positions_.unread().empty()) return positions_.unread()[0].error;
  return listing_error_;
}

Status LookupStream::decode(LookupChange& change) {
  TRY(decoder_->prepare(batch_.messages));
  std::vector<Rejection> rejections;
  decoder_->decode(batch_.messages, change.entries, rejections);
  note_rejections(rejections);
  uint64_t bytes = 0;
  for (const RawMessage& message : batch_.messages) {
    bytes += message.key.size() + message.value.size();
  }
  MutexLock lock(mutex_);
  state_.messages += batch_.messages.size();
  state_.bytes += bytes;
  return {};
}

void LookupStream::note_rejections(const std::vector<Rejection>& rejections) {
  if (rejections.empty()) return;
  const Rejection& last = rejections.back();
  const RawMessage& message = batch_.messages[last.message];
  std::string text = std::string(message.partition_name) + " at " +
                     std::to_string(message.offset) + ": " + last.text;
  spdlog::warn("lookup {}: {} messages could not be read; {}", name_,
               rejections.size(), text);
  MutexLock lock(mutex_);
  state_.rejected += rejections.size();
  state_.last_rejection = std::move(text);
}

// Whether everything that was there at the start has been read.
bool LookupStream::reached_start() {
  if (!positions_.unread().empty()) return false;
  for (const Positions::Place& place : positions_.places(source_->status())) {
    if (!place.fault.empty() || place.record.next < place.start_high) {
      return false;
    }
  }
  return !positions_.empty();
}

void LookupStream::show(IngestionState state, std::string error) {
  std::vector<PartitionProgress> partitions;
  for (const Positions::Place& place : positions_.places(source_->status())) {
    PartitionProgress one;
    one.partition = place.name;
    one.begin = place.begin;
    one.next = place.record.next;
    auto committed = committed_.find(place.name);
    if (committed != committed_.end()) one.committed = committed->second.next;
    one.low = place.low;
    one.high = place.high;
    one.error = place.fault;
    partitions.push_back(std::move(one));
  }
  MutexLock lock(mutex_);
  state_.state = state;
  state_.error = std::move(error);
  state_.whole = whole_;
  state_.partitions = std::move(partitions);
}

}  // namespace

Result<std::unique_ptr<LookupFeed>> start_lookup_stream(
    LookupSettings settings, std::unique_ptr<Source> source,
    std::map<PartitionName, OffsetRecord> offsets, bool complete,
    LookupTarget& target) {
  TRY_ASSIGN(auto decoder, LookupDecoder::create(settings));
  return std::make_unique<LookupStream>(std::move(settings), std::move(decoder),
                                        std::move(source), std::move(offsets),
                                        complete, target);
}

}  // namespace freshet
