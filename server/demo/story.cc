#include "server/demo/story.h"

#include <absl/time/time.h>

#include <algorithm>

#include "server/demo/traffic_curve.h"

namespace freshet {
namespace {

constexpr int64_t kHourMs = 3'600'000;
constexpr int64_t kDayMs = 24 * kHourMs;
constexpr int64_t kFortnightMs = 14 * kDayMs;
constexpr int64_t kFirstMonday = 4 * kDayMs;  // 1970-01-05

struct Place {
  int64_t from, to;  // from the start of the fortnight
};

Place place_of(Story story) {
  switch (story) {
    case Story::kLateCarrier:
      return {1 * kDayMs, 4 * kDayMs};
    case Story::kStockOut:
      return {2 * kDayMs + 6 * kHourMs, 3 * kDayMs + 18 * kHourMs};
    case Story::kPromo:
      return {7 * kDayMs, 14 * kDayMs};
    case Story::kVoucherRing:
      return {9 * kDayMs + 1 * kHourMs, 9 * kDayMs + 4 * kHourMs};
    case Story::kWarmTruck:
      return {11 * kDayMs, 12 * kDayMs};
    case Story::kDstNight:
      break;
  }
  return {0, 0};
}

int64_t fortnight_of(Timestamp t) {
  int64_t since = t.ms - kFirstMonday;
  return since / kFortnightMs - (since % kFortnightMs < 0 ? 1 : 0);
}

StoryWindow window(Story story, int64_t number) {
  Place place = place_of(story);
  int64_t start = kFirstMonday + number * kFortnightMs;
  return {{start + place.from}, {start + place.to}, number};
}

// The hour before and the hour after each change of the clocks.
std::vector<StoryWindow> clock_changes(Timestamp start, Timestamp end) {
  std::vector<StoryWindow> windows;
  absl::TimeZone zone = retail_zone();
  absl::Time t = absl::FromUnixMillis(start.ms - kHourMs);
  absl::TimeZone::CivilTransition change;
  while (zone.NextTransition(t, &change)) {
    t = zone.At(change.to).trans;
    int64_t at = absl::ToUnixMillis(t);
    if (at - kHourMs >= end.ms) break;
    if (at + kHourMs > start.ms)
      windows.push_back({{at - kHourMs}, {at + kHourMs}, fortnight_of({at})});
  }
  return windows;
}

}  // namespace

std::optional<StoryWindow> story_at(Story story, Timestamp t) {
  if (story == Story::kDstNight) {
    auto windows = clock_changes(t, {t.ms + 1});
    if (windows.empty()) return std::nullopt;
    return windows.front();
  }
  StoryWindow w = window(story, fortnight_of(t));
  if (t < w.from || t >= w.to) return std::nullopt;
  return w;
}

std::vector<StoryWindow> story_windows(Story story, Timestamp start,
                                       Timestamp end) {
  if (story == Story::kDstNight) return clock_changes(start, end);
  std::vector<StoryWindow> windows;
  for (int64_t n = fortnight_of(start); n <= fortnight_of({end.ms - 1}); ++n) {
    StoryWindow w = window(story, n);
    if (w.from < end && start < w.to) windows.push_back(w);
  }
  return windows;
}

}  // namespace freshet
