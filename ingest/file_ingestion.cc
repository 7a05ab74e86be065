#include "ingest/file_ingestion.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <deque>
#include <filesystem>
#include <map>
#include <thread>

#include "ingest/bulk_keys.h"
#include "ingest/bulk_load.h"
#include "ingest/file_replay.h"
#include "segments/mutex.h"
#include "segments/time.h"

namespace freshet {
namespace {

constexpr const char* kPartition = "files";
constexpr auto kRetentionEvery = absl::Minutes(1);
constexpr int64_t kRetryMs = 500;
// A large file that is being read is not interrupted for a replay.
constexpr auto kMaxReplayWait = absl::Seconds(20);

class FileIngestion final : public Ingestion {
 public:
  FileIngestion(IngestionSettings settings, FileSettings files,
                SegmentStore& store)
      : settings_(std::move(settings)),
        files_(std::move(files)),
        store_(store),
        shelf_(store.metadata(), settings_.dataset) {
    set_paused(settings_.start_paused);
  }
  ~FileIngestion() override { end(); }
  Status open();

  IngestionProgress progress() const override {
    MutexLock lock(mutex_);
    return progress_;
  }
  void pause() override { set_paused(true); }
  void resume() override { set_paused(false); }
  // What is visible is durable.
  Status seal(absl::Time) override { return {}; }
  Result<ReplayOutcome> replay(
      const std::vector<LetterReplay>& letters) override;
  // A file's letters come with its rows.
  PendingLetters pending_letters(size_t) const override { return {}; }
  std::vector<IngestionError> last_errors() const override {
    return last_errors_.newest();
  }
  void letters_removed() override {
    MutexLock lock(mutex_);
    recount_ = true;
    wake_.signal_all();
  }
  std::shared_ptr<const RestatedTimes> restated() const override {
    return nullptr;
  }
  Status stop() override {
    end();
    return {};
  }
  void on_change(std::function<void()> callback) override {
    MutexLock lock(mutex_);
    callback_ = std::move(callback);
  }

 private:
  // One call of replay() on its way through the thread.
  struct ReplayCall {
    const std::vector<LetterReplay>* letters = nullptr;
    Result<ReplayOutcome> outcome = ReplayOutcome();
    bool begun = false;
    bool done = false;
  };

  void run();
  void serve_replays();
  Result<ReplayOutcome> take_letters(const std::vector<LetterReplay>& letters);
  Status know_keys();
  bool ready();
  void look();
  bool take(const PlacedFile& file);
  void put_away_late(const PlacedFile& file);
  Status put_away(const PlacedFile& file);
  void tell_fault(const PlacedFile& file, const Error& error);
  Status load(const PlacedFile& file);
  Status known(const PlacedFile& file, bool& is_known) const;
  std::string known_key(const PlacedFile& file) const {
    return fmt::format("files/{}/{}", settings_.dataset, file.name);
  }
  static std::string identity(const PlacedFile& file) {
    return fmt::format("{} {}", file.size, file.version);
  }
  void loaded(const PlacedFile& file, const LoadProgress& progress);
  void count_letters();
  void drop_old();
  void publish(IngestionState state, std::string error);
  void set_paused(bool paused);
  bool stopping() const {
    MutexLock lock(mutex_);
    return stopping_;
  }
  Status ended() const {
    return Error{ErrorCode::kCancelled,
                 "the ingestion is stopped: " + settings_.dataset};
  }
  void end();

  const IngestionSettings settings_;
  const FileSettings files_;
  SegmentStore& store_;

  // The thread's own.
  std::unique_ptr<FilePlace> place_;
  DeadLetterShelf shelf_;
  KeptCounts counts_;
  std::shared_ptr<SeenKeys> seen_keys_;        // null: not read, or no key
  std::map<std::string, PlacedFile> seen_;     // by the last look
  std::map<std::string, std::string> faulty_;  // identity by name
  std::map<std::string, std::string> faults_;  // text by name
  size_t pending_ = 0;
  uint64_t files_seen_ = 0, files_loaded_ = 0;
  absl::Time next_retention_ = steady_now();

  LastErrors last_errors_;  // thread-safe

