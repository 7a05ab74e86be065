#include "server/query/aggregate_scan.h"

namespace freshet {
namespace {

// A segment's partial is kept where it has this many times fewer groups than
// rows went into it: others are as dear to merge as to make.
constexpr uint64_t kRowsPerKeptGroup = 8;

}  // namespace

AggregateScan::AggregateScan(std::shared_ptr<const QueryPlan> plan,
                             QueryControl& control, PartialCache* cache)
    : plan_(std::move(plan)),
      control_(control),
      cache_(cache),
      charge_(control),
      total_(plan_) {}

Status AggregateScan::run(const std::vector<BlockRange>& ranges, ScanPool& pool,
                          uint64_t rows) {
  ranges_ = &ranges;
  {
    MutexLock lock(mutex_);
    waiting_.resize(ranges.size());
  }
  run_tasks(pool, ranges.size(), rows, [&](size_t i) {
    if (status_.failed()) return;
    if (ranges[i].segment->kept) return complete(i, nullptr);
    auto partial = std::make_unique<Partial>(*plan_, ranges[i], control_);
    auto done = partial->scan(stop_);
    if (done) return complete(i, std::move(partial));
    status_.fail(done.error());
    stop_.store(true, std::memory_order_relaxed);
  });
  return status_.status();
}

// Merges what is next in order; a task that finds another one merging leaves
// its partial to it.
void AggregateScan::complete(size_t index, std::unique_ptr<Partial> partial) {
  mutex_.lock();
  waiting_[index] = {true, std::move(partial)};
  if (!merging_) {
    merging_ = true;
    while (next_ < waiting_.size() && waiting_[next_].ready) {
      const size_t at = next_++;
      std::unique_ptr<Partial> ready = std::move(waiting_[at].partial);
      mutex_.unlock();
      Status merged;
      if (!status_.failed()) merged = merge(at, ready.get());
      ready.reset();
      if (!merged) {
        status_.fail(merged.error());
        stop_.store(true, std::memory_order_relaxed);
      }
      mutex_.lock();
    }
    merging_ = false;
  }
  mutex_.unlock();
}

Status AggregateScan::merge(size_t index, const Partial* partial) {
  const PreparedSegment& segment = *(*ranges_)[index].segment;
  if (partial == nullptr) {
    TRY(total_.merge(*segment.kept, control_));
  } else {
    rows_scanned_ += partial->rows_scanned();
    TRY(merge_apart(index, *partial));
  }
  charge_.set(total_.memory_bytes() + (apart_ ? apart_->memory_bytes() : 0));
  return control_.check();
}

Status AggregateScan::merge_apart(size_t index, const Partial& partial) {
  const PreparedSegment& segment = partial.segment();
  const bool first = index == 0 || (*ranges_)[index - 1].segment != &segment;
  const bool last =
      index + 1 == ranges_->size() || (*ranges_)[index + 1].segment != &segment;
  if (first && cache_ && !segment.cache_key.empty()) {
    uint64_t groups = partial.keys() ? partial.keys()->size() : 0;
    if (groups * kRowsPerKeptGroup <= partial.rows_scanned()) {
      apart_ = std::make_shared<MergedPartial>(plan_);
    }
  }
  TRY((apart_ ? *apart_ : total_).merge(partial, control_));
  return apart_ && last ? end_segment(segment) : Status();
}

Status AggregateScan::end_segment(const PreparedSegment& segment) {
  std::shared_ptr<MergedPartial> whole = std::move(apart_);
  apart_ = nullptr;
  TRY(total_.merge(*whole, control_));
  // What could not be read is not kept.
  TRY(segment.segment->status(segment.mark));
  uint64_t bytes = whole->memory_bytes();
  cache_->put(segment.cache_key, std::move(whole), bytes);
  return {};
}

Result<ResultRows> AggregateScan::finish(Arena& arena) {
  return total_.finish(control_, arena);
}

}  // namespace freshet
