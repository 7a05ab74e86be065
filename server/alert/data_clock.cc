#include "server/alert/data_clock.h"

#include <algorithm>

namespace freshet {
namespace {

constexpr int64_t kLeastGraceMs = 2'000;
constexpr int64_t kMostGraceMs = 600'000;

}  // namespace

Timestamp DataClock::at(Timestamp as_of, bool caught_up, Timestamp now) {
  if (as_of == kMinTimestamp) return as_of;
  if (as_of != seen_) {
    // Older pauses count less and less.
    int64_t paused = seen_ == kMinTimestamp ? 0 : now.ms - heard_.ms;
    pause_ms_ = std::max(paused, pause_ms_ / 10 * 9);
    seen_ = base_ = as_of;
    heard_ = now;
  } else if (!caught_up) {
    base_ = std::max(base_, shown_);
    heard_ = now;
  }
  int64_t grace = std::clamp(2 * pause_ms_, kLeastGraceMs, kMostGraceMs);
  int64_t alone = std::max<int64_t>(0, now.ms - heard_.ms - grace);
  shown_ = std::max(shown_, Timestamp{base_.ms + alone});
  return shown_;
}

}  // namespace freshet
