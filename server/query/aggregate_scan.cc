#include "server/query/aggregate_scan.h"

namespace freshet {
namespace {

// A segment's partial is kept where it has this many times fewer groups than
// rows went into it: others are as dear to merge as to make.
constexpr uint64_t kRowsPerKeptGroup = 8;
// And so where its states take this many bytes for each of those rows (keys of
// levels, distinct values), but for small ones.
constexpr uint64_t kKeptBytesPerRow = 64;
constexpr uint64_t kSmallStates = 64 << 10;

}  // namespace

AggregateScan::AggregateScan(std::shared_ptr<const QueryPlan> plan,
                             QueryControl& control, PartialCache* cache,
                             std::unique_ptr<MergedPartial> total,
                             ValueSources* sources)
    : plan_(std::move(plan)),
      control_(control),
      cache_(cache),
      sources_(sources),
      charge_(control),
      total_(total ? std::move(total)
                   : std::make_unique<MergedPartial>(plan_)) {
  total_->use(sources_);
}

Status AggregateScan::run(const std::vector<BlockRange>& ranges, ScanPool& pool,
                          uint64_t rows) {
  ranges_ = &ranges;
  {
    MutexLock lock(mutex_);
    waiting_.resize(ranges.size());
  }
  run_tasks(pool, ranges.size(), rows, [&](size_t i) {
    if (status_.failed()) return;
    if (ranges[i].is_kept()) return complete(i, nullptr);
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
  const BlockRange& range = (*ranges_)[index];
  if (partial == nullptr) {
    TRY(merge_kept(range));
  } else {
    rows_scanned_ += partial->rows_scanned();
    TRY(merge_scanned(range, *partial));
  }
  const bool more = index + 1 < ranges_->size() &&
                    (*ranges_)[index + 1].segment == range.segment &&
                    (*ranges_)[index + 1].begin < range.segment->keep_end;
  if (apart_ && !more) TRY(end_apart(*range.segment));
  charge_.set(total_->memory_bytes() + (apart_ ? apart_->memory_bytes() : 0));
  return control_.check();
}

void AggregateScan::begin_apart() {
  apart_ = std::make_shared<MergedPartial>(plan_);
  apart_->use(sources_);
}

// Kept anew with what comes after it, or only used.
Status AggregateScan::merge_kept(const BlockRange& range) {
  const PreparedSegment& segment = *range.segment;
  if (cache_ && !segment.cache_key.empty()) {
    begin_apart();
    apart_rows_ = segment.kept.partial->rows_matched();
  }
  return (apart_ ? *apart_ : *total_).merge(*segment.kept.partial, control_);
}

Status AggregateScan::merge_scanned(const BlockRange& range,
                                    const Partial& partial) {
  const PreparedSegment& segment = *range.segment;
  const bool keeps = cache_ && !segment.cache_key.empty() && range.begin == 0;
  if (keeps && range.begin < segment.keep_end) {
    uint64_t groups = partial.keys() ? partial.keys()->size() : 0;
    if (groups * kRowsPerKeptGroup <= partial.rows_scanned()) {
      begin_apart();
      apart_rows_ = 0;
    }
  }
  apart_rows_ += partial.rows_matched();
  return (apart_ ? *apart_ : *total_).merge(partial, control_);
}

Status AggregateScan::end_apart(const PreparedSegment& segment) {
  std::shared_ptr<MergedPartial> part = std::move(apart_);
  apart_ = nullptr;
  TRY(total_->merge(*part, control_));
  // What could not be read is not kept.
  TRY(segment.segment->status(segment.mark));
  const uint64_t bytes = part->memory_bytes();
  if (bytes > kSmallStates + apart_rows_ * kKeptBytesPerRow) return {};
  part->use(nullptr);
  KeptPartial kept{std::move(part), segment.keep_end, nullptr};
  const Bitmap* hidden = segment.segment->hidden_rows();
  if (hidden && !segment.segment->sealed()) {
    kept.hidden = std::make_shared<const Bitmap>(hidden->clone());
  }
  cache_->put(segment.cache_key, std::move(kept), bytes);
  return {};
}

std::unique_ptr<MergedPartial> AggregateScan::take_total() {
  total_->use(nullptr);
  return std::move(total_);
}

Result<ResultRows> AggregateScan::finish(Arena& arena) {
  return total_->finish(control_, arena);
}

}  // namespace freshet
