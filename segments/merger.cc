#include "segments/merger.h"

#include <absl/time/clock.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "segments/time.h"

namespace freshet {
namespace {

constexpr auto kLookEvery = absl::Seconds(5);
constexpr auto kLookAfterFailure = absl::Seconds(30);
constexpr int kNiceness = 10;  // of this thread: Linux has it by thread

// What a merge of the dataset may take, in order of arrival.
Result<std::vector<MergeCandidate>> candidates_of(SegmentStore& store,
                                                  const std::string& dataset,
                                                  const Timeline& timeline) {
  TRY_ASSIGN(auto records, store.metadata().segments(dataset));
  std::map<std::string_view, const SegmentRecord*> by_id;
  for (const SegmentRecord& record : records) by_id[record.id] = &record;
  // What only unsealed rows have hidden stays in a merge.
  TRY_ASSIGN(auto hidden, store.metadata().hidden(dataset));
  std::vector<MergeCandidate> candidates;
  for (const auto& segment : timeline.sealed) {
    auto record = by_id.find(segment->id());
    if (record == by_id.end()) continue;  // gone since
    MergeCandidate one;
    one.id = segment->id();
    one.granule = record->second->granule;
    one.rollup = record->second->rollup;
    one.rows = segment->num_rows();
    auto rows = hidden.find(one.id);
    if (rows != hidden.end()) one.hidden = rows->second->cardinality();
    one.bytes = segment->size_bytes();
    candidates.push_back(std::move(one));
  }
  return candidates;
}

}  // namespace

Merger::Merger(SegmentStore& store, Report report)
    : store_(store), report_(std::move(report)) {}

Merger::~Merger() { stop(); }

void Merger::set_policy(const std::string& dataset, MergePolicy policy) {
  MutexLock lock(mutex_);
  Dataset& entry = datasets_[dataset];
  entry.policy = std::move(policy);
  entry.seen_version = 0;
  wake_.signal_all();
}

void Merger::remove_policy(std::string_view dataset) {
  MutexLock lock(mutex_);
  auto found = datasets_.find(dataset);
  if (found != datasets_.end()) datasets_.erase(found);
}

MergeTotals Merger::totals(std::string_view dataset) const {
  MutexLock lock(mutex_);
  auto found = datasets_.find(dataset);
  return found == datasets_.end() ? MergeTotals() : found->second.totals;
}

void Merger::start() {
  thread_ = std::thread([this] { run(); });
}

void Merger::stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    wake_.signal_all();
  }
  if (thread_.joinable()) thread_.join();
}

bool Merger::stopping() const {
  MutexLock lock(mutex_);
  return stopping_;
}

void Merger::run() {
  (void)::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kNiceness);
  while (!stopping()) {
    run_once();
    MutexLock lock(mutex_);
    if (!stopping_) wake_.wait_for(mutex_, kLookEvery);
  }
}

uint32_t Merger::run_once() {
  Datasets datasets;
  {
    MutexLock lock(mutex_);
    datasets = datasets_;
  }
  uint32_t merges = 0;
  for (const auto& [name, dataset] : datasets) {
    uint64_t version = store_.timeline(name)->version;
    if (version == dataset.seen_version || stopping()) continue;
    uint32_t done = merge_dataset(name, dataset.policy);
    merges += done;
    MutexLock lock(mutex_);
    auto entry = datasets_.find(name);
    if (entry != datasets_.end() && done == 0) {
      entry->second.seen_version = version;
    }
  }
  return merges;
}

uint32_t Merger::merge_dataset(const std::string& dataset,
                               const MergePolicy& policy) {
  auto candidates = candidates_of(store_, dataset, *store_.timeline(dataset));
  if (!candidates) {
    report_(dataset, candidates.error());
    return 0;
  }
  uint32_t merges = 0;
  for (auto& segments : plan_merges(*candidates, policy.target)) {
    if (stopping() || !merge_one(dataset, policy, std::move(segments))) break;
    ++merges;
  }
  return merges;
}

bool Merger::merge_one(const std::string& dataset, const MergePolicy& policy,
                       std::vector<std::string> segments) {
  absl::Time start = steady_now();
  Merge merge;
  merge.dataset = dataset;
  merge.segments = std::move(segments);
  merge.options = policy.options;
  merge.pace = [&](uint64_t bytes) {
    return pace(bytes, policy.bytes_per_second);
  };
  auto result = store_.merge(merge);
  if (result || result.error().code != ErrorCode::kCancelled) {
    report_(dataset, result);
  }
  MutexLock lock(mutex_);
  auto entry = datasets_.find(dataset);
  if (entry != datasets_.end()) {
    MergeTotals& totals = entry->second.totals;
    totals.failures += result ? 0 : 1;
    if (result) {
      ++totals.merges;
      totals.segments_read += result->segments_read;
      totals.rows += result->rows;
      totals.bytes_read += result->bytes_read;
      totals.bytes_written += result->bytes;
      totals.seconds += absl::ToDoubleSeconds(steady_now() - start);
    }
  }
  if (!result && result.error().code != ErrorCode::kConflict && !stopping_) {
    wake_.wait_for(mutex_, kLookAfterFailure);
  }
  return result.has_value();
}

// Waits until the bytes written so far, by whatever merge, are no more than the
// rate allows.
Status Merger::pace(uint64_t bytes, uint64_t bytes_per_second) {
  MutexLock lock(mutex_);
  while (!stopping_ && steady_now() < next_write_) {
    wake_.wait_for(mutex_, next_write_ - steady_now());
  }
  if (stopping_) return Error{ErrorCode::kCancelled, "the merger was stopped"};
  next_write_ = std::max(next_write_, steady_now()) +
                absl::Seconds(static_cast<double>(bytes) /
                              static_cast<double>(bytes_per_second));
  return {};
}

}  // namespace freshet
