#include "server/query/runner.h"

#include <fmt/format.h>

#include <algorithm>

#include "server/json/json_value.h"
#include "server/query/aggregate_scan.h"
#include "server/query/explanation.h"
#include "server/query/result_cache.h"
#include "server/query/row_scan.h"
#include "server/query/running_total.h"
#include "server/query/shared_values.h"
#include "server/query/value_sources.h"

namespace freshet {
namespace {

// Of a query whose files change each time while it reads them.
constexpr int kMaxRuns = 5;

// What `read` gives, which is done again where a file was changed meanwhile:
// what is there by then was verified.
template <class Read>
auto until_unchanged(Read read) -> decltype(read()) {
  for (int runs = 1;; ++runs) {
    auto result = read();
    if (result || result.error().code != ErrorCode::kConflict) return result;
    if (runs == kMaxRuns) {
      return Error{ErrorCode::kIo, result.error().message};
    }
  }
}

class SegmentRunner final : public Runner {
 public:
  SegmentRunner(const DatasetCatalog& catalog, int scan_threads,
                PartialCache* cache)
      : catalog_(catalog),
        threads_(scan_threads),
        cache_(cache),
        results_(cache ? cache->max_bytes() / kResultShare : 0),
        totals_(cache ? cache->max_bytes() : 0),
        shared_values_(cache ? cache->max_bytes() : 0),
        pool_(scan_threads) {}

  Result<QueryResult> run(const Query& query, CancelFlag cancel) override;
  Result<QueryResult> run_on(const Query& query, const DatasetSnapshot& data,
                             CancelFlag cancel) override;
  const DatasetCatalog& catalog() const override { return catalog_; }
  Result<QueryExplanation> explain(const Query& query,
                                   const DatasetSnapshot& data,
                                   CancelFlag cancel) override;

 private:
  Result<QueryResult> run_once(const Query& query, const DatasetSnapshot& data,
                               QueryControl& control);
  // `running`: where the total is taken from and left.
  Result<QueryResult> scan(const std::shared_ptr<const QueryPlan>& plan,
                           const std::vector<PreparedSegment>& segments,
                           const DatasetSnapshot& data, QueryControl& control,
                           RunningTotal& running, ValueSources* sources,
                           uint64_t& state_bytes);
  // `state_bytes`: of what the answer is made from.
  Result<QueryResult> read(const std::shared_ptr<const QueryPlan>& plan,
                           const DatasetSnapshot& data, QueryControl& control,
                           uint64_t& state_bytes);

  const DatasetCatalog& catalog_;
  const int threads_;
  // Of the bytes for what is kept of segments, so many more for whole answers.
  static constexpr uint64_t kResultShare = 8;

