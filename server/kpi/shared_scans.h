// SharedScans: the queries of a batch that read the same rows for the same
// groups, as one query for the aggregates of all: net sales, margin and units
// of one range are one scan. Each answer says beforehand what it will ask
// (`foresee`); the first that asks runs the common query, the others take their
// columns of its result.
//
// Only what is found alike is put together: aggregates that a cube of the
// dataset keeps stay with those, exact distinct counts of many values with
// their kind, levels with levels. So no query is taken off a cube, or loses
// what is kept of it, by another's company.
//
// Used by one thread, for one batch.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/model/model.h"
#include "server/query/runner.h"

namespace freshet {

class SharedScans {
 public:
  // The rows of the common query: its groups come first, as they do in a query
  // of one's own. Nobody else has them, after the last that was foreseen.
  struct Found {
    std::shared_ptr<QueryResult> result;
    std::vector<size_t> columns;  // of each aggregate of the query, in order
  };
  using Run = std::function<Result<QueryResult>(Query)>;

  // `model` must outlive it.
  explicit SharedScans(const Model& model) : model_(model) {}

  // A query that will be asked: an aggregation without having, order or limit.
  void foresee(const Query& query);
  // The query's rows, out of one that `run` answers; null if nothing shares
  // with it, or the common query fails, as it may for another's aggregate.
  std::optional<Found> find(const Query& query, const Run& run);

 private:
  // One query for many.
  struct Scan {
    Query query;
    std::map<std::string, size_t> places;  // of aggregates, by their text
    size_t members = 0;                    // that have not asked yet
    bool shared = false;                   // by more than one
    bool failed = false;
    std::shared_ptr<QueryResult> result;
  };

  std::string key_of(const Query& query) const;
  std::string kind_of(const Query& query) const;

  const Model& model_;
  std::map<std::string, Scan> scans_;  // by key_of()
};

}  // namespace freshet
