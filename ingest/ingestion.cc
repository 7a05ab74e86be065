#include "ingest/ingestion.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <thread>

#include "ingest/intake.h"
#include "ingest/positions.h"
#include "ingest/sealer.h"
#include "segments/mutex.h"

namespace freshet {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr size_t kPollMessages = 8192;
constexpr int64_t kPollMs = 10;
// A part of a poll that is decoded at once: it should stay in the cache.
constexpr size_t kPartMessages = 2048;
constexpr size_t kPartBytes = 1 << 20;
constexpr auto kRefreshEvery = std::chrono::seconds(10);
constexpr auto kRetryEvery = milliseconds(500);
constexpr auto kProgressEvery = milliseconds(2);
constexpr uint64_t kMaxDeadLetterMemory = 64 << 20;
constexpr size_t kMaxSinks = 512;

class StreamIngestion final : public Ingestion {
 public:
  StreamIngestion(IngestionSettings settings, std::unique_ptr<Source> source,
                  SegmentStore& store);
  ~StreamIngestion() override;
  Status load();
  void fail(const Error& error);
  void run_thread() {
    MutexLock lock(join_mutex_);
    thread_ = std::thread([this] { run(); });
  }

  IngestionProgress progress() const override;
  void pause() override { set_paused(true); }
  void resume() override { set_paused(false); }
  Status seal() override;
  Status stop() override;
  void on_change(std::function<void()> callback) override;

 private:
  enum class Mode { kRun, kStop, kAbandon };
  using Callback = std::shared_ptr<const std::function<void()>>;

  void run();
  void round();
  void connect();
  void read();
  void take(const MessageBatch& batch);
  bool seal_due() const;
  void seal_open();
  void serve_seal_requests();
  void serve_sealed();
  void changed();
  void end_thread(Mode mode);

  Mode mode() const;
  bool paused() const;
  void set_paused(bool paused);
  void nap(Clock::duration time);
  void set_state(IngestionState state, std::string error = {});
  void update_progress(bool always);
  void fill_partitions(IngestionProgress& progress);
  double rows_per_second();

  const IngestionSettings settings_;
  SegmentStore& store_;

  // Ingestion thread only, once it runs.
  const std::unique_ptr<Source> source_;
  std::unique_ptr<Intake> intake_;
  std::unique_ptr<Positions> positions_;
  bool assigned_ = false;
  Clock::time_point next_refresh_;
  Clock::time_point next_progress_;
  Clock::time_point open_since_;  // of the open generation, if has_open_
  bool has_open_ = false;
  uint64_t seen_changes_ = 0;
  uint64_t rows_ = 0;
  uint64_t bytes_ = 0;
  bool caught_up_ = false;
  Timestamp as_of_ = kMinTimestamp;
  std::deque<std::pair<Clock::time_point, uint64_t>> rate_samples_;
  MessageBatch batch_;

  std::unique_ptr<Sealer> sealer_;  // thread-safe; made by load()

  mutable Mutex mutex_;
  CondVar wake_;    // for the ingestion thread
  CondVar served_;  // for seal()
  Mode mode_ ABSL_GUARDED_BY(mutex_) = Mode::kRun;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  bool paused_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t seal_requested_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t seal_served_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t seal_number_ ABSL_GUARDED_BY(mutex_) = 0;
  Callback callback_ ABSL_GUARDED_BY(mutex_);
  IngestionProgress progress_ ABSL_GUARDED_BY(mutex_);
  Status stop_status_ ABSL_GUARDED_BY(mutex_);

