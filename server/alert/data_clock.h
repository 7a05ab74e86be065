// DataClock: what time it is in the data that one rule watches.
#pragma once

#include "segments/time.h"

namespace freshet {

// While events come the clock is their watermark. When a source that is read to
// its end has had none for longer than usual, the clock goes on with the
// wall's, so that windows run empty, `for` ends and silence is noticed. "Usual"
// is twice the longest pause of late, 2 s at least and 10 minutes at most: of a
// source that delivers every half hour less is concluded than of one that never
// stops. While a source cannot be read the clock stands still, and it never
// goes back. Not thread-safe.
class DataClock {
 public:
  // `least` is where it stood the last time, or kMinTimestamp.
  explicit DataClock(Timestamp least = kMinTimestamp) : shown_(least) {}

  // The time at `now` of the wall; kMinTimestamp for data without events.
  // `caught_up`: nothing that the source has is missing.
  Timestamp at(Timestamp as_of, bool caught_up, Timestamp now);

 private:
  Timestamp seen_ = kMinTimestamp;   // the watermark of the last call
  Timestamp base_ = kMinTimestamp;   // what it was, or where the clock stopped
  Timestamp heard_ = kMinTimestamp;  // wall time from which base_ has stood
  int64_t pause_ms_ = 0;             // the longest of late
  Timestamp shown_;
};

}  // namespace freshet
