// AnswerData: the data one answer is computed from. Each dataset is taken once,
// its live rows as far as they were published then, so that the total, the
// series and the rows of an answer tie while events arrive.
//
// Used by one thread.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "server/query/runner.h"

namespace freshet {

class AnswerData {
 public:
  // kUnavailable for a dataset that is not there (yet). `runner` must outlive
  // it.
  static Result<AnswerData> take(Runner& runner,
                                 const std::vector<std::string>& datasets,
                                 const Limits& limits, CancelFlag cancel);

  // REQUIRES: query.dataset is one of `datasets`.
  Result<QueryResult> run(Query query);

  // Least over the datasets.
  Timestamp as_of() const;
  // Of the events in all datasets; empty without any.
  Interval time_range() const;
  // Of all queries so far; elapsed_ms is left 0.
  Provenance provenance() const;

 private:
  AnswerData(Runner& runner, const Limits& limits, CancelFlag cancel)
      : runner_(&runner), limits_(limits), cancel_(std::move(cancel)) {}
  struct Dataset {
    DatasetSnapshot snapshot;
    Interval time_range{Timestamp{0}, Timestamp{0}};
    Provenance provenance;  // of its queries, merged
  };
  static Dataset freeze(DatasetSnapshot snapshot);

  Runner* runner_;
  Limits limits_;
  CancelFlag cancel_;
  std::map<std::string, Dataset> datasets_;
};

}  // namespace freshet
