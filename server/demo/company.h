// How big the made-up company is: events a day of each dataset, on average over
// a week. What a business of this size has: a history of 90 days must load
// within seconds, and live sales must fit it.
#pragma once

#include <string>

namespace freshet {

struct TrafficLevel {
  double sales_per_day = 40'000;  // receipt lines
  double orders_per_day = 5'400;
  double inventory_per_day = 4'000;  // and every article once at the start
  double other_per_day = 5'000;      // each dataset the demo does not know
  double per_day(const std::string& dataset) const;
};

inline constexpr double kTrucksPerDay = 100;
// What follows from receipts, orders and deliveries at the level above.
inline constexpr double kReturnsPerDay = 480;
inline constexpr double kLoyaltyPerDay = 6'800;
inline constexpr double kCartsPerDay = 5'500;
inline constexpr double kShipmentsPerDay = 730;
inline constexpr double kTemperaturesPerDay = 860;
inline constexpr double kForecastsPerDay = 328;

}  // namespace freshet
