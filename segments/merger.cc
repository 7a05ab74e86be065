#include "segments/merger.h"

#include <absl/time/clock.h>

#include <algorithm>
#include <utility>

#include "segments/niceness.h"
#include "segments/time.h"

namespace freshet {
namespace {

constexpr auto kLookEvery = absl::Seconds(5);
constexpr auto kRest = absl::Seconds(30);  // of a dataset, from its disk
constexpr auto kApart = absl::Minutes(10);
constexpr int kNiceness = 10;  // of this thread

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

using Segments = std::map<std::string_view, const Segment*>;

Segments segments_of(const Timeline& timeline) {
  Segments segments;
  for (const auto& one : timeline.sealed) segments[one->id()] = one.get();
  return segments;
}

bool is_readable(const Segment& segment) {
  // A file that cannot be opened has no schema to show, but an error.
  return segment.column(kTimeColumn).has_value() && !segment.fault();
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
  set_niceness(kNiceness);
  while (!stopping()) {
    run_once();
    MutexLock lock(mutex_);
    if (!stopping_) wake_.wait_for(mutex_, kLookEvery);
  }
}

// Forgets what has been left alone for long enough.
bool Merger::has_news(const std::string& name, Dataset& dataset) const {
  absl::Time now = steady_now();
  if (now < dataset.rests_until) return false;
  size_t again = std::erase_if(
      dataset.apart, [&](const auto& one) { return one.second <= now; });
  if (dataset.rests_until != absl::InfinitePast()) ++again;
  dataset.rests_until = absl::InfinitePast();
  return again > 0 || store_.timeline(name)->version != dataset.seen_version;
}

uint32_t Merger::run_once() {
  Datasets datasets;
  {
    MutexLock lock(mutex_);
    for (auto& [name, dataset] : datasets_) {
      if (has_news(name, dataset)) datasets.emplace(name, dataset);
    }
  }
  uint32_t merges = 0;
  for (const auto& [name, dataset] : datasets) {
    if (stopping()) break;
    uint64_t version = store_.timeline(name)->version;
    uint32_t done = merge_dataset(name, dataset);
    merges += done;
    MutexLock lock(mutex_);
    auto entry = datasets_.find(name);
    if (entry != datasets_.end() && done == 0) {
      entry->second.seen_version = version;
    }
  }
  return merges;
}

uint32_t Merger::merge_dataset(const std::string& name,
                               const Dataset& dataset) {
  auto timeline = store_.timeline(name);
  auto candidates = candidates_of(store_, name, *timeline);
  if (!candidates) {
    report_(name, candidates.error());
    return 0;
  }
  Segments segments = segments_of(*timeline);
  auto schema_of = [&](const MergeCandidate& one) -> const Schema* {
    if (dataset.apart.contains(one.id)) return nullptr;
    const Segment& segment = *segments.at(one.id);
    return is_readable(segment) ? &segment.schema() : nullptr;
  };
  uint32_t merges = 0;
  const MergePolicy& policy = dataset.policy;
  for (const auto& set : plan_merges(*candidates, policy.target, schema_of)) {
    if (stopping()) break;
    auto merged = merge_one(name, policy, set);
    if (!merged) break;
    merges += *merged ? 1 : 0;
  }
  return merges;
}

Result<bool> Merger::merge_one(const std::string& dataset,
                               const MergePolicy& policy,
                               const std::vector<std::string>& segments) {
  absl::Time start = steady_now();
  Merge merge;
  merge.dataset = dataset;
  merge.segments = segments;
  merge.options = policy.options;
  merge.pace = [&](uint64_t bytes) {
    return pace(bytes, policy.bytes_per_second);
  };
  auto result = store_.merge(merge);
  if (result || result.error().code != ErrorCode::kCancelled) {
    report_(dataset, result);
  }
  if (!result) return failed(dataset, result.error(), segments);
  MutexLock lock(mutex_);
  auto entry = datasets_.find(dataset);
  if (entry == datasets_.end()) return true;
  MergeTotals& totals = entry->second.totals;
  ++totals.merges;
  totals.segments_read += result->segments_read;
  totals.rows += result->rows;
  totals.bytes_read += result->bytes_read;
  totals.bytes_written += result->bytes;
  totals.seconds += absl::ToDoubleSeconds(steady_now() - start);
  return true;
}

// A damaged segment is left alone from now on by its fault; where none of them
// has one, all are: nobody knows which it was.
Result<bool> Merger::failed(const std::string& dataset, const Error& error,
                            const std::vector<std::string>& segments) {
  auto timeline = store_.timeline(dataset);
  Segments known = segments_of(*timeline);
  bool fault_is_known = false;
  for (const std::string& id : segments) {
    auto segment = known.find(id);
    if (segment != known.end() && !is_readable(*segment->second)) {
      fault_is_known = true;
    }
  }
  MutexLock lock(mutex_);
  auto entry = datasets_.find(dataset);
  if (entry == datasets_.end()) return error;
  Dataset& state = entry->second;
  ++state.totals.failures;
  // Something else changed the segments meanwhile, or the merger stops.
  if (error.code == ErrorCode::kConflict) return false;
  if (error.code == ErrorCode::kCancelled) return error;
  if (fault_is_known) return false;
  if (error.code == ErrorCode::kIo) {
    state.rests_until = steady_now() + kRest;
    return error;
  }
  for (const std::string& id : segments) {
    state.apart[id] = steady_now() + kApart;
  }
  return false;
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
