// Arrivals: how many things of a kind happen in each ten-minute step and when,
// as functions of seed, pace and step. So any range of the company's life can
// be worked out on its own, and two datasets can speak of the same receipt.
// Used by one thread.
#pragma once

#include <cstdint>

#include "segments/time.h"
#include "server/demo/traffic_curve.h"

namespace freshet {

// The step that holds `t`, from 1970.
int64_t step_of(Timestamp t);
inline Timestamp step_start(int64_t step) {
  return {step * TrafficCurve::kStepMs};
}

class Arrivals {
 public:
  // `per_second` on average over a week.
  Arrivals(uint64_t seed, TrafficCurve::Shape shape, double per_second);

  uint64_t count(int64_t step) const { return enter(step).count; }
  // Grows with `i`. REQUIRES: i < count(step).
  Timestamp time(int64_t step, uint64_t i) const;
  // The first one of the step that is not before `t`.
  uint64_t first_from(int64_t step, Timestamp t) const;
  double online_share(int64_t step) const { return enter(step).online_share; }

 private:
  struct Step {
    int64_t number = INT64_MIN;
    uint64_t count = 0;
    double online_share = 0;
  };
  const Step& enter(int64_t step) const;

  uint64_t seed_;
  TrafficCurve curve_;
  double per_step_;
  mutable Step recent_[2];  // the step at hand and one looked up aside
  mutable int next_ = 0;
};

// The pace, in things a second, that makes `things` of [start, end).
double pace_of(double things, Timestamp start, Timestamp end,
               const TrafficCurve& curve);

}  // namespace freshet
