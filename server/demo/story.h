// What goes wrong, or well, in the made-up company: at known times of every
// fortnight, so that a history of two weeks holds each story once and the
// weeks differ. Functions of the time alone.
//
// A fortnight begins on a Monday, UTC. In its first week a carrier is late
// (Tuesday to Thursday) and an article is missing in a region (Wednesday and
// Thursday); in its second week drinks are on promotion all week, a ring of
// accounts cashes one voucher (Wednesday night) and a truck gets warm (Friday).
// The night when the clocks change comes twice a year.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "segments/time.h"

namespace freshet {

enum class Story : uint8_t {
  kPromo,
  kStockOut,
  kLateCarrier,
  kWarmTruck,
  kVoucherRing,
  kDstNight,
};

struct StoryWindow {
  Timestamp from, to;
  int64_t number = 0;  // of the fortnight
};

inline constexpr const char* kPromoCategory = "Drinks";
inline constexpr int kPromoPercent = 25;
inline constexpr const char* kStockOutRegion = "Andalucía";
inline constexpr const char* kLateCarrier = "Velocargo";
inline constexpr int64_t kRingMembers = 12;

// The window that holds `t`.
std::optional<StoryWindow> story_at(Story story, Timestamp t);
// The windows that touch [start, end), in order.
std::vector<StoryWindow> story_windows(Story story, Timestamp start,
                                       Timestamp end);

}  // namespace freshet
