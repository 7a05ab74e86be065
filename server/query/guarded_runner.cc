#include "server/query/guarded_runner.h"

#include <atomic>
#include <utility>

#include "server/query/explanation.h"
#include "server/query/lookup_source.h"

namespace freshet {
namespace {

// Runs `query` with what lookups hold now; the answer tells what these lack.
template <class Run>
Result<QueryResult> run_bound(const Query& query, const LookupSource* source,
                              Run run) {
  const LookupSnapshots lookups(source);
  Query bound = query;
  TRY(bind_lookups(bound, &lookups));
  TRY_ASSIGN(QueryResult result, run(bound));
  lookups.tell(result.provenance);
  return result;
}

}  // namespace

Error stopping_error() {
  return {ErrorCode::kUnavailable, "the server is stopping; ask again"};
}

GuardedRunner::GuardedRunner(std::unique_ptr<Runner> runner,
                             std::function<void(const Error&)> damaged)
    : runner_(std::move(runner)), damaged_(std::move(damaged)) {}

Result<QueryResult> GuardedRunner::run(const Query& query, CancelFlag cancel) {
  return guard(std::move(cancel), [&](CancelFlag flag) -> Result<QueryResult> {
    if (!uses_lookups(query)) return runner_->run(query, std::move(flag));
    return run_bound(query, catalog().lookups(), [&](const Query& bound) {
      return runner_->run(bound, std::move(flag));
    });
  });
}

Result<QueryResult> GuardedRunner::run_on(const Query& query,
                                          const DatasetSnapshot& data,
                                          CancelFlag cancel) {
  return guard(std::move(cancel), [&](CancelFlag flag) -> Result<QueryResult> {
    if (!uses_lookups(query)) {
      return runner_->run_on(query, data, std::move(flag));
    }
    return run_bound(query, catalog().lookups(), [&](const Query& bound) {
      return runner_->run_on(bound, data, std::move(flag));
    });
  });
}

Result<QueryExplanation> GuardedRunner::explain(const Query& query,
                                                const DatasetSnapshot& data,
                                                CancelFlag cancel) {
  TRY_ASSIGN(Query bound, bound_query(query));
  return runner_->explain(bound, data, std::move(cancel));
}

Result<Query> GuardedRunner::bound_query(const Query& query) const {
  Query bound = query;
  TRY(bind_lookups(bound, catalog().lookups()));
  return bound;
}

Result<QueryResult> GuardedRunner::guard(CancelFlag cancel, const Work& work) {
  if (!cancel) cancel = std::make_shared<std::atomic<bool>>(false);
  std::multiset<CancelFlag>::iterator entry;
  {
    MutexLock lock(mutex_);
    if (stopping_) return stopping_error();
    entry = flags_.insert(cancel);
  }
  auto result = work(cancel);
  bool stopping = false;
  {
    MutexLock lock(mutex_);
    flags_.erase(entry);
    stopping = stopping_;
  }
  if (result) return result;
  ErrorCode code = result.error().code;
  if (code == ErrorCode::kCancelled && stopping) return stopping_error();
  if (code == ErrorCode::kCorrupt || code == ErrorCode::kIo) {
    damaged_(result.error());
  }
  return result;
}

void GuardedRunner::stop() {
  MutexLock lock(mutex_);
  stopping_ = true;
  for (const CancelFlag& flag : flags_) flag->store(true);
}

}  // namespace freshet
