#include "ingest/watermark.h"

#include <algorithm>

namespace freshet {

Timestamp complete_up_to(std::span<const PartitionClock> clocks) {
  Timestamp greatest = kMinTimestamp;
  Timestamp least_behind = kMaxTimestamp;
  bool behind = false;
  for (const PartitionClock& clock : clocks) {
    greatest = std::max(greatest, clock.watermark);
    if (clock.at_end) continue;
    behind = true;
    least_behind = std::min(least_behind, clock.watermark);
  }
  return behind ? least_behind : greatest;
}

Arrival judge_time(Timestamp event, Timestamp now, int64_t late_ms,
                   int64_t early_ms, Timestamp& watermark) {
  if (event.ms > now.ms && event.ms - now.ms > early_ms) return Arrival::kEarly;
  // Both lie in the years 1 to 9999, so the difference fits.
  bool late = late_ms >= 0 && watermark > kMinTimestamp &&
              watermark.ms - event.ms > late_ms;
  watermark = std::max(watermark, std::min(event, now));
  return late ? Arrival::kLate : Arrival::kOnTime;
}

}  // namespace freshet
