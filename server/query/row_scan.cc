#include "server/query/row_scan.h"

#include <algorithm>
#include <limits>

#include "server/query/expression_type.h"

namespace freshet {
namespace {

// Rows kept beyond those wanted before sorting out the rest.
constexpr size_t kPruneSlack = 2 * kBlockRows;

std::vector<uint32_t> all_rows(size_t size) {
  std::vector<uint32_t> out(size);
  for (size_t i = 0; i < size; ++i) out[i] = static_cast<uint32_t>(i);
  return out;
}

}  // namespace

CollectedRows::CollectedRows(const QueryPlan& plan) {
  for (const auto& e : plan.output_expressions) {
    outputs_.push_back(make_vector(e->type, 0));
  }
  for (const auto& by : plan.order) {
    order_.push_back(make_vector(by.expression->type, 0));
  }
}

void CollectedRows::append(Vector& to, const Vector& from, size_t lane) {
  size_t at = to.size;
  to.resize(at + 1);
  to.set_from(at, from, lane);
  if (to.type.type == ValueType::kString && to.is_value(at)) {
    to.strings[at] = arena_->copy(to.strings[at]);
  }
}

Status CollectedRows::add(const QueryPlan& plan, BlockRows& rows) {
  for (size_t i = 0; i < outputs_.size(); ++i) {
    TRY_ASSIGN(VectorPtr value,
               rows.evaluate_checked(*plan.output_expressions[i]));
    for (size_t lane = 0; lane < rows.size(); ++lane) {
      append(*outputs_[i], *value, lane);
    }
  }
  for (size_t i = 0; i < order_.size(); ++i) {
    TRY_ASSIGN(VectorPtr value,
               rows.evaluate_checked(*plan.order[i].expression));
    for (size_t lane = 0; lane < rows.size(); ++lane) {
      append(*order_[i], *value, lane);
    }
  }
  size_ += rows.size();
  return {};
}

void CollectedRows::add(const CollectedRows& other,
                        const std::vector<uint32_t>& chosen) {
  for (uint32_t row : chosen) {
    for (size_t i = 0; i < outputs_.size(); ++i) {
      append(*outputs_[i], *other.outputs_[i], row);
    }
    for (size_t i = 0; i < order_.size(); ++i) {
      append(*order_[i], *other.order_[i], row);
    }
  }
  size_ += chosen.size();
}

ResultRows CollectedRows::view() const {
  ResultRows out;
  out.size = size_;
  out.outputs.assign(outputs_.begin(), outputs_.end());
  out.order.assign(order_.begin(), order_.end());
  return out;
}

uint64_t CollectedRows::memory_bytes() const {
  uint64_t bytes = arena_->memory_bytes();
  for (const auto& v : outputs_) bytes += v->memory_bytes();
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

bool RowScan::too_far(Interval times) const {
  int64_t horizon = horizon_.load(std::memory_order_relaxed);
  return plan_.order[0].descending ? times.end.ms - 1 < horizon
                                   : times.start.ms > horizon;
}

bool RowScan::enough() const {
  return wanted_ && plan_.order.empty() &&
         taken_.load(std::memory_order_relaxed) >= *wanted_;
}

Status RowScan::prune(CollectedRows& rows) const {
  if (!wanted_ || rows.size() <= *wanted_) return {};
  CollectedRows kept(plan_);
  TRY_ASSIGN(auto order, ordered_rows(plan_, rows.view(), wanted_, control_));
  kept.add(rows, order);
  rows = std::move(kept);
  return {};
}

Status RowScan::scan(const BlockRange& range) {
  const PreparedSegment& segment = *range.segment;
  BlockRows rows(*segment.context);
  CollectedRows collected(plan_);
  std::vector<uint16_t> positions;
  MemoryCharge charge(control_);
  uint64_t scanned = 0;
  for (uint32_t block = range.begin; block < range.end; ++block) {
    TRY(control_.check());
    if (status_.failed() || enough()) break;
    if (by_time_ && wanted_ && too_far(segment.segment->time_range())) break;
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
    TRY(collected.add(plan_, rows));
    if (plan_.order.empty()) {
      taken_.fetch_add(rows.size(), std::memory_order_relaxed);
    }
    if (wanted_ && collected.size() > *wanted_ + kPruneSlack) {
      TRY(prune(collected));
    }
    if (!wanted_) TRY(control_.check_rows(collected.size()));
    charge.set(collected.memory_bytes());
  }
  TRY(prune(collected));
  MutexLock lock(mutex_);
  return take(collected, scanned);
}

Status RowScan::take(const CollectedRows& rows, uint64_t scanned) {
  rows_scanned_ += scanned;
  rows_.add(rows, all_rows(rows.size()));
  TRY(prune(rows_));
  charge_.set(rows_.memory_bytes());
  if (!wanted_) TRY(control_.check_rows(rows_.size()));
  if (by_time_ && wanted_ && *wanted_ > 0 && rows_.size() == *wanted_) {
    // prune() orders only what it cuts: the horizon is the furthest kept.
    const auto& times = rows_.order_column().longs;
    auto [least, greatest] = std::minmax_element(times.begin(), times.end());
    horizon_.store(plan_.order[0].descending ? *least : *greatest,
                   std::memory_order_relaxed);
  }
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
  return status_.status();
}

}  // namespace freshet
