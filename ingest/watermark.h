// Watermarks: how far in event time each partition has come, and what that
// says of the whole dataset. Used by the ingestion thread.
#pragma once

#include <cstdint>
#include <span>

#include "segments/time.h"

namespace freshet {

struct PartitionClock {
  Timestamp watermark = kMinTimestamp;  // greatest event time seen
  bool at_end = false;                  // everything there was has been read
};

// Event time up to which the dataset is complete: the least watermark of the
// partitions with unread records; when all are at their end, the greatest of
// all (a quiet partition must not hold the others back).
Timestamp complete_up_to(std::span<const PartitionClock> clocks);

enum class Arrival { kOnTime, kLate, kEarly };

// Judges one event time against its partition's watermark and, unless it is
// too early, moves the watermark on. A watermark never passes `now`, so that
// one event from a wrong clock does not make all others late.
// late_ms < 0: nothing is late.
Arrival judge_time(Timestamp event, Timestamp now, int64_t late_ms,
                   int64_t early_ms, Timestamp& watermark);

}  // namespace freshet
