// Runner: Query -> QueryResult over one snapshot of a dataset.
//
// Thread-safe; owned by the application. run() may be called from any thread:
// it takes one Timeline snapshot, fans out over segments on the scan pool and
// merges. Errors: kNotFound unknown dataset, kInvalid bad expression, kLimit,
// kDeadline, kCancelled, kCorrupt when a needed segment is damaged.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "segments/cube.h"
#include "segments/timeline.h"
#include "server/query/provenance.h"
#include "server/query/query.h"
#include "server/query/value_rows.h"

namespace freshet {

class PartialCache;

// A dataset at one moment, as the application hands it to queries.
struct DatasetSnapshot {
  std::shared_ptr<const Schema> schema;
  std::shared_ptr<const Timeline> timeline;
  // How rows are rolled up when they are sealed; null: they are not. Queries
  // may then ask only for what that keeps.
  std::shared_ptr<const CubeSpec> rollup;
  // Event time up to which the data is complete (least watermark over the
  // partitions); kMinTimestamp if nothing was read yet.
  Timestamp as_of = kMinTimestamp;
  int64_t lag_ms = 0;             // from source time to queryable, now
  bool complete = true;           // every partition of the source is consumed
  OffsetRanges offsets;           // covered by the snapshot
  uint64_t late_or_rejected = 0;  // rows in the dead letters
};

class LookupSource;
struct QueryExplanation;

// Where datasets are found. Implemented by the application (which alone knows
// both ingestion and queries) and by the SQL metadata tables.
class DatasetCatalog {
 public:
  virtual ~DatasetCatalog() = default;
  // Nothing for an unknown name. Names are exact.
  virtual std::optional<DatasetSnapshot> snapshot(
      std::string_view dataset) const = 0;
  virtual std::vector<std::string> names() const = 0;  // sorted
  // Where lookups are found; null if there are none.
  virtual const LookupSource* lookups() const { return nullptr; }
};

struct ResultColumn {
  std::string name;
  ExpressionType type;
};

struct QueryResult {
  std::vector<ResultColumn> columns;
  ValueRows rows;
  Provenance provenance;
};

// Set from another thread to stop a running query.
using CancelFlag = std::shared_ptr<std::atomic<bool>>;

class Runner {
 public:
  // `catalog` and `cache` must outlive the runner. `scan_threads` ≥ 1. Without
  // a cache every query reads its segments.
  static std::unique_ptr<Runner> create(const DatasetCatalog& catalog,
                                        int scan_threads,
                                        PartialCache* cache = nullptr);
  virtual ~Runner() = default;
  virtual Result<QueryResult> run(const Query& query,
                                  CancelFlag cancel = nullptr) = 0;
  // The same over data that is not in the catalog (metadata tables, tests).
  virtual Result<QueryResult> run_on(const Query& query,
                                     const DatasetSnapshot& data,
                                     CancelFlag cancel = nullptr) = 0;
  virtual const DatasetCatalog& catalog() const = 0;
  // How run_on() would read each segment; no rows are read.
  virtual Result<QueryExplanation> explain(const Query& query,
                                           const DatasetSnapshot& data,
                                           CancelFlag cancel = nullptr) = 0;
};

}  // namespace freshet
