// LiveSegment: the mutable, queryable rows of one time granule.
//
// Single writer (the ingestion thread of its dataset), many readers, no lock
// on the read path. Columns are chunks of kBlockRows values that never move;
// strings get ids in order of arrival. The writer appends, then publishes the
// row count with release order; snapshot() takes the count once, so a reader
// never sees a torn row.
//
// Call order: (append* freeze)   and snapshot() at any time, from any thread.
#pragma once

#include <atomic>
#include <memory>
#include <span>
#include <string>

#include "segments/column_batch.h"
#include "segments/segment.h"

namespace freshet {

class LiveSegment : public std::enable_shared_from_this<LiveSegment> {
 public:
  // `granule` is the time range its rows belong to.
  static std::shared_ptr<LiveSegment> create(
      std::string id, std::shared_ptr<const Schema> schema, Interval granule);
  virtual ~LiveSegment() = default;

  // Appends the rows of `batch` whose numbers are in `rows` (all of them with
  // the second form) and publishes them. REQUIRES: batch.schema() equals
  // schema(), writer thread only, not frozen.
  virtual void append(const ColumnBatch& batch,
                      std::span<const uint32_t> rows) = 0;
  virtual void append(const ColumnBatch& batch) = 0;

  // No rows come after this. Writer thread only.
  virtual void freeze() = 0;

  // The rows published so far, as an immutable Segment that keeps this alive.
  virtual std::shared_ptr<const Segment> snapshot() const = 0;

  virtual const std::string& id() const = 0;
  virtual const std::shared_ptr<const Schema>& schema() const = 0;
  virtual Interval granule() const = 0;
  virtual uint32_t num_rows() const = 0;
  // Memory held, in bytes; grows only.
  virtual uint64_t size_bytes() const = 0;
};

}  // namespace freshet
