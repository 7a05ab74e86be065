#include "server/query/segment_work.h"

#include <algorithm>

#include "server/query/merged_partial.h"

namespace freshet {
namespace {

// Below this many rows a query is done before another thread wakes up.
constexpr uint64_t kRowsOnCaller = 4 * kBlockRows;

// Blocks of a task, at least: merging a task's groups costs time too.
constexpr uint64_t kMinTaskBlocks = 32;

// What is kept of a live segment is made anew, by merging it with what came
// since, when that is a row for so many bytes of states: then merging takes
// about as long as reading those rows at each query would.
constexpr uint64_t kStateBytesPerNewRow = 32;

uint64_t rows_of(const std::vector<PreparedSegment>& segments) {
  uint64_t rows = 0;
  for (const auto& s : segments) rows += s.rows_left();
  return rows;
}

// Conditions over one dictionary are left to SegmentFilter, which needs their
// value once for each of its ids.
RowExpressions row_expressions(const QueryPlan& plan) {
  RowExpressions out;
  for (const auto& condition : plan.filter.rest) {
    collect_columns(*condition, out.columns);
    if (!only_string_column(*condition)) out.evaluated.push_back(condition);
  }
  for (const auto& e : plan.row_expressions()) {
    collect_columns(*e, out.columns);
    out.evaluated.push_back(e);
  }
  out.grouped = plan.groups;
  for (const Aggregate& aggregate : plan.aggregates) {
    out.grouped.insert(out.grouped.end(), aggregate.keys.begin(),
                       aggregate.keys.end());
  }
  return out;
}

Status prepare(RowExpressions expressions, const QueryPlan& plan,
               QueryControl& control, PreparedSegment& out) {
  TRY_ASSIGN(out.cube,
             choose_cube(plan, *out.segment,
                         plan.query.why_not ? &out.why_not : nullptr));
  TRY_ASSIGN(const Rollup* rollup, out.segment->rollup());
  if (rollup && !out.cube) {
    TRY_ASSIGN(out.cube, use_rollup(plan, *out.segment, *rollup));
  }
  if (out.cube) {
    // The table lives as long as the segment that has it.
    if (!out.cube->rollup) out.segment = {out.segment, out.cube->table.get()};
    for (const ExpressionPtr& state : out.cube->expressions()) {
      collect_columns(*state, expressions.columns);
      expressions.evaluated.push_back(state);
    }
  }
  const Filter& filter = out.cube ? out.cube->filter : plan.filter;
  TRY_ASSIGN(out.context,
             SegmentContext::create(out.segment, expressions, control));
  TRY_ASSIGN(out.filter, SegmentFilter::create(filter, *out.context));
  return {};
}

// The blocks that no later row changes.
uint32_t lasting_blocks(const Segment& segment) {
  if (segment.sealed()) return segment.num_blocks();
  return segment.num_rows() / kBlockRows;
}

bool worth_keeping(const PreparedSegment& s, uint32_t blocks) {
  if (!s.kept.partial) return blocks > 0;
  const uint64_t rows = uint64_t{blocks - s.kept.blocks} * kBlockRows;
  return rows > 0 &&
         rows >= s.kept.partial->memory_bytes() / kStateBytesPerNewRow;
}

void look_up(const QueryPlan& plan, PartialCache& cache,
             std::vector<PreparedSegment>& segments) {
  // The reasons against cubes are found while a segment is prepared.
  if (plan.query.why_not) return;
  const std::string shape = partial_shape(plan);
  if (shape.empty()) return;
  for (PreparedSegment& s : segments) {
    std::string key = partial_key(shape, plan, *s.segment);
    if (key.empty()) continue;
    if (plan.query.use_cache) s.kept = cache.find(key, *s.segment);
    const uint32_t lasting = lasting_blocks(*s.segment);
    if (!plan.query.populate_cache || !worth_keeping(s, lasting)) continue;
    s.cache_key = std::move(key);
    s.keep_end = lasting;
  }
}

}  // namespace

void TaskStatus::fail(Error error) {
  MutexLock lock(mutex_);
  if (!error_) error_ = std::move(error);
  failed_.store(true, std::memory_order_relaxed);
}

Status TaskStatus::status() const {
  MutexLock lock(mutex_);
  if (error_) return *error_;
  return {};
}

void run_tasks(ScanPool& pool, size_t tasks, uint64_t rows,
               const std::function<void(size_t)>& task) {
  if (rows > kRowsOnCaller) return pool.run(tasks, task);
  for (size_t i = 0; i < tasks; ++i) task(i);
}

Result<std::vector<PreparedSegment>> prepare_segments(
    const QueryPlan& plan, const Timeline& timeline, QueryControl& control,
    ScanPool& pool, PartialCache* cache,
    const std::function<void(std::vector<PreparedSegment>&)>& met) {
  const Interval interval = plan.filter.interval;
  std::vector<PreparedSegment> all;
  if (plan.filter.never || interval.empty()) return all;
  for (const auto& missing : timeline.missing) {
    if (missing.time_range.overlaps(interval)) return missing.error;
  }
  auto add = [&](std::shared_ptr<const Segment> segment) {
    if (segment->num_rows() == 0) return;
    if (!segment->time_range().overlaps(interval)) return;
    PreparedSegment prepared;
    prepared.source = segment;
    prepared.source_key = segment_key(*segment);
    prepared.segment = std::move(segment);
    prepared.mark = prepared.segment->mark();
    prepared.order = static_cast<uint32_t>(all.size());
    all.push_back(std::move(prepared));
  };
  for (const auto& segment : timeline.sealed) add(segment);
  for (const auto& live : timeline.live) add(live->snapshot());
  if (cache) look_up(plan, *cache, all);
  if (met) met(all);

  const RowExpressions expressions = row_expressions(plan);
  TaskStatus status;
  run_tasks(pool, all.size(), rows_of(all), [&](size_t i) {
    if (status.failed() || all[i].done()) return;
    auto checked = control.check();
    auto done = checked ? prepare(expressions, plan, control, all[i]) : checked;
    if (!done) status.fail(done.error());
  });
  TRY(status.status());
  for (const auto& s : all) {
    if (!s.done() && s.filter.never_by_index()) TRY(s.segment->status(s.mark));
  }
  std::erase_if(all,
                [](const auto& s) { return !s.done() && s.filter.never(); });
  return all;
}

std::vector<BlockRange> split_blocks(
    const std::vector<PreparedSegment>& segments, int threads) {
  uint64_t blocks = 0;
  for (const auto& s : segments) blocks += s.done() ? 0 : s.blocks_left();
  uint64_t most = blocks;
  if (threads > 1) {
    most =
        std::max(kMinTaskBlocks, blocks / (static_cast<uint64_t>(threads) * 3));
  }
  std::vector<BlockRange> out;
  for (const auto& s : segments) {
    if (s.kept.partial) out.push_back({&s, 0, 0});
    if (s.done()) continue;
    const uint32_t end = s.segment->num_blocks();
    for (uint64_t begin = s.first_block(); begin < end;) {
      uint64_t next = std::min<uint64_t>(end, begin + most);
      if (begin < s.keep_end) next = std::min<uint64_t>(next, s.keep_end);
      out.push_back(
          {&s, static_cast<uint32_t>(begin), static_cast<uint32_t>(next)});
      begin = next;
    }
  }
  return out;
}

}  // namespace freshet
