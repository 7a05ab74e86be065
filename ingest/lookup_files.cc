// start_lookup_files: one thread that reads a lookup's files when they change.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <filesystem>
#include <thread>

#include "ingest/file_records.h"
#include "ingest/lookup_feed.h"
#include "segments/mutex.h"

namespace freshet {
namespace {

constexpr size_t kRecords = 4096;

class LookupFiles final : public LookupFeed {
 public:
  LookupFiles(LookupSettings settings, FileSettings files, std::string known,
              LookupTarget& target)
      : settings_(std::move(settings)),
        files_(std::move(files)),
        known_(std::move(known)),
        target_(target) {}

  ~LookupFiles() override {
    {
      MutexLock lock(mutex_);
      stopping_ = true;
      wake_.signal_all();
    }
    if (thread_.joinable()) thread_.join();
  }
  Status open(std::string scratch);

  LookupFeedState state() const override {
    MutexLock lock(mutex_);
    return state_;
  }

 private:
  void run();
  void look();
  Status load(const std::vector<PlacedFile>& files, LookupChange& change);
  Status load_file(const PlacedFile& file, LookupChange& change,
                   uint64_t& bytes);
  Status read_records(OpenedFile& opened, const std::string& name,
                      LookupChange& change, uint64_t& bytes);
  void show(IngestionState state, std::string error);
  bool stopping() const {
    MutexLock lock(mutex_);
    return stopping_;
  }
  void set_whole(bool whole) {
    MutexLock lock(mutex_);
    state_.whole = whole;
  }

  const LookupSettings settings_;
  const FileSettings files_;

  // The thread's own.
  std::unique_ptr<FilePlace> place_;
  std::string known_;           // what the rows are from
  std::string seen_, refused_;  // by the last look; what is at fault
  std::string fault_;           // of `refused_`

  LookupTarget& target_;
  mutable Mutex mutex_;
  CondVar wake_;
  LookupFeedState state_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

Status LookupFiles::open(std::string scratch) {
  FilePlaceSettings place = files_.place;
  place.stopped = [this] { return stopping(); };
  TRY_ASSIGN(place_, FilePlace::open(std::move(place), std::move(scratch)));
  thread_ = std::thread([this] { run(); });
  return {};
}

void LookupFiles::run() {
  while (true) {
    look();
    target_.idle();
    MutexLock lock(mutex_);
    if (stopping_) return;
    wake_.wait_for(mutex_, absl::Milliseconds(files_.look_every_ms));
    if (stopping_) return;
  }
}

std::string signature(const std::vector<PlacedFile>& files) {
  std::string text;
  for (const PlacedFile& file : files) {
    text += fmt::format("{} {} {}\n", file.name, file.size, file.version);
  }
  return text;
}

void LookupFiles::look() {
  auto listed = place_->list();
  if (!listed) {
    show(IngestionState::kWaiting, listed.error().message);
    return;
  }
  if (listed->empty()) {
    show(IngestionState::kWaiting, "no file fits " + files_.place.path);
    return;
  }
  std::string found = signature(*listed);
  bool still = found == seen_;  // nothing is being written
  seen_ = found;
  set_whole(found == known_);
  if (found == known_) {
    show(IngestionState::kRunning, "");
    return;
  }
  if (found == refused_) {
    show(IngestionState::kFailed, fault_);
    return;
  }
  if (!still) return;
  LookupChange change;
  change.replaces = change.complete = true;
  change.files = found;
  Status done = load(*listed, change);
  if (done) done = target_.take(change);
  if (done) {
    spdlog::info("lookup {}: {} rows were read of {}", settings_.name,
                 change.entries.size(), files_.place.path);
    known_ = std::move(found);
    set_whole(true);
    show(IngestionState::kRunning, "");
    return;
  }
  ErrorCode code = done.error().code;
  if (code == ErrorCode::kCancelled) return;
  bool later = code == ErrorCode::kUnavailable || code == ErrorCode::kIo ||
               code == ErrorCode::kNotFound;
  spdlog::error("lookup {}: {}", settings_.name, done.error().message);
  if (!later) refused_ = std::move(found);  // it would be the same again
  fault_ = done.error().message;
  show(later ? IngestionState::kWaiting : IngestionState::kFailed, fault_);
}

Status LookupFiles::load(const std::vector<PlacedFile>& files,
                         LookupChange& change) {
  uint64_t bytes = 0;
  for (const PlacedFile& file : files) TRY(load_file(file, change, bytes));
  return {};
}

Status LookupFiles::load_file(const PlacedFile& file, LookupChange& change,
                              uint64_t& bytes) {
  TRY_ASSIGN(std::string path, place_->fetch(file));
  auto opened = open_event_file(path, settings_.decoder);
  Status done;
  if (opened) {
    done = read_records(*opened, file.name, change, bytes);
  } else {
    done = opened.error();
  }
  place_->release(path);
  MutexLock lock(mutex_);
  state_.bytes += file.size;
  return done;
}

Status LookupFiles::read_records(OpenedFile& opened, const std::string& name,
                                 LookupChange& change, uint64_t& bytes) {
  LookupDecoder decoder(settings_, std::move(opened.decoder));
  std::vector<std::string_view> records;
  std::vector<RawMessage> messages;
  std::vector<Rejection> rejections;
  while (true) {
    TRY(opened.records->next(records, kRecords));
    if (records.empty()) return {};
    messages.assign(records.size(), {});
    for (size_t i = 0; i < records.size(); ++i) {
      messages[i].value = records[i];
      messages[i].time = now();
    }
    TRY(decoder.prepare(messages));
    size_t before = change.entries.size();
    decoder.decode(messages, change.entries, rejections);
    if (!rejections.empty()) {
      const Rejection& first = rejections.front();
      return invalid(
          fmt::format("file {}, {} {}: {}", name, opened.records->place_name(),
                      opened.records->place(first.message) + 1, first.text));
    }
    for (size_t i = before; i < change.entries.size(); ++i) {
      const LookupEntry& entry = change.entries[i];
      bytes += entry.key.size() + (entry.row ? entry.row->size() : 0);
    }
    // More records than keys may come, as the last of a key counts.
    bool many = change.entries.size() > 2 * settings_.max_keys;
    if (many || bytes > settings_.max_bytes) {
      return Error{
          ErrorCode::kLimit,
          fmt::format("the files have more than {} of the lookup "
                      "allows: {}",
                      many ? "twice the max_keys" : "max_bytes",
                      many ? settings_.max_keys : settings_.max_bytes)};
    }
    MutexLock lock(mutex_);
    state_.messages += records.size();
    if (stopping_) return Error{ErrorCode::kCancelled, "the server stops"};
  }
}

void LookupFiles::show(IngestionState state, std::string error) {
  MutexLock lock(mutex_);
  state_.state = state;
  state_.error = std::move(error);
}

}  // namespace

Result<std::unique_ptr<LookupFeed>> start_lookup_files(LookupSettings settings,
                                                       FileSettings files,
                                                       std::string scratch,
                                                       std::string known,
                                                       LookupTarget& target) {
  std::error_code ignored;
  std::filesystem::remove_all(scratch, ignored);  // of a crash
  auto feed = std::make_unique<LookupFiles>(
      std::move(settings), std::move(files), std::move(known), target);
  TRY(feed->open(std::move(scratch)));
  return std::unique_ptr<LookupFeed>(std::move(feed));
}

}  // namespace freshet
