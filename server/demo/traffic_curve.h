// When retail events happen: curves over hour and weekday in local time, with
// noise, and a clock that walks through time at that pace. Deterministic for a
// seed; used by one thread.
#pragma once

#include <absl/time/time.h>

#include <cstdint>

#include "segments/time.h"

namespace freshet {

// The zone of the stores.
absl::TimeZone retail_zone();

class TrafficCurve {
 public:
  enum class Shape {
    kSales,     // stores by day, online by evening, a floor all night
    kDelivery,  // parcels, mostly by day
    kStock,     // bookings: with the stores, and counts at night
  };
  struct Weight {
    double total = 1;         // 1 is the mean of a week
    double online_share = 0;  // kSales only
  };
  TrafficCurve(uint64_t seed, Shape shape);
  // Weight of the ten-minute step that holds `t`.
  Weight at(int64_t t_ms) const;

  static constexpr int64_t kStepMs = 600'000;

 private:
  double noise(int64_t t_ms) const;
  uint64_t seed_;
  Shape shape_;
  absl::TimeZone zone_;
};

// Time as a function of events: advance(n) goes on until n more events are
// due. The pace is `per_second` on average over a week.
class TrafficClock {
 public:
  TrafficClock(TrafficCurve curve, double per_second, Timestamp start);
  // The time after `events` more (a fraction is fine).
  Timestamp advance(double events);
  double online_share() const { return weight_.online_share; }

 private:
  void enter_step(int64_t t_ms);
  TrafficCurve curve_;
  double per_ms_;
  double now_ms_;
  double step_end_ms_ = 0;
  double step_rate_ = 0;  // events per ms
  TrafficCurve::Weight weight_;
};

}  // namespace freshet