  mutable Mutex mutex_;
  CondVar wake_;
  IngestionProgress progress_ ABSL_GUARDED_BY(mutex_);
  std::function<void()> callback_ ABSL_GUARDED_BY(mutex_);
  bool paused_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool recount_ ABSL_GUARDED_BY(mutex_) = false;
  std::deque<ReplayCall*> replays_ ABSL_GUARDED_BY(mutex_);
  CondVar served_;  // for replay()
  std::thread thread_;
  Mutex join_mutex_;
};

Status FileIngestion::open() {
  FilePlaceSettings place = files_.place;
  place.stopped = [this] { return stopping(); };
  TRY_ASSIGN(place_, FilePlace::open(std::move(place), store_.data_folder() +
                                                           "/fetched/" +
                                                           settings_.dataset));
  TRY_ASSIGN(counts_, KeptCounts::load(store_.metadata(), settings_.dataset));
  TRY(shelf_.load());
  TRY(last_errors_.load(store_.metadata(), settings_.dataset));
  // What a crash left half fetched.
  std::error_code error;
  std::filesystem::remove_all(
      store_.data_folder() + "/fetched/" + settings_.dataset, error);
  store_.drop_live(settings_.dataset);
  publish(IngestionState::kStarting, "");
  thread_ = std::thread([this] { run(); });
  return {};
}

void FileIngestion::run() {
  for (;;) {
    bool paused = false, recount = false;
    int64_t rest_ms = files_.look_every_ms;
    {
      MutexLock lock(mutex_);
      if (stopping_) break;
      paused = paused_;
      std::swap(recount, recount_);
    }
    if (recount) count_letters();
    serve_replays();
    if (paused) {
      publish(IngestionState::kPaused, "");
    } else if (ready()) {
      look();
    } else {
      rest_ms = std::min(rest_ms, kRetryMs);
    }
    drop_old();
    MutexLock lock(mutex_);
    if (!stopping_ && !recount_ && replays_.empty() && paused == paused_) {
      wake_.wait_for(mutex_, absl::Milliseconds(rest_ms));
    }
  }
  publish(IngestionState::kStopped, "");
}

Result<ReplayOutcome> FileIngestion::replay(
    const std::vector<LetterReplay>& letters) {
  ReplayCall call;
  call.letters = &letters;
  const absl::Time deadline = steady_now() + kMaxReplayWait;
  MutexLock lock(mutex_);
  replays_.push_back(&call);
  wake_.signal_all();
  while (!call.done) {
    if (!call.begun && (stopping_ || steady_now() > deadline)) {
      std::erase(replays_, &call);
      return Error{ErrorCode::kUnavailable,
                   stopping_
                       ? "the ingestion is stopped: " + settings_.dataset
                       : "a large file is being read, the dead letters stay: "
                         "try again when it is loaded"};
    }
    served_.wait_for(mutex_, absl::Milliseconds(100));
  }
  return std::move(call.outcome);
}

void FileIngestion::serve_replays() {
  for (;;) {
    ReplayCall* call = nullptr;
    {
      MutexLock lock(mutex_);
      if (replays_.empty()) return;
      call = replays_.front();
      replays_.pop_front();
      call->begun = true;
    }
    auto outcome = take_letters(*call->letters);
    MutexLock lock(mutex_);
    call->outcome = std::move(outcome);
    call->done = true;
    served_.signal_all();
  }
}

Result<ReplayOutcome> FileIngestion::take_letters(
    const std::vector<LetterReplay>& letters) {
  TRY(know_keys());
  auto replay =
      replay_file_letters(settings_, store_, letters, counts_, seen_keys_);
  if (!replay) {
    seen_keys_ = nullptr;  // it has those of rows that are not there
    return replay.error();
  }
  counts_ = std::move(replay->counts);
  count_letters();
  std::function<void()> callback;
  IngestionState state;
  std::string error;
  {
    MutexLock lock(mutex_);
    progress_.rows += replay->rows;
    state = progress_.state;
    error = progress_.error;
    callback = callback_;
  }
  publish(state, std::move(error));
  if (callback) callback();
  return std::move(replay->outcome);
}

Status FileIngestion::know_keys() {
  if (seen_keys_) return {};
  TRY_ASSIGN(seen_keys_, seen_before_load(settings_, store_,
                                          [this] { return stopping(); }));
  return {};
}

// What rows are derived from may not be there yet: the files wait.
bool FileIngestion::ready() {
  if (settings_.transform == nullptr) return true;
  Status there = settings_.transform->prepare();
  if (!there) publish(IngestionState::kWaiting, there.error().message);
  return there.has_value();
}

void FileIngestion::look() {
  auto listed = place_->list();
  if (!listed) {
    publish(IngestionState::kWaiting, listed.error().message);
    return;
  }
  files_seen_ = listed->size();
  pending_ = 0;
  std::map<std::string, PlacedFile> now;
  std::vector<PlacedFile> complete, loaded;
  for (PlacedFile& file : *listed) {
    auto before = seen_.find(file.name);
    bool same = before != seen_.end() && before->second == file;
    bool is_known = false;
    Status asked = known(file, is_known);
    if (!asked) {
      publish(IngestionState::kDegraded, asked.error().message);
      return;
    }
    auto faulty = faulty_.find(file.name);
    bool left = faulty != faulty_.end() && faulty->second == identity(file);
    if (!is_known && !left) ++pending_;
    if (same && !is_known && !left) complete.push_back(file);
    if (same && is_known) loaded.push_back(file);
    now.emplace(file.name, std::move(file));
  }
  seen_ = std::move(now);
  std::erase_if(faults_,
                [&](const auto& f) { return !seen_.contains(f.first); });
  for (const PlacedFile& file : loaded) put_away_late(file);
  for (const PlacedFile& file : complete) {
    serve_replays();
    if (!take(file)) return;
  }
  publish(
      faults_.empty() ? IngestionState::kRunning : IngestionState::kDegraded,
      faults_.empty() ? "" : faults_.begin()->second);
}

// False if the stream is to end or to pause.
bool FileIngestion::take(const PlacedFile& file) {
  {
    MutexLock lock(mutex_);
    if (stopping_ || paused_) return false;
  }
  faults_.erase(file.name);
  Status done = load(file);
  if (done) {
    --pending_;
    return true;
  }
  if (done.error().code == ErrorCode::kCancelled) return false;
  tell_fault(file, done.error());
  ErrorCode code = done.error().code;
  bool later = code == ErrorCode::kUnavailable || code == ErrorCode::kIo ||
               code == ErrorCode::kNotFound;
  if (!later) {  // it would be the same again
    faulty_[file.name] = identity(file);
    --pending_;
  }
  return true;
}

// A file that was loaded before: the end came, or a fault, before it was put
// away.
void FileIngestion::put_away_late(const PlacedFile& file) {
  Status done = put_away(file);
  if (done) {
    faults_.erase(file.name);
  } else {
    tell_fault(file, done.error());
  }
}

// What comes under its name then is another one, however like it.
Status FileIngestion::put_away(const PlacedFile& file) {
  TRY(place_->finish(file));
  if (files_.place.after == FilePlaceSettings::After::kKeep) return {};
  seen_.erase(file.name);
  return store_.metadata().remove(known_key(file));
}

void FileIngestion::tell_fault(const PlacedFile& file, const Error& error) {
  std::string text = fmt::format("file {}: {}", file.name, error.message);
  if (faults_[file.name] == text) return;  // told at an earlier look
  spdlog::error("dataset {}: {}", settings_.dataset, text);
  faults_[file.name] = text;
  last_errors_.add({now(), state_name(IngestionState::kDegraded), text, {}});
}

Status FileIngestion::known(const PlacedFile& file, bool& is_known) const {
  TRY_ASSIGN(auto kept, store_.metadata().get(known_key(file)));
  is_known = kept && *kept == identity(file);
  return {};
}

Status FileIngestion::load(const PlacedFile& file) {
  TRY(know_keys());
  TRY_ASSIGN(std::string path, place_->fetch(file));
  WatchedFile watched{path,
                      file.name,
                      {{known_key(file), identity(file)}},
                      [&] { return stopping() ? ended() : Status(); },
                      [&] { return place_->unchanged(file); }};
  LoadProgress progress;
  auto counts =
      load_file(settings_, store_, watched, counts_, seen_keys_, progress);
  place_->release(path);
  if (!counts) seen_keys_ = nullptr;  // it has those of rows that are not there
  if (counts) {
    counts_ = std::move(*counts);
    loaded(file, progress);
  } else if (counts.error().code == ErrorCode::kConflict) {
    // The same content under the same name: only its time is new.
    TRY(store_.metadata().put(known_key(file), identity(file)));
  } else {
    return counts.error();
  }
  return put_away(file);
}

void FileIngestion::count_letters() {
  Status counted = shelf_.load();
  if (counted) counted = shelf_.trim();
  if (counted) {
    counted = last_errors_.load(store_.metadata(), settings_.dataset);
  }
  if (!counted) {
    spdlog::warn("dataset {}: old dead letters stay: {}", settings_.dataset,
                 counted.error().message);
  }
}

void FileIngestion::loaded(const PlacedFile& file,
                           const LoadProgress& progress) {
  ++files_loaded_;
  spdlog::info("dataset {}: file {} is loaded, {} rows, {} rejected",
               settings_.dataset, file.name, progress.rows, progress.rejected);
  if (progress.rejected > 0) count_letters();
  std::function<void()> callback;
  {
    MutexLock lock(mutex_);
    progress_.rows += progress.rows;
    progress_.bytes += file.size;
    progress_.last_seal = now();
    callback = callback_;
  }
  publish(IngestionState::kRunning, "");
  if (callback) callback();
}

void FileIngestion::drop_old() {
  if (settings_.retention_ms < 0 || steady_now() < next_retention_) return;
  next_retention_ = steady_now() + kRetentionEvery;
  auto dropped = store_.drop_before(
      settings_.dataset, Timestamp{now().ms - settings_.retention_ms});
  if (!dropped) {
    spdlog::warn("dataset {}: old segments stay: {}", settings_.dataset,
                 dropped.error().message);
    return;
  }
  MutexLock lock(mutex_);
  progress_.dropped.segments += dropped->segments;
  progress_.dropped.rows += dropped->rows;
  progress_.dropped.bytes += dropped->bytes;
}

void FileIngestion::publish(IngestionState state, std::string error) {
  MutexLock lock(mutex_);
  if (progress_.state != state || progress_.error != error) {
    spdlog::log(error.empty() ? spdlog::level::info : spdlog::level::warn,
                "dataset {}: ingestion {}{}{}", settings_.dataset,
                state_name(state), error.empty() ? "" : ": ", error);
  }
  if (!error.empty() && progress_.error != error) {
    last_errors_.add({now(), state_name(state), error, {}});
  }
  progress_.state = state;
  progress_.error = std::move(error);
  progress_.rejected = counts_.rejected;
  progress_.filtered = counts_.filtered;
  progress_.duplicates = counts_.duplicates;
  progress_.replayed = counts_.replayed;
  auto watermark = counts_.watermark.find(kPartition);
  progress_.as_of =
      watermark == counts_.watermark.end() ? kMinTimestamp : watermark->second;
  progress_.past_start = state == IngestionState::kRunning && pending_ == 0;
  progress_.caught_up = progress_.past_start;
  progress_.dead_letters = shelf_.stock();
  PartitionProgress files;
  files.partition = kPartition;
  files.high = static_cast<int64_t>(files_loaded_ + pending_);
  files.next = static_cast<int64_t>(files_loaded_);
  files.committed = files.next;
  files.watermark = progress_.as_of;
  progress_.partitions = {files};
}

void FileIngestion::set_paused(bool paused) {
  MutexLock lock(mutex_);
  paused_ = paused;
  wake_.signal_all();
}

void FileIngestion::end() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    wake_.signal_all();
  }
  MutexLock lock(join_mutex_);
  if (thread_.joinable()) thread_.join();
}

}  // namespace

Result<std::unique_ptr<Ingestion>> start_file_ingestion(
    IngestionSettings settings, FileSettings files, SegmentStore& store) {
  auto ingestion = std::make_unique<FileIngestion>(std::move(settings),
                                                   std::move(files), store);
  TRY(ingestion->open());
  return std::unique_ptr<Ingestion>(std::move(ingestion));
}

}  // namespace freshet
