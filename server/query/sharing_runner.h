// SharingRunner: a Runner in front of another that runs a query once for all
// who ask it at the same time, as the viewers of one dashboard do.
//
// Queries are the same if every part but the id is, and if they see the same
// data: one that comes after a new row does not join one that began before it.
// Who waits keeps its own cancel and time; what stops the one that runs only
// (its cancel, its time) makes another one run. Thread-safe.
#pragma once

#include <absl/container/flat_hash_map.h>

#include "segments/mutex.h"
#include "server/query/explanation.h"
#include "server/query/runner.h"

namespace freshet {

// Every part of the query but its id, as text: equal text, equal answers on
// equal data.
std::string query_text(const Query& query);
// The same of an aggregate, without its name.
std::string aggregate_text(const Aggregate& aggregate);

class SharingRunner final : public Runner {
 public:
  explicit SharingRunner(std::unique_ptr<Runner> runner)
      : runner_(std::move(runner)) {}

  // Queries with use_cache off run by themselves.
  Result<QueryResult> run(const Query& query, CancelFlag cancel) override;
  // Never shared.
  Result<QueryResult> run_on(const Query& query, const DatasetSnapshot& data,
                             CancelFlag cancel) override {
    return runner_->run_on(query, data, std::move(cancel));
  }
  const DatasetCatalog& catalog() const override { return runner_->catalog(); }
  Result<QueryExplanation> explain(const Query& query,
                                   const DatasetSnapshot& data,
                                   CancelFlag cancel) override {
    return runner_->explain(query, data, std::move(cancel));
  }

  // Queries answered by another's run since the start.
  uint64_t shared() const { return shared_.load(std::memory_order_relaxed); }

 private:
  // One run that others may wait for.
  struct Run {
    DatasetSnapshot data;  // keeps what the key names alive
    // Under the owner's mutex_; the answer is set once.
    size_t followers = 0;
    std::shared_ptr<const Result<QueryResult>> answer;
  };
  class Lead;
  Result<QueryResult> lead(const Query& query, const std::string& key, Run& run,
                           CancelFlag cancel);
  // Null where the run was stopped and somebody has to run again.
  Result<std::shared_ptr<const Result<QueryResult>>> follow(
      const Query& query, const Run& run, const CancelFlag& cancel);

  const std::unique_ptr<Runner> runner_;
  std::atomic<uint64_t> shared_{0};
  Mutex mutex_;
  CondVar finished_;
  absl::flat_hash_map<std::string, std::shared_ptr<Run>> runs_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace freshet
