#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "ingest/stream_ingestion.h"

namespace freshet {
namespace {

using std::chrono::milliseconds;

constexpr size_t kPollMessages = 8192;
constexpr int64_t kPollMs = 10;
// A part of a poll that is decoded at once: it should stay in the cache.
constexpr size_t kPartMessages = 2048;
constexpr size_t kPartBytes = 1 << 20;
constexpr auto kRefreshEvery = std::chrono::seconds(10);
constexpr auto kRetryEvery = milliseconds(500);
constexpr auto kRetryListing = std::chrono::seconds(2);
// A source that had something odd to say is listed again this much later.
constexpr auto kLookAgain = milliseconds(500);
constexpr uint64_t kMaxDeadLetterMemory = 64 << 20;
constexpr uint64_t kMaxDeleteMemory = 16 << 20;
// Each live segment becomes a file, which takes the sealer some milliseconds:
// a stop waits for them.
constexpr size_t kMaxSinks = 4096;
// From so many on a part of seal_bytes is enough: they are sealed more slowly,
// while up to three generations are in memory.
constexpr size_t kManySinks = 512;
constexpr uint64_t kManyShare = 4;

// Of files that change each time while their keys are read.
constexpr int kKeyTries = 5;

std::string absent_text(const std::vector<std::string>& absent) {
  if (absent.empty()) return {};
  return fmt::format("the source has no {}", fmt::join(absent, ", "));
}

}  // namespace

void StreamIngestion::run() {
  load_keys();
  while (mode() == Mode::kRun) round();
  Status status;
  intake_->close();
  if (mode() == Mode::kStop) {
    bool open = positions_->moved() || intake_->sinks().rows() > 0;
    if (open && keys_status_) seal_open();
    status = sealer_->finish();
    if (status) status = keys_status_;
    serve_sealed();
  }
  update_progress(true);
  set_state(IngestionState::kStopped,
            status ? std::string() : status.error().message);
  MutexLock lock(mutex_);
  ended_ = true;
  stop_status_ = status;
  served_.signal_all();
}

// Until the keys of the rows in segments are known, nothing can be judged.
void StreamIngestion::load_keys() {
  for (int tries = 0; tries < kKeyTries; ++tries) {
    keys_status_ = intake_->load_keys([this] { return mode() != Mode::kRun; });
    bool again =
        !keys_status_ && keys_status_.error().code == ErrorCode::kConflict;
    if (!again) break;
  }
  bool ends =
      !keys_status_ && keys_status_.error().code == ErrorCode::kCancelled;
  if (ends) keys_status_ = Status();
}

void StreamIngestion::fail_keys() {
  update_progress(true);
  set_state(IngestionState::kFailed, keys_status_.error().message);
  {
    MutexLock lock(mutex_);
    seal_refused_ = keys_status_;
  }
  nap(milliseconds(200));
}

void StreamIngestion::round() {
  serve_sealed();
  std::string fatal = sealer_->fatal_error();
  if (!fatal.empty()) {
    update_progress(true);
    set_state(IngestionState::kFailed, fatal);
    nap(milliseconds(200));
    return;
  }
  if (!keys_status_) {
    fail_keys();
    return;
  }
  serve_seal_requests();
  serve_replays();
  if (!keys_status_) return;
  if (seal_due()) seal_open();
  if (paused()) {
    set_state(IngestionState::kPaused);
    list_paused();
    update_progress(true);
    nap(milliseconds(50));
    return;
  }
  if (!assigned_ || Clock::now() >= next_refresh_ || listing_is_there()) {
    connect();
  }
  if (assigned_) {
    read();
  } else {
    update_progress(true);
    nap(kRetryEvery);
  }
}

// Finds the source's partitions, at the start, now and then for new ones, and
// when something is odd. `beside`: each partition takes the broker a while,
// for which the rest need not wait. False if the answer is not there yet.
bool StreamIngestion::list(bool beside) {
  if (!listing_is_there()) {
    next_refresh_ = Clock::now() + kRefreshEvery;
    if (listing_.valid() && beside) return false;
    if (listing_.valid()) listing_.wait();
  }
  if (!listing_.valid()) {
    beside = beside && source_->listing_waits();
    listing_ = std::async(beside ? std::launch::async : std::launch::deferred,
                          positions_->listing(*source_));
    if (beside) return false;
  }
  Status listed = positions_->update(*source_, listing_.get());
  note_moved();
  listing_error_ = listed ? std::string() : listed.error().message;
  const std::vector<UnreadPartition>& unread = positions_->unread();
  if (listed) {
    absent_ = absent_text(source_->status().absent);
    if (absent_.empty() && !unread.empty()) absent_ = unread[0].error;
  }
  if (!listed || !unread.empty()) {
    next_refresh_ = Clock::now() + kRetryListing;
  }
  return true;
}

// What waits meanwhile is to be known.
void StreamIngestion::list_paused() {
  if (Clock::now() < next_refresh_ && !listing_is_there()) return;
  list(true);
  if (positions_->stale()) assigned_ = false;
}

void StreamIngestion::connect() {
  if (!list(assigned_)) return;
  if (!listing_error_.empty() && !assigned_) {
    set_state(IngestionState::kWaiting, listing_error_);
    return;
  }
  if (positions_->all_faulty()) {
    assigned_ = false;
    set_state(IngestionState::kFailed, trouble());
    return;
  }
  if (assigned_ && !positions_->stale()) return;
  Status status = positions_->assign(*source_);
  assigned_ = status.has_value();
  if (!status) set_state(IngestionState::kWaiting, status.error().message);
}

// Whether the listing that was asked for is there.
bool StreamIngestion::listing_is_there() const {
  return listing_.valid() &&
         listing_.wait_for(milliseconds(0)) == std::future_status::ready;
}

// What keeps events from arriving although others do; empty if nothing.
std::string StreamIngestion::trouble() const {
  std::string fault = positions_->first_fault();
  if (!fault.empty()) return fault;
  if (!batch_.trouble.empty()) return batch_.trouble;
  return absent_.empty() ? listing_error_ : absent_;
}

void StreamIngestion::look_again() {
  next_refresh_ = std::min(next_refresh_, Clock::now() + kLookAgain);
}

// Positions without rows are sealed, too.
void StreamIngestion::note_moved() {
  if (!positions_->moved() || has_open_) return;
  has_open_ = true;
  open_since_ = Clock::now();
}

void StreamIngestion::read() {
  Status status = source_->poll(kPollMs, kPollMessages, batch_);
  if (batch_.suspicious) {
    positions_->disturbed();
    look_again();
  }
  if (!status) {
    bool transient = status.error().code == ErrorCode::kUnavailable;
    set_state(IngestionState::kWaiting, status.error().message);
    update_progress(true);
    nap(transient ? milliseconds(20) : milliseconds(500));
    return;
  }
  uint64_t before = rows_, deleted = intake_->counts().deleted;
  Status taken = take(batch_);
  if (!taken) {
    if (taken.error().code != ErrorCode::kCancelled) keys_status_ = taken;
    return;
  }
  positions_->arrived(batch_);
  note_moved();
  if (positions_->doubts() || !batch_.faults.empty()) look_again();
  if (!batch_.faults.empty() && positions_->all_faulty()) {
    assigned_ = false;
    set_state(IngestionState::kFailed, trouble());
  } else {
    std::string error = trouble();
    set_state(
        error.empty() ? IngestionState::kRunning : IngestionState::kDegraded,
        error);
  }
  // What is compared with the end as of now must not lag behind what was read.
  bool drained = batch_.messages.size() < kPollMessages;
  update_progress(batch_.messages.empty() || (drained && source_->tells_end()));
  if (rows_ != before || intake_->counts().deleted != deleted) changed();
}

// kCancelled if the stream ends before all messages are taken.
Status StreamIngestion::take(const MessageBatch& batch) {
  std::span<const RawMessage> rest(batch.messages);
  while (!rest.empty() && mode() != Mode::kAbandon) {
    size_t count = 0, bytes = 0;
    while (count < rest.size() && count < kPartMessages &&
           (count == 0 || bytes + rest[count].value.size() <= kPartBytes)) {
      bytes += rest[count++].value.size();
    }
    auto part = rest.first(count);
    if (!wait_until_readable(part)) break;
    intake_->set_complete(claimed_, restated_.get());
    TRY_ASSIGN(uint64_t rows, intake_->take(part, positions_->names(),
                                            positions_->watermarks(),
                                            positions_->unread_watermark()));
    rows_ += rows;
    bytes_ += bytes;
    positions_->passed(part);
    rest = rest.subspan(count);
    if (!has_open_) {
      has_open_ = true;
      open_since_ = Clock::now();
    }
    if (seal_due()) seal_open();
  }
  if (rest.empty()) return {};
  return Error{ErrorCode::kCancelled, "the stream ends"};
}

// Waits while the decoder lacks something that is out of reach (a schema); the
// messages stay. False if the stream ends first, or nothing may be taken.
bool StreamIngestion::wait_until_readable(std::span<const RawMessage> part) {
  for (;;) {
    Status ready = intake_->prepare(part);
    if (ready) return true;
    if (mode() != Mode::kRun) return false;
    set_state(paused() ? IngestionState::kPaused : IngestionState::kWaiting,
              paused() ? std::string() : ready.error().message);
    serve_sealed();
    serve_seal_requests();
    serve_replays();
    if (!keys_status_) return false;
    if (seal_due()) seal_open();
    update_progress(true);
    nap(kRetryEvery);
  }
}

bool StreamIngestion::seal_due() const {
  const Sinks& sinks = intake_->sinks();
  uint64_t most_bytes =
      settings_.seal_bytes / (sinks.size() > kManySinks ? kManyShare : 1);
  return sinks.rows() >= settings_.seal_rows || sinks.bytes() >= most_bytes ||
         sinks.size() >= kMaxSinks ||
         intake_->dead_letter_bytes() >= kMaxDeadLetterMemory ||
         intake_->delete_bytes() >= kMaxDeleteMemory ||
         (has_open_ &&
          Clock::now() - open_since_ >= milliseconds(settings_.seal_age_ms));
}

// Hands what is open to the sealer, waiting while it has enough to do: the
// rows in memory are bounded, not the patience.
void StreamIngestion::seal_open() {
  while (mode() == Mode::kRun && !sealer_->wait_for_room(100)) {
    serve_sealed();
    std::string error = sealer_->view().error;
    if (!error.empty()) {
      set_state(IngestionState::kWaiting,
                "reading waits until seals work: " + error);
    }
    update_progress(true);
    if (!sealer_->fatal_error().empty()) return;
  }
  if (mode() == Mode::kAbandon) return;
  show_pending_letters();  // before they go
  Generation generation;
  generation.rows = intake_->sinks().rows();
  generation.bytes = intake_->sinks().bytes();
  generation.live = intake_->sinks().take();
  KeptCounts& counts = intake_->counts();
  positions_->set_begin(counts);
  for (const auto& place : positions_->places(SourceStatus())) {
    counts.watermark[place.name] = place.watermark;
  }
  generation.counts = counts;
  generation.dead_letters = intake_->take_dead_letters();
  generation.replayed = std::move(replayed_);
  replayed_.clear();
  NewestRows::DeleteChanges deletes = intake_->take_deletes();
  generation.puts = std::move(deletes.puts);
  generation.removed = std::move(deletes.removed);
  for (auto& change : restated_->take_changes(settings_.dataset)) {
    generation.puts.push_back(std::move(change));
  }
  generation.offsets = positions_->taken();
  has_open_ = false;
  uint64_t number = sealer_->submit(std::move(generation));
  intake_->begin_generation(number + 1);
  show_pending_letters();
  MutexLock lock(mutex_);
  seal_number_ = number;
}

void StreamIngestion::serve_seal_requests() {
  uint64_t requested = 0;
  {
    MutexLock lock(mutex_);
    requested = seal_requested_;
    if (requested == seal_served_) return;
  }
  if (positions_->moved() || intake_->sinks().rows() > 0) seal_open();
  MutexLock lock(mutex_);
  seal_served_ = requested;
  served_.signal_all();
}

void StreamIngestion::serve_sealed() {
  uint64_t changes = sealer_->changes();
  if (changes == seen_changes_) return;
  seen_changes_ = changes;
  std::map<PartitionName, int64_t> next;
  for (const auto& [partition, record] : sealer_->view().committed) {
    next[partition] = record.next;
  }
  source_->report_committed(next);
  update_progress(true);
  changed();
}

void StreamIngestion::changed() {
  Callback callback;
  {
    MutexLock lock(mutex_);
    callback = callback_;
  }
  if (callback != nullptr) (*callback)();
}

}  // namespace freshet
