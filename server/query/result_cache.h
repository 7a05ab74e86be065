// ResultCache: whole answers of aggregate queries over rows that have not
// changed since, where they are dear to put together from what is kept of the
// segments: of many distinct values, keys or groups, or of many segments.
// Thread-safe.
#pragma once

#include <memory>
#include <string>

#include "segments/mutex.h"
#include "server/query/query_plan.h"
#include "server/query/recently_used.h"
#include "server/query/runner.h"

namespace freshet {

// The text of a query that may be kept, without bounds of time; else empty.
std::string question_key(const QueryPlan& plan);

struct ResultKey {
  // The query, but for bounds of time that cut no segment, and the rows it sees
  // in a timeline. Empty where answers are not kept: of scans, over live rows
  // of which some are hidden, over too many segments.
  std::string text;
  size_t sealed = 0;  // segments of these rows
  bool live = false;  // whether further rows come to them
};
ResultKey result_key(const QueryPlan& plan, const Timeline& timeline);

class ResultCache {
 public:
  explicit ResultCache(uint64_t max_bytes) : results_(max_bytes) {}

  // Null if there is none. The provenance is that of the run that found it.
  std::shared_ptr<const QueryResult> find(const std::string& key);
  // Keeps it if `state_bytes`, of what it was made from, are many and it is
  // small beside them, or if it is small and of many segments to which no rows
  // come.
  void put(const ResultKey& key, const QueryResult& result,
           uint64_t state_bytes);

 private:
  Mutex mutex_;
  RecentlyUsed<std::shared_ptr<const QueryResult>> results_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace freshet