  Mutex join_mutex_;
  std::thread thread_ ABSL_GUARDED_BY(join_mutex_);
};

StreamIngestion::StreamIngestion(IngestionSettings settings,
                                 std::unique_ptr<Source> source,
                                 SegmentStore& store)
    : settings_(std::move(settings)),
      store_(store),
      source_(std::move(source)) {}

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
  positions_ = std::make_unique<Positions>(committed, counts);
  intake_ =
      std::make_unique<Intake>(settings_, make_json_decoder(settings_.decoder),
                               std::move(counts), &store_);
  sealer_ = std::make_unique<Sealer>(
      store_, settings_.dataset, SealOptions{settings_.sort_by},
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

// --- the thread ------------------------------------------------------------

void StreamIngestion::run() {
  while (mode() == Mode::kRun) round();
  Status status;
  if (mode() == Mode::kStop) {
    if (positions_->moved() || intake_->sinks().rows() > 0) seal_open();
    status = sealer_->finish();
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

void StreamIngestion::round() {
  serve_sealed();
  std::string fatal = sealer_->fatal_error();
  if (!fatal.empty()) {
    update_progress(true);
    set_state(IngestionState::kFailed, fatal);
    nap(milliseconds(200));
    return;
  }
  serve_seal_requests();
  if (seal_due()) seal_open();
  if (paused()) {
    set_state(IngestionState::kPaused);
    update_progress(true);
    nap(milliseconds(50));
    return;
  }
  if (!assigned_ || Clock::now() >= next_refresh_) connect();
  if (assigned_) {
    read();
  } else {
    update_progress(true);
    nap(kRetryEvery);
  }
}

// Finds the source's partitions, at the start and now and then for new ones.
void StreamIngestion::connect() {
  next_refresh_ = Clock::now() + kRefreshEvery;
  auto bounds = source_->partitions();
  if (!bounds) {
    if (!assigned_) {
      set_state(IngestionState::kWaiting, bounds.error().message);
    }
    return;
  }
  auto changed = positions_->update(*source_, *bounds);
  if (!changed) {
    set_state(IngestionState::kWaiting, changed.error().message);
    return;
  }
  if (!*changed && assigned_) return;
  if (positions_->all_faulty()) {
    assigned_ = false;
    set_state(IngestionState::kFailed, positions_->first_fault());
    return;
  }
  Status status = positions_->assign(*source_);
  assigned_ = status.has_value();
  if (!status) set_state(IngestionState::kWaiting, status.error().message);
}

void StreamIngestion::read() {
  Status status = source_->poll(kPollMs, kPollMessages, batch_);
  if (!status) {
    bool transient = status.error().code == ErrorCode::kUnavailable;
    set_state(IngestionState::kWaiting, status.error().message);
    update_progress(true);
    nap(transient ? milliseconds(20) : milliseconds(500));
    return;
  }
  uint64_t before = rows_;
  take(batch_);
  positions_->arrived(batch_);
  if (positions_->moved() && !has_open_) {
    has_open_ = true;
    open_since_ = Clock::now();
  }
  if (!batch_.faults.empty() && positions_->all_faulty()) {
    assigned_ = false;
    set_state(IngestionState::kFailed, positions_->first_fault());
  } else {
    set_state(IngestionState::kRunning, positions_->first_fault());
  }
  update_progress(batch_.messages.empty());
  if (rows_ != before) changed();
}

void StreamIngestion::take(const MessageBatch& batch) {
  std::span<const RawMessage> rest(batch.messages);
  while (!rest.empty() && mode() != Mode::kAbandon) {
    size_t count = 0, bytes = 0;
    while (count < rest.size() && count < kPartMessages &&
           (count == 0 || bytes + rest[count].value.size() <= kPartBytes)) {
      bytes += rest[count++].value.size();
    }
    auto part = rest.first(count);
    rows_ += intake_->take(part, positions_->names(), positions_->watermarks());
    bytes_ += bytes;
    positions_->passed(part);
    rest = rest.subspan(count);
    if (!has_open_) {
      has_open_ = true;
      open_since_ = Clock::now();
    }
    if (seal_due()) seal_open();
  }
}

bool StreamIngestion::seal_due() const {
  const Sinks& sinks = intake_->sinks();
  return sinks.rows() >= settings_.seal_rows ||
         sinks.bytes() >= settings_.seal_bytes || sinks.size() >= kMaxSinks ||
         intake_->dead_letter_bytes() >= kMaxDeadLetterMemory ||
         (has_open_ &&
          Clock::now() - open_since_ >= milliseconds(settings_.seal_age_ms));
}

// Hands what is open to the sealer, waiting while it has enough to do: the
// rows in memory are bounded, not the patience.
void StreamIngestion::seal_open() {
  while (mode() == Mode::kRun && !sealer_->wait_for_room(100)) {
    serve_sealed();
    update_progress(true);
    if (!sealer_->fatal_error().empty()) return;
  }
  if (mode() == Mode::kAbandon) return;
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
  generation.offsets = positions_->taken();
  has_open_ = false;
  uint64_t number = sealer_->submit(std::move(generation));
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

// --- progress --------------------------------------------------------------

void StreamIngestion::update_progress(bool always) {
  auto time = Clock::now();
  if (!always && time < next_progress_) return;
  next_progress_ = time + kProgressEvery;
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
  progress.rows_per_second = rows_per_second();
  progress.rejected = intake_->counts().rejected;
  progress.filtered = intake_->counts().filtered;
  progress.as_of = as_of_;
  progress.caught_up = caught_up_;
  progress.live_rows = intake_->sinks().rows() + sealed.rows;
  progress.live_bytes = intake_->sinks().bytes() + sealed.bytes;
  progress.last_seal = sealed.last_seal;
  progress.last_seal_error = std::move(sealed.error);
  MutexLock lock(mutex_);
  progress.state = progress_.state;
  progress.error = std::move(progress_.error);
  progress_ = std::move(progress);
}

void StreamIngestion::fill_partitions(IngestionProgress& progress) {
  std::vector<PartitionClock> clocks;
  bool reached = true;
  int64_t time = now().ms;
  for (const auto& place : positions_->places(source_->status())) {
    bool at_end = place.high >= 0 && place.record.next >= place.high;
    progress.partitions.push_back({place.name, place.begin, place.record.next,
                                   0, place.high, place.watermark,
                                   place.fault});
    if (!place.fault.empty()) continue;
    clocks.push_back({place.watermark, at_end});
    reached &= place.record.next >= place.start_high;
    if (!at_end && place.record.last_time_ms > 0) {
      progress.lag_ms =
          std::max(progress.lag_ms, time - place.record.last_time_ms);
    }
  }
  caught_up_ |= reached && !clocks.empty();
  // What was complete once stays so: rows before it are late by definition.
  if (!clocks.empty()) as_of_ = std::max(as_of_, complete_up_to(clocks));
}

double StreamIngestion::rows_per_second() {
  auto time = Clock::now();
  if (rate_samples_.empty() ||
      time - rate_samples_.back().first >= std::chrono::seconds(1)) {
    rate_samples_.emplace_back(time, rows_);
  }
  while (rate_samples_.size() > 1 &&
         time - rate_samples_[1].first >= std::chrono::seconds(10)) {
    rate_samples_.pop_front();
  }
  double seconds =
      std::chrono::duration<double>(time - rate_samples_.front().first).count();
  if (seconds < 0.1) return 0;
  return static_cast<double>(rows_ - rate_samples_.front().second) / seconds;
}

void StreamIngestion::set_state(IngestionState state, std::string error) {
  MutexLock lock(mutex_);
  if (progress_.state != state) {
    spdlog::info("dataset {}: ingestion {}{}{}", settings_.dataset,
                 state_name(state), error.empty() ? "" : ": ", error);
  }
  progress_.state = state;
  progress_.error = std::move(error);
}

// --- any thread ------------------------------------------------------------

IngestionProgress StreamIngestion::progress() const {
  MutexLock lock(mutex_);
  return progress_;
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
  if (mode_ != Mode::kRun || seal_requested_ != seal_served_) return;
  wake_.wait_for(mutex_, absl::FromChrono(time));
}

Status StreamIngestion::seal() {
  uint64_t number = 0;
  {
    MutexLock lock(mutex_);
    uint64_t ticket = ++seal_requested_;
    wake_.signal_all();
    while (seal_served_ < ticket) {
      if (ended_ || mode_ != Mode::kRun) {
        return Error{ErrorCode::kCancelled,
                     "the ingestion is stopped: " + settings_.dataset};
      }
      // Waiting for room behind seals that fail.
      if (sealer_->full() && !progress_.last_seal_error.empty()) {
        return Error{ErrorCode::kIo, progress_.last_seal_error};
      }
      if (progress_.state == IngestionState::kFailed) {
        std::string fatal = sealer_->fatal_error();
        if (!fatal.empty()) return Error{ErrorCode::kConflict, fatal};
      }
      served_.wait_for(mutex_, absl::Milliseconds(100));
    }
    number = seal_number_;
  }
  return sealer_->wait_sealed(number);
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

}  // namespace

const char* state_name(IngestionState state) {
  switch (state) {
    case IngestionState::kStarting:
      return "starting";
    case IngestionState::kRunning:
      return "running";
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
