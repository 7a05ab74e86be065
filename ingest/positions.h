// Positions: where an ingestion stands in each partition of its source, and
// whether the source still is the log that was read. Used by the ingestion
// thread.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "ingest/kept_counts.h"
#include "ingest/source.h"
#include "ingest/watermark.h"
#include "segments/metadata_store.h"
#include "segments/result.h"

namespace freshet {

class Positions {
 public:
  // `committed`: where segments end; a partition without one starts at the
  // first offset there is.
  Positions(std::map<PartitionName, OffsetRecord> committed,
            const KeptCounts& counts);

  // Adds the partitions that are new in `bounds`, after checking each against
  // its committed record: if the source was truncated, recreated, or has lost
  // what comes next, the partition gets a fault instead of being read. Known
  // partitions are checked for having shrunk. True if assign() is needed.
  // kUnavailable when a check was not answered: nothing is changed.
  Result<bool> update(Source& source,
                      const std::vector<PartitionBounds>& bounds);

  // Assigns all partitions without fault at their positions.
  Status assign(Source& source);

  // By index of the last assignment.
  const std::vector<PartitionName>& names() const { return names_; }
  std::vector<Timestamp>& watermarks() { return watermarks_; }

  // The messages up to here are in the sinks.
  void passed(std::span<const RawMessage> messages);
  // What poll() said besides messages.
  void arrived(const MessageBatch& batch);

  // Whether anything moved since the last taken().
  bool moved() const { return moved_; }
  // The positions as the end of a generation.
  std::map<PartitionName, OffsetRecord> taken();

  struct Place {
    PartitionName name;
    OffsetRecord record;     // next, and the last record
    int64_t begin = 0;       // first offset ever covered
    int64_t start_high = 0;  // when it was first seen
    int64_t high = -1;       // now
    Timestamp watermark = kMinTimestamp;
    std::string fault;  // not empty: not read
  };
  // With watermarks and the highs of `status`.
  const std::vector<Place>& places(const SourceStatus& status);
  bool all_faulty() const;
  std::string first_fault() const;
  void set_begin(KeptCounts& counts) const;

 private:
  Result<Place> check(Source& source, const PartitionBounds& bound);
  Place* find(const PartitionName& name);

  const std::map<PartitionName, OffsetRecord> committed_;
  const std::map<PartitionName, int64_t> begin_;
  const std::map<PartitionName, Timestamp> kept_watermarks_;
  std::vector<Place> places_;
  std::vector<size_t> assigned_;  // assignment index -> place
  std::vector<PartitionName> names_;
  std::vector<Timestamp> watermarks_;
  bool moved_ = false;
};

}  // namespace freshet
