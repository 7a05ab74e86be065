// A stream's offsets set by a person: what that skips and what it reads again,
// and the change of what is stored. The stream must not run meanwhile.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "ingest/source.h"
#include "segments/metadata_store.h"
#include "segments/result.h"

namespace freshet {

struct OffsetReset {
  enum class To { kEarliest, kLatest, kOffsets, kTimestamp };
  To to = To::kEarliest;
  std::map<PartitionName, int64_t> offsets{};  // kOffsets: of these partitions
  Timestamp time{};  // kTimestamp: when the source stored the records
  std::vector<PartitionName> partitions{};  // empty: all
};

// Of one partition. Records are counted by offsets: there may be fewer.
struct ResetStep {
  PartitionName partition;
  int64_t from = 0;  // comes next now
  int64_t to = 0;    // comes next then
  int64_t low = 0, high = 0;

  // Records that are there and will never be read.
  int64_t skipped() const;
  // Records that are read once more.
  int64_t repeated() const;
  // Records that the source lost before they were read.
  int64_t lost() const;
};

// What `wanted` does to the partitions of `source`; "3" is enough of a name
// where all are of one topic, or of the embedded log. `next`: where each
// stands; one that is not among them was not read yet. kInvalid: a partition
// that is not there, an offset outside of it (the message has its bounds);
// kUnavailable; kUnsupported.
Result<std::vector<ResetStep>> plan_reset(
    Source& source, const std::map<PartitionName, int64_t>& next,
    const OffsetReset& wanted);

// Makes the steps durable, in one commit with what goes with them: dead
// letters that will come again are removed, and what is read again is not late.
// kConflict if an offset is not as a step says.
Status commit_reset(MetadataStore& store, const std::string& dataset,
                    const std::vector<ResetStep>& steps);

}  // namespace freshet
