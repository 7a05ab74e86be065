// Sinks: the live segments of the open generation, one by granule of event
// time. Rows are visible to queries as soon as append() returns. Used by the
// ingestion thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "segments/column_batch.h"
#include "segments/live_segment.h"
#include "segments/segment_store.h"
#include "segments/time.h"

namespace freshet {

class Sinks {
 public:
  // `store` may be null: then nobody but the owner sees the rows (bulk load),
  // or the owner publishes them.
  Sinks(std::string dataset, std::shared_ptr<const Schema> schema,
        Granularity partition_by, SegmentStore* store);

  // Where rows of a batch have gone: row `rows[i]` is row `begin + i` there.
  struct Appended {
    std::shared_ptr<LiveSegment> segment;
    uint32_t begin = 0;
    std::vector<uint32_t> rows;
  };
  // Appends the rows of `batch` whose `keep` is not 0, each to the segment of
  // its granule; tells where, if asked.
  void append(const ColumnBatch& batch, const std::vector<uint8_t>& keep,
              std::vector<Appended>* told = nullptr);

  uint64_t rows() const { return rows_; }
  // Memory held by the live segments.
  uint64_t bytes() const { return bytes_; }
  size_t size() const { return sinks_.size(); }

  // Freezes the segments and gives them out; what comes next opens new ones.
  std::vector<std::shared_ptr<LiveSegment>> take();

 private:
  struct Sink {
    std::shared_ptr<LiveSegment> segment;
    uint64_t bytes = 0;
    std::vector<uint32_t> rows;  // of the batch being appended
  };
  Sink& sink_of(int64_t ms);
  void appended(Sink& sink, uint64_t rows);
  bool one_granule(const std::vector<int64_t>& times) const;

  const std::string dataset_;
  const std::shared_ptr<const Schema> schema_;
  const Granularity partition_by_;
  SegmentStore* const store_;
  const int64_t started_ms_;  // makes ids of live segments unlike earlier ones
  std::map<int64_t, Sink> sinks_;  // by start of the granule
  Sink* last_ = nullptr;           // of the last row
  Interval last_granule_{Timestamp{0}, Timestamp{0}};
  uint64_t rows_ = 0;
  uint64_t bytes_ = 0;
  uint64_t opened_ = 0;
};

}  // namespace freshet
