#include "ingest/sealer.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "segments/niceness.h"
#include "segments/time.h"

namespace freshet {
namespace {

constexpr size_t kInFlight = 2;
constexpr uint64_t kLastAttempts = 3;  // while finishing
// Of its thread: new rows come first. When too many wait to be sealed, they
// wait, too.
constexpr int kNiceness = 5;
constexpr auto kRetentionEvery = absl::Minutes(1);

absl::Duration backoff(uint64_t failures) {
  return std::min(
      absl::Milliseconds(200) * (1 << std::min<uint64_t>(failures, 6)),
      absl::Seconds(10));
}

}  // namespace

Sealer::Sealer(SegmentStore& store, std::string dataset, SealOptions options,
               int64_t retention_ms,
               std::map<PartitionName, OffsetRecord> committed)
    : store_(store),
      dataset_(std::move(dataset)),
      options_(std::move(options)),
      retention_ms_(retention_ms),
      shelf_(store.metadata(), dataset_),
      committed_(std::move(committed)) {
  thread_ = std::thread([this] { run(); });
}

Sealer::~Sealer() { abandon(); }

bool Sealer::full() const {
  MutexLock lock(mutex_);
  return queue_.size() >= kInFlight;
}

bool Sealer::wait_for_room(int64_t timeout_ms) {
  MutexLock lock(mutex_);
  if (queue_.size() >= kInFlight) {
    change_.wait_for(mutex_, absl::Milliseconds(timeout_ms));
  }
  return queue_.size() < kInFlight;
}

uint64_t Sealer::submit(Generation generation) {
  MutexLock lock(mutex_);
  generation.number = ++submitted_;
  queue_.push_back(std::make_shared<const Generation>(std::move(generation)));
  work_.signal_all();
  return submitted_;
}

Error Sealer::late() {
  return {ErrorCode::kUnavailable,
          "what is to be sealed is not durable yet; that goes on"};
}

Status Sealer::wait_sealed(uint64_t number, absl::Time deadline) {
  MutexLock lock(mutex_);
  uint64_t attempts = attempts_;
  work_.signal_all();  // no need to wait out a pause between attempts
  while (sealed_ < number) {
    if (fatal_ || mode_ != Mode::kRunning) {
      if (!last_status_) return last_status_;
      return Error{ErrorCode::kCancelled, "the ingestion was stopped"};
    }
    if (attempts_ != attempts && !last_status_) return last_status_;
    absl::Duration left = deadline - steady_now();
    if (left <= absl::ZeroDuration()) return late();
    change_.wait_for(mutex_, left);
  }
  return {};
}

Status Sealer::finish() {
  {
    MutexLock lock(mutex_);
    if (mode_ == Mode::kRunning) mode_ = Mode::kFinishing;
    failures_ = 0;
    work_.signal_all();
  }
  if (thread_.joinable()) thread_.join();
  MutexLock lock(mutex_);
  change_.signal_all();
  if (queue_.empty()) return {};
  if (!last_status_) return last_status_;
  return Error{ErrorCode::kCancelled, "the ingestion was abandoned"};
}

void Sealer::abandon() {
  {
    MutexLock lock(mutex_);
    mode_ = Mode::kAbandoned;
    work_.signal_all();
    change_.signal_all();
  }
  if (thread_.joinable()) thread_.join();
}

Sealer::View Sealer::view() const {
  MutexLock lock(mutex_);
  View view;
  view.committed = committed_;
  view.sealed = sealed_;
  for (const auto& generation : queue_) {
    view.rows += generation->rows;
    view.bytes += generation->bytes;
  }
  view.dropped = dropped_;
  view.last_seal = last_seal_;
  view.dead_letters = dead_letters_;
  if (!last_status_) view.error = last_status_.error().message;
  return view;
}

void Sealer::add_pending_letters(size_t most,
                                 Ingestion::PendingLetters& pending) const {
  std::deque<std::shared_ptr<const Generation>> queue;
  {
    MutexLock lock(mutex_);
    queue = queue_;
  }
  for (const auto& generation : queue) {
    const std::vector<DeadLetter>& all = generation->dead_letters;
    pending.count += all.size();
    for (const DeadLetter& letter : all) ++pending.reasons[letter.reason];
    pending.letters.insert(
        pending.letters.end(), all.begin(),
        all.begin() + static_cast<ptrdiff_t>(std::min(most, all.size())));
  }
}

uint64_t Sealer::changes() const {
  MutexLock lock(mutex_);
  return changes_;
}

std::string Sealer::fatal_error() const {
  MutexLock lock(mutex_);
  return fatal_ ? last_status_.error().message : std::string();
}

// The rows are safe already: a failure here only leaves more dead letters, and
// is met again by the next seal.
void Sealer::keep_dead_letters(const std::vector<DeadLetter>& added) {
  shelf_.added(added);
  Status trimmed = shelf_.trim();
  if (!trimmed) {
    spdlog::warn("dataset {}: old dead letters stay: {}", dataset_,
                 trimmed.error().message);
  }
  MutexLock lock(mutex_);
  dead_letters_ = shelf_.stock();
  ++changes_;
}

void Sealer::count_dead_letters() {
  Status counted = shelf_.load();
  if (!counted) {
    spdlog::error("dataset {}: dead letters: {}", dataset_,
                  counted.error().message);
  }
  keep_dead_letters({});
}

void Sealer::recount() {
  MutexLock lock(mutex_);
  recount_ = true;
  work_.signal_all();
}

void Sealer::run() {
  set_niceness(kNiceness);
  count_dead_letters();
  absl::Time next_retention = steady_now();
  for (;;) {
    bool recount = false;
    {
      MutexLock lock(mutex_);
      while (mode_ == Mode::kRunning && (queue_.empty() || fatal_) &&
             !recount_) {
        absl::Duration left = next_retention - steady_now();
        if (retention_ms_ >= 0 && left <= absl::ZeroDuration()) break;
        work_.wait_for(mutex_, retention_ms_ >= 0 ? left : kRetentionEvery);
      }
      if (mode_ == Mode::kAbandoned) return;
      if (mode_ == Mode::kFinishing &&
          (queue_.empty() || fatal_ || failures_ >= kLastAttempts)) {
        return;
      }
      std::swap(recount, recount_);
    }
    if (recount) count_dead_letters();
    if (retention_ms_ >= 0 && steady_now() >= next_retention) {
      drop_old();
      next_retention = steady_now() + kRetentionEvery;
    }
    // What came late may be past retention as soon as it is sealed.
    if (seal_front()) next_retention = steady_now();
  }
}

bool Sealer::seal_front() {
  std::shared_ptr<const Generation> generation;
  std::map<PartitionName, OffsetRecord> committed;
  {
    MutexLock lock(mutex_);
    if (queue_.empty() || fatal_) return false;
    generation = queue_.front();
    committed = committed_;
  }
  auto sealed = store_.seal(build(*generation, committed));
  Status status;
  if (!sealed) status = sealed.error();
  if (status && generation->replayed.empty()) {
    keep_dead_letters(generation->dead_letters);
  } else if (status) {
    count_dead_letters();
  }
  record(*generation, status);
  if (status) return true;
  spdlog::warn("dataset {}: seal failed, its rows stay in memory: {}", dataset_,
               status.error().message);
  MutexLock lock(mutex_);
  if (mode_ == Mode::kRunning && !fatal_) {
    work_.wait_for(mutex_, backoff(failures_));
  } else if (mode_ == Mode::kFinishing) {
    work_.wait_for(mutex_, absl::Milliseconds(100));
  }
  return false;
}

Seal Sealer::build(
    const Generation& generation,
    const std::map<PartitionName, OffsetRecord>& committed) const {
  Seal seal;
  seal.dataset = dataset_;
  seal.generation = generation.number;
  seal.live = generation.live;
  seal.options = options_;
  for (const auto& [partition, record] : generation.offsets) {
    Commit::Advance advance;
    advance.partition = partition;
    advance.record = record;
    auto before = committed.find(partition);
    if (before != committed.end()) {
      if (before->second == record) continue;
      advance.expected_next = before->second.next;
    }
    seal.offsets.push_back(std::move(advance));
  }
  seal.removed_keys = generation.replayed;
  seal.removed_keys.insert(seal.removed_keys.end(), generation.removed.begin(),
                           generation.removed.end());
  seal.puts = generation.puts;
  for (const DeadLetter& letter : generation.dead_letters) {
    seal.puts.push_back(encode_dead_letter(dataset_, letter));
  }
  seal.puts.push_back(generation.counts.encode(dataset_));
  return seal;
}

void Sealer::record(const Generation& generation, const Status& status) {
  MutexLock lock(mutex_);
  ++attempts_;
  last_status_ = status;
  if (status) {
    for (const auto& [partition, record] : generation.offsets) {
      committed_[partition] = record;
    }
    sealed_ = generation.number;
    queue_.pop_front();
    failures_ = 0;
    last_seal_ = now();
    ++changes_;
  } else {
    ++failures_;
    fatal_ = status.error().code == ErrorCode::kConflict;
  }
  change_.signal_all();
}

void Sealer::drop_old() {
  auto dropped =
      store_.drop_before(dataset_, Timestamp{now().ms - retention_ms_});
  if (!dropped) {
    spdlog::warn("dataset {}: old segments stay: {}", dataset_,
                 dropped.error().message);
    return;
  }
  if (dropped->segments == 0) return;
  spdlog::info(
      "dataset {}: {} segments with {} rows are past retention, {} "
      "bytes given back",
      dataset_, dropped->segments, dropped->rows, dropped->bytes);
  MutexLock lock(mutex_);
  dropped_.segments += dropped->segments;
  dropped_.rows += dropped->rows;
  dropped_.bytes += dropped->bytes;
  ++changes_;
}

}  // namespace freshet
