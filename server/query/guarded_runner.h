// GuardedRunner: a Runner in front of another, for what concerns all queries
// of a server: they read lookups as they are now, end when it stops, and damage
// that they meet is told.
//
// Thread-safe; owned by the application.
#pragma once

#include <functional>
#include <memory>
#include <set>

#include "segments/mutex.h"
#include "server/query/runner.h"

namespace freshet {

// What is told of a query that the stop of the server ended or kept out.
Error stopping_error();

class GuardedRunner final : public Runner {
 public:
  // `damaged` gets each kCorrupt and kIo error of a query, on its thread.
  GuardedRunner(std::unique_ptr<Runner> runner,
                std::function<void(const Error&)> damaged);

  Result<QueryResult> run(const Query& query, CancelFlag cancel) override;
  Result<QueryResult> run_on(const Query& query, const DatasetSnapshot& data,
                             CancelFlag cancel) override;
  const DatasetCatalog& catalog() const override { return runner_->catalog(); }
  Result<QueryExplanation> explain(const Query& query,
                                   const DatasetSnapshot& data,
                                   CancelFlag cancel) override;

  // Ends every query, running or new, with kUnavailable. Does not wait.
  void stop();

 private:
  using Work = std::function<Result<QueryResult>(CancelFlag)>;
  Result<Query> bound_query(const Query& query) const;
  Result<QueryResult> guard(CancelFlag cancel, const Work& work);

  const std::unique_ptr<Runner> runner_;
  const std::function<void(const Error&)> damaged_;
  Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  // Of running queries; those of one request may share a flag.
  std::multiset<CancelFlag> flags_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace freshet
