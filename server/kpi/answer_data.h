// AnswerData: the data one answer is computed from. Each dataset is taken once,
// its live rows as far as they were published then, so that the total, the
// series and the rows of an answer tie while events arrive; the answers of one
// batch share what was taken, so that they tie too.
//
// Used by one thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/kpi/restated_of.h"
#include "server/kpi/shared_scans.h"
#include "server/query/runner.h"

namespace freshet {

// kUnavailable: it is not there (yet).
Error dataset_not_ready(const std::string& name);

// A dataset whose live rows stand still.
struct FrozenDataset {
  DatasetSnapshot snapshot;
  Interval time_range{Timestamp{0}, Timestamp{0}};  // of its events
  std::shared_ptr<const RestatedTimes> restated;    // may be null
};

// Where datasets are taken from; nothing for one that is not there.
using SnapshotOf =
    std::function<std::optional<DatasetSnapshot>(const std::string& name)>;

// Datasets as they were when they were first asked for.
class FrozenDatasets {
 public:
  // `runner` must outlive it.
  explicit FrozenDatasets(Runner& runner, RestatedOf restated = nullptr)
      : FrozenDatasets(
            [&runner](const std::string& name) {
              return runner.catalog().snapshot(name);
            },
            std::move(restated)) {}
  explicit FrozenDatasets(SnapshotOf snapshot, RestatedOf restated = nullptr)
      : snapshot_(std::move(snapshot)), restated_(std::move(restated)) {}
  // dataset_not_ready() for one that is not there.
  Result<std::shared_ptr<const FrozenDataset>> get(const std::string& name);

 private:
  const SnapshotOf snapshot_;
  const RestatedOf restated_;
  std::map<std::string, std::shared_ptr<const FrozenDataset>> taken_;
};

class AnswerData {
 public:
  // `runner` and `scans`, those of the batch or null, must outlive it. With
  // `why_not` provenance() has the reasons against cubes. Errors: those of
  // FrozenDatasets::get.
  static Result<AnswerData> take(Runner& runner, FrozenDatasets& frozen,
                                 const std::vector<std::string>& datasets,
                                 const Limits& limits, CancelFlag cancel,
                                 bool why_not = false,
                                 SharedScans* scans = nullptr);

  // REQUIRES: query.dataset is one of `datasets`.
  Result<QueryResult> run(Query query);

  // A result that others of the batch may read, too, and where the query's
  // aggregates are in its rows, behind the groups.
  struct Rows {
    std::shared_ptr<QueryResult> result;
    std::vector<size_t> columns;
    // Nobody else will read them.
    bool own() const { return result.use_count() == 1; }
  };
  // The same as run(), with those of the batch that read the same rows, if they
  // were foreseen.
  Result<Rows> rows(Query query);
  void foresee(Query query);

  // Least over the datasets.
  Timestamp as_of() const;
  // Whether events came into the bucket after it was complete.
  bool restated(Interval bucket) const;
  // Of the events in all datasets; empty without any.
  Interval time_range() const;
  // Why what is found in a range is no zero: no event that could be in it has
  // arrived yet, or it lies before the first one. `other_time`: it applies to
  // another time than that of the events.
  bool too_early(Interval range, bool other_time) const;
  bool before_all(Interval range, bool other_time) const;
  // Of all queries so far; elapsed_ms is left 0.
  Provenance provenance() const;
  // The same, by dataset.
  std::map<std::string, Provenance> provenances() const;

 private:
  AnswerData(Runner& runner, const Limits& limits, CancelFlag cancel)
      : runner_(&runner), limits_(limits), cancel_(std::move(cancel)) {}
  struct Dataset {
    std::shared_ptr<const FrozenDataset> data;
    Provenance provenance;  // of its queries, merged
  };

  void limit(Query& query) const;
  Result<QueryResult> ask(const Query& query) const;
  void add(const QueryResult& result, const std::string& dataset);

  Runner* runner_;
  Limits limits_;
  CancelFlag cancel_;
  bool why_not_ = false;
  SharedScans* scans_ = nullptr;
  std::map<std::string, Dataset> datasets_;
};

}  // namespace freshet