  PartialCache* const cache_;
  ResultCache results_;
  RunningTotals totals_;
  SharedValues shared_values_;
  ServerMemory memory_{0};
  ScanPool pool_;
};

Provenance provenance_of(const DatasetSnapshot& data) {
  Provenance out;
  out.as_of = data.as_of;
  out.lag_ms = data.lag_ms;
  out.complete = data.complete;
  out.offsets = data.offsets;
  out.late_or_rejected = data.late_or_rejected;
  return out;
}

bool counts_distinct(const QueryPlan& plan) {
  return std::any_of(plan.aggregates.begin(), plan.aggregates.end(),
                     [](const Aggregate& a) {
                       return a.function == Aggregate::Function::kCountDistinct;
                     });
}

void add_once(std::vector<std::string>& list, const std::string& text) {
  if (std::find(list.begin(), list.end(), text) == list.end()) {
    list.push_back(text);
  }
}

void add_segments(const std::vector<PreparedSegment>& segments,
                  Provenance& out) {
  bool sealed = false, live = false;
  for (const auto& s : segments) {
    for (const std::string& reason : s.why_not) add_once(out.why_not, reason);
    const bool kept = s.kept.partial || s.merged_rows > 0;
    if (kept) add_once(out.served_by, "cache");
    if (kept && s.segment->sealed()) continue;
    if (s.cube && !s.cube->rollup) {
      add_once(out.served_by, "cube " + s.cube->name);
      continue;
    }
    (s.segment->sealed() ? sealed : live) = true;
  }
  if (sealed) out.served_by.push_back("segments");
  if (live) out.served_by.push_back("live");
  out.segments = static_cast<uint32_t>(segments.size());
}

// An earlier answer over the same rows, of the data as it is now.
QueryResult told_again(const QueryResult& kept, const DatasetSnapshot& data) {
  QueryResult out = kept;
  out.provenance = provenance_of(data);
  out.provenance.exact = kept.provenance.exact;
  out.provenance.segments = kept.provenance.segments;
  out.provenance.rows_matched = kept.provenance.rows_matched;
  out.provenance.served_by = {"cache"};
  return out;
}

Result<QueryResult> SegmentRunner::run(const Query& query, CancelFlag cancel) {
  auto data = catalog_.snapshot(query.dataset);
  if (!data) {
    std::string nearest = nearest_name(query.dataset, catalog_.names());
    std::string hint =
        nearest.empty() ? "" : fmt::format(" (did you mean '{}'?)", nearest);
    return Error{ErrorCode::kNotFound,
                 fmt::format("unknown dataset{}: {}", hint, query.dataset)};
  }
  return run_on(query, *data, std::move(cancel));
}

Result<QueryResult> SegmentRunner::run_on(const Query& query,
                                          const DatasetSnapshot& data,
                                          CancelFlag cancel) {
  QueryControl control(query.limits, std::move(cancel), &memory_);
  return until_unchanged([&] { return run_once(query, data, control); });
}

Result<QueryResult> SegmentRunner::run_once(const Query& query,
                                            const DatasetSnapshot& data,
                                            QueryControl& control) {
  TRY(control.check());
  TRY_ASSIGN(QueryPlan made, QueryPlan::create(query, *data.schema));
  if (data.rollup) TRY(check_rollup(made, *data.rollup, *data.schema));
  // Shared, since partials that are kept point into it.
  const auto plan = std::make_shared<const QueryPlan>(std::move(made));
  const ResultKey key =
      cache_ ? result_key(*plan, *data.timeline) : ResultKey();
  QueryResult result;
  std::shared_ptr<const QueryResult> kept;
  if (!key.text.empty() && query.use_cache) kept = results_.find(key.text);
  if (kept) {
    result = told_again(*kept, data);
  } else {
    uint64_t state_bytes = 0;
    TRY_ASSIGN(result, read(plan, data, control, state_bytes));
    if (!key.text.empty() && query.populate_cache) {
      results_.put(key, result, state_bytes);
    }
  }
  result.provenance.elapsed_ms = control.elapsed_ms();
  return result;
}

Result<QueryResult> SegmentRunner::read(
    const std::shared_ptr<const QueryPlan>& shared, const DatasetSnapshot& data,
    QueryControl& control, uint64_t& state_bytes) {
  const QueryPlan& plan = *shared;
  RunningTotal running;
  auto met = [&](std::vector<PreparedSegment>& all) {
    if (cache_ && keeps_running_total(plan)) running = totals_.take(plan, all);
  };
  TRY_ASSIGN(auto segments, prepare_segments(plan, *data.timeline, control,
                                             pool_, cache_, met));
  std::optional<ValueSources> sources;
  if (cache_ && plan.query.use_cache && counts_distinct(plan)) {
    sources.emplace(shared_values_, segments, control);
  }
  auto result = scan(shared, segments, data, control, running,
                     sources ? &*sources : nullptr, state_bytes);
  // Nothing is read after this; what could not be read is no answer, nor is
  // what was read of a file that changed, or an error that came of it. What was
  // kept was right. All are asked, so that one more run finds all verified.
  Status first;
  for (const auto& s : segments) {
    if (s.done() && !(sources && sources->has_read(s))) continue;
    Status status = s.segment->status(s.mark);
    if (status) continue;
    if (status.error().code != ErrorCode::kConflict) return status.error();
    TRY(control.check());
    if (first) first = std::move(status);
  }
  TRY(first);
  if (result && running.total) totals_.put(segments, std::move(running));
  return result;
}

Result<QueryResult> SegmentRunner::scan(
    const std::shared_ptr<const QueryPlan>& shared,
    const std::vector<PreparedSegment>& segments, const DatasetSnapshot& data,
    QueryControl& control, RunningTotal& running, ValueSources* sources,
    uint64_t& state_bytes) {
  const QueryPlan& plan = *shared;
  auto ranges = split_blocks(segments, threads_);
  uint64_t rows = 0;
  for (const auto& s : segments) rows += s.rows_left();

  QueryResult result;
  result.columns = plan.outputs;
  result.provenance = provenance_of(data);
  add_segments(segments, result.provenance);
  for (const Aggregate& a : plan.aggregates) {
    if (a.approximate()) result.provenance.exact = false;
  }
  if (plan.query.kind == Query::Kind::kAggregate) {
    AggregateScan scan(shared, control, cache_, std::move(running.total),
                       sources);
    TRY(scan.run(ranges, pool_, rows));
    result.provenance.rows_scanned = scan.rows_scanned();
    result.provenance.rows_matched = scan.rows_matched();
    state_bytes = scan.state_bytes();
    Arena arena(control);
    TRY_ASSIGN(ResultRows found, scan.finish(arena));
    TRY(finish_rows(plan, found, control, result));
    running.total = scan.take_total();
  } else {
    RowScan scan(plan, control);
    TRY(scan.run(std::move(ranges), pool_, rows));
    result.provenance.rows_scanned = scan.rows_scanned();
    result.provenance.rows_matched = scan.rows_scanned();
    TRY(finish_rows(plan, scan.finish(), control, result));
  }
  return result;
}

Result<QueryExplanation> SegmentRunner::explain(const Query& query,
                                                const DatasetSnapshot& data,
                                                CancelFlag cancel) {
  QueryControl control(query.limits, std::move(cancel));
  TRY(control.check());
  TRY_ASSIGN(QueryPlan plan, QueryPlan::create(query, *data.schema));
  return until_unchanged([&]() -> Result<QueryExplanation> {
    TRY_ASSIGN(auto segments,
               prepare_segments(plan, *data.timeline, control, pool_, nullptr));
    return explain_segments(plan, *data.timeline, segments);
  });
}

}  // namespace

std::unique_ptr<Runner> Runner::create(const DatasetCatalog& catalog,
                                       int scan_threads, PartialCache* cache) {
  return std::make_unique<SegmentRunner>(catalog, scan_threads, cache);
}

}  // namespace freshet
