#include "segments/scrubber.h"

#include <absl/time/clock.h>

#include <algorithm>
#include <utility>

#include "segments/file_scrub.h"
#include "segments/niceness.h"
#include "segments/time.h"

namespace freshet {
namespace {

constexpr int kNiceness = 15;  // of this thread
// Files that were bad are read again this often.
constexpr auto kBadEvery = absl::Seconds(10);

std::shared_ptr<const Segment> find(const Timeline& timeline,
                                    const std::string& id) {
  for (const auto& segment : timeline.sealed) {
    if (segment->id() == id) return segment;
  }
  return nullptr;
}

}  // namespace

Scrubber::Scrubber(SegmentStore& store, ScrubSettings settings, Report report)
    : store_(store), settings_(settings), report_(std::move(report)) {}

Scrubber::~Scrubber() { stop(); }

void Scrubber::start() {
  if (settings_.bytes_per_second == 0) return;
  thread_ = std::thread([this] { run(); });
}

void Scrubber::stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    wake_.signal_all();
  }
  if (thread_.joinable()) thread_.join();
}

bool Scrubber::stopping() const {
  MutexLock lock(mutex_);
  return stopping_;
}

std::vector<std::string> Scrubber::damaged() const {
  MutexLock lock(mutex_);
  std::vector<std::string> messages;
  for (const auto& [id, message] : bad_) messages.push_back(message);
  return messages;
}

ScrubTotals Scrubber::totals() const {
  MutexLock lock(mutex_);
  return totals_;
}

// A start has enough to do: the first pass begins after the first pause.
void Scrubber::run() {
  set_niceness(kNiceness);
  absl::Time next_pass = steady_now() + settings_.every;
  while (!stopping()) {
    bool any_bad = false;
    {
      MutexLock lock(mutex_);
      any_bad = !bad_.empty();
      absl::Duration left = next_pass - steady_now();
      if (any_bad) left = std::min(left, kBadEvery);
      if (left > absl::ZeroDuration()) wake_.wait_for(mutex_, left);
      if (stopping_) return;
    }
    if (steady_now() >= next_pass) {
      next_pass = steady_now() + settings_.every;
      run_once();
    } else if (any_bad) {
      scrub_all(true);
    }
  }
}

void Scrubber::run_once() {
  scrub_all(false);
  MutexLock lock(mutex_);
  ++totals_.passes;
}

void Scrubber::scrub_all(bool only_bad) {
  auto datasets = datasets_of(store_.metadata());
  if (!datasets) return;                    // the next pass tries again
  std::map<std::string, std::string> gone;  // bad ones that are no more
  {
    MutexLock lock(mutex_);
    gone = bad_;
  }
  const std::map<std::string, std::string> bad = gone;
  for (const std::string& dataset : *datasets) {
    auto records = store_.metadata().segments(dataset);
    if (!records) return;
    for (const SegmentRecord& record : *records) {
      if (stopping()) return;
      gone.erase(record.id);
      if (only_bad && !bad.contains(record.id)) continue;
      scrub(record, store_.data_folder() + "/segments/" + record.file);
    }
  }
  MutexLock lock(mutex_);
  for (const auto& [id, message] : gone) bad_.erase(id);
}

void Scrubber::scrub(const SegmentRecord& record, const std::string& path) {
  Status status = scrub_file(path, record.content_hash,
                             [this](uint64_t bytes) { return pace(bytes); });
  if (!status && status.error().code == ErrorCode::kCancelled) return;
  std::string dataset = record.file.substr(0, record.file.find('/'));
  auto timeline = store_.timeline(dataset);
  auto segment = find(*timeline, record.id);
  if (!status) {
    // Merged away or past retention since its record was read.
    bool listed = segment || std::ranges::any_of(
                                 timeline->missing, [&](const auto& missing) {
                                   return missing.id == record.id;
                                 });
    if (!listed) return;
    if (segment) segment->verify_again();
  }
  note(record, status);
}

void Scrubber::note(const SegmentRecord& record, const Status& status) {
  bool is_new = false;
  {
    MutexLock lock(mutex_);
    ++totals_.files;
    totals_.bytes += record.bytes;
    if (status) {
      bad_.erase(record.id);
    } else {
      is_new = bad_.insert_or_assign(record.id, status.error().message).second;
    }
  }
  if (is_new && report_) report_(status.error());
}

// Waits until the bytes read so far are no more than the rate allows.
Status Scrubber::pace(uint64_t bytes) {
  MutexLock lock(mutex_);
  while (!stopping_ && steady_now() < next_read_) {
    wake_.wait_for(mutex_, next_read_ - steady_now());
  }
  if (stopping_) return Error{ErrorCode::kCancelled, "the scrub was stopped"};
  if (settings_.bytes_per_second > 0) {
    next_read_ = std::max(next_read_, steady_now()) +
                 absl::Seconds(static_cast<double>(bytes) /
                               static_cast<double>(settings_.bytes_per_second));
  }
  return {};
}

}  // namespace freshet
