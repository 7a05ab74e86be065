#include "server/query/row_scan.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "server/query/expression_type.h"
#include "server/query/free_later.h"

namespace freshet {
namespace {

// Rows kept beyond those wanted before sorting out the rest.
constexpr size_t kPruneSlack = 2 * kBlockRows;
// Of a task that reads outputs.
constexpr size_t kFetchedRows = 16'384, kFetchedStretches = 64;

std::vector<uint32_t> all_rows(size_t size) {
  std::vector<uint32_t> out(size);
  std::iota(out.begin(), out.end(), 0u);
  return out;
}

}  // namespace

FoundRows::FoundRows(const QueryPlan& plan) {
  for (const auto& by : plan.order) {
    order_.push_back(make_vector(by.expression->type, 0));
  }
}

Status FoundRows::add(const QueryPlan& plan, const PreparedSegment& segment,
                      BlockRows& rows) {
  const size_t before = size();
  for (size_t i = 0; i < order_.size(); ++i) {
    TRY_ASSIGN(VectorPtr value,
               rows.evaluate_checked(*plan.order[i].expression));
    order_[i]->resize(before + rows.size());
    for (size_t lane = 0; lane < rows.size(); ++lane) {
      copy_lane(*order_[i], before + lane, *value, lane, *arena_);
    }
  }
  for (size_t lane = 0; lane < rows.size(); ++lane) {
    places_.push_back({&segment, rows.block(), rows.position(lane)});
  }
  return {};
}

Status FoundRows::add(const FoundRows& other, std::span<const uint32_t> chosen,
                      const QueryControl& control) {
  const size_t before = size();
  auto each = [&](auto work) {
    return in_runs(chosen.size(), &control, [&](size_t begin, size_t count) {
      for (size_t row = begin; row < begin + count; ++row) work(row);
    });
  };
  for (size_t i = 0; i < order_.size(); ++i) {
    order_[i]->resize(before + chosen.size());
    TRY(each([&](size_t row) {
      copy_lane(*order_[i], before + row, *other.order_[i], chosen[row],
                *arena_);
    }));
  }
  return each(
      [&](size_t row) { places_.push_back(other.places_[chosen[row]]); });
}

uint64_t FoundRows::memory_bytes() const {
  uint64_t bytes = arena_->memory_bytes() + places_.memory_bytes();
  for (const auto& v : order_) bytes += v->memory_bytes();
  return bytes;
}

RowScan::RowScan(const QueryPlan& plan, QueryControl& control)
    : plan_(plan),
      control_(control),
      wanted_(plan.rows_wanted()),
      by_time_(!plan.order.empty() &&
               plan.order[0].expression->kind == Expression::Kind::kColumn &&
               plan.order[0].expression->name == kTimeColumn),
      horizon_(by_time_ && plan.order[0].descending
                   ? std::numeric_limits<int64_t>::min()
                   : std::numeric_limits<int64_t>::max()),
      rows_(plan),
      charge_(control) {}

RowScan::~RowScan() { free_later(memory_bytes(), rows_, outputs_, arenas_); }

bool RowScan::too_far(Interval times) const {
  int64_t horizon = horizon_.load(std::memory_order_relaxed);
  return plan_.order[0].descending ? times.end.ms - 1 < horizon
                                   : times.start.ms > horizon;
}

bool RowScan::enough() const {
  return wanted_ && plan_.order.empty() &&
         taken_.load(std::memory_order_relaxed) >= *wanted_;
}

// What is kept stays in the order of its places.
Status RowScan::prune(FoundRows& rows) const {
  if (!wanted_ || rows.size() <= *wanted_) return {};
  ResultRows view;
  view.size = rows.size();
  view.order.assign(rows.order().begin(), rows.order().end());
  TRY_ASSIGN(auto chosen, first_rows(plan_, view, *wanted_, control_));
  FoundRows kept(plan_);
  TRY(kept.add(rows, chosen, control_));
  rows = std::move(kept);
  return {};
}

// No row beyond the furthest of `wanted_` rows is needed.
void RowScan::move_horizon(const FoundRows& rows) {
  if (!by_time_ || !wanted_ || *wanted_ == 0 || rows.size() < *wanted_) return;
  const auto& times = rows.order()[0]->longs;
  auto [least, greatest] = std::minmax_element(times.begin(), times.end());
  const bool descending = plan_.order[0].descending;
  const int64_t furthest = descending ? *least : *greatest;
  int64_t before = horizon_.load(std::memory_order_relaxed);
  while (descending ? before < furthest : before > furthest) {
    if (horizon_.compare_exchange_weak(before, furthest,
                                       std::memory_order_relaxed)) {
      return;
    }
  }
}

// Whether no row of the block can be among the first wanted.
bool RowScan::too_far(const Column& times, uint32_t block) const {
  auto zone = times.zone_map(block);
  if (!zone || zone->min_long > zone->max_long) return false;
  return too_far({Timestamp{zone->min_long}, Timestamp{zone->max_long + 1}});
}

Status RowScan::scan(const BlockRange& range) {
  const PreparedSegment& segment = *range.segment;
  const Column* times = nullptr;
  if (by_time_ && wanted_) {
    times = segment.context->native(*plan_.order[0].expression);
  }
  // Newest first where they are wanted first: what is far is then not read.
  const bool backwards = times && plan_.order[0].descending;
  const size_t slack =
      std::max<size_t>(by_time_ ? 0 : kPruneSlack, wanted_.value_or(0));
  BlockRows rows(*segment.context);
  FoundRows found(plan_);
  std::vector<uint16_t> positions;
  MemoryCharge charge(control_);
  uint64_t scanned = 0;
  for (uint32_t i = range.begin; i < range.end; ++i) {
    const uint32_t block = backwards ? range.end - 1 - (i - range.begin) : i;
    TRY(control_.check());
    if (status_.failed() || enough()) break;
    if (times && too_far(segment.segment->time_range())) break;
    if (times && too_far(*times, block)) continue;
    TRY_ASSIGN(bool some,
               segment.filter.select(block, rows, positions, scanned));
    if (!some) continue;
    if (wanted_ && plan_.order.empty() && rows.size() > *wanted_) {
      positions.resize(rows.size());
      if (rows.size() == segment.segment->block_rows(block)) {
        for (size_t i = 0; i < positions.size(); ++i) {
          positions[i] = static_cast<uint16_t>(i);
        }
      }
      positions.resize(*wanted_);
      rows.reset(block, positions, false);
    }
    TRY(found.add(plan_, segment, rows));
    if (plan_.order.empty()) {
      taken_.fetch_add(rows.size(), std::memory_order_relaxed);
    }
    if (wanted_ && found.size() > *wanted_ + slack) {
      TRY(prune(found));
      move_horizon(found);
    }
    if (!wanted_) TRY(control_.check_rows(found.size()));
    charge.set(found.memory_bytes());
  }
  TRY(prune(found));
  MutexLock lock(mutex_);
  return take(found, scanned);
}

Status RowScan::take(const FoundRows& rows, uint64_t scanned) {
  rows_scanned_ += scanned;
  TRY(rows_.add(rows, all_rows(rows.size()), control_));
  if (by_time_ || (wanted_ && rows_.size() / 2 > *wanted_)) TRY(prune(rows_));
  charge_.set(rows_.memory_bytes());
  if (!wanted_) TRY(control_.check_rows(rows_.size()));
  move_horizon(rows_);
  return control_.check();
}

Status RowScan::run(std::vector<BlockRange> ranges, ScanPool& pool,
                    uint64_t rows) {
  if (by_time_) {
    bool descending = plan_.order[0].descending;
    auto before = [&](const BlockRange& a, const BlockRange& b) {
      Interval x = a.segment->segment->time_range();
      Interval y = b.segment->segment->time_range();
      if (descending && x.end != y.end) return y.end < x.end;
      if (!descending && x.start != y.start) return x.start < y.start;
      return std::pair(a.segment->order, a.begin) <
             std::pair(b.segment->order, b.begin);
    };
    std::sort(ranges.begin(), ranges.end(), before);
  }
  run_tasks(pool, ranges.size(), rows, [&](size_t i) {
    if (status_.failed()) return;
    auto done = scan(ranges[i]);
    if (!done) status_.fail(done.error());
  });
  TRY(status_.status());
  TRY(prune(rows_));
  return fetch(pool);
}

// The outputs of rows_, block by block.
Status RowScan::fetch(ScanPool& pool) {
  const auto& places = rows_.places();
  for (const auto& e : plan_.output_expressions) {
    TRY_ASSIGN(auto output, make_vector(e->type, places.size(), control_));
    outputs_.push_back(std::move(output));
    outputs_.back()->need_states();  // tasks only write lanes
    charge_.set(memory_bytes());
  }
  std::vector<Stretch> stretches;
  std::vector<size_t> tasks;  // first stretch of each
  size_t task_begin = 0;
  auto add_place = [&](size_t i) {
    bool same = i > 0 && places[i].segment == places[i - 1].segment &&
                places[i].block == places[i - 1].block &&
                places[i].position > places[i - 1].position;
    if (same) {
      stretches.back().end = i + 1;
      return;
    }
    if (tasks.empty() || i - task_begin >= kFetchedRows ||
        stretches.size() - tasks.back() >= kFetchedStretches) {
      tasks.push_back(stretches.size());
      task_begin = i;
    }
    stretches.push_back({i, i + 1});
  };
  TRY(in_runs(places.size(), &control_, [&](size_t begin, size_t count) {
    for (size_t i = begin; i < begin + count; ++i) add_place(i);
  }));
  tasks.push_back(stretches.size());
  const size_t count = tasks.size() - 1;
  arenas_.resize(count);
  run_tasks(pool, count, places.size(), [&](size_t i) {
    if (status_.failed()) return;
    auto done =
        fetch(std::span(stretches).subspan(tasks[i], tasks[i + 1] - tasks[i]),
              arenas_[i]);
    if (!done) status_.fail(done.error());
  });
  charge_.set(memory_bytes());
  return status_.status();
}

uint64_t RowScan::memory_bytes() const {
  uint64_t bytes = rows_.memory_bytes();
  for (const auto& v : outputs_) bytes += v->memory_bytes();
  for (const Arena& arena : arenas_) bytes += arena.memory_bytes();
  return bytes;
}

Status RowScan::fetch(std::span<const Stretch> stretches, Arena& arena) {
  const auto& places = rows_.places();
  const PreparedSegment* segment = nullptr;
  std::optional<BlockRows> rows;
  std::vector<uint16_t> positions;
  MemoryCharge charge(control_);
  for (const Stretch& stretch : stretches) {
    TRY(control_.check());
    const FoundRows::Place& first = places[stretch.begin];
    if (first.segment != segment) {
      segment = first.segment;
      rows.emplace(*segment->context);
    }
    positions.clear();
    for (size_t i = stretch.begin; i < stretch.end; ++i) {
      positions.push_back(places[i].position);
    }
    rows->reset(first.block, positions,
                positions.size() == segment->segment->block_rows(first.block));
    for (size_t column = 0; column < outputs_.size(); ++column) {
      TRY_ASSIGN(VectorPtr value,
                 rows->evaluate_checked(*plan_.output_expressions[column]));
      for (size_t lane = 0; lane < positions.size(); ++lane) {
        copy_lane(*outputs_[column], stretch.begin + lane, *value, lane, arena);
      }
    }
    charge.set(arena.memory_bytes());
  }
  return control_.check();
}

ResultRows RowScan::finish() const {
  ResultRows out;
  out.size = rows_.size();
  out.outputs.assign(outputs_.begin(), outputs_.end());
  out.order.assign(rows_.order().begin(), rows_.order().end());
  return out;
}

}  // namespace freshet
