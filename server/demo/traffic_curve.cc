#include "server/demo/traffic_curve.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "segments/floor_divide.h"
#include "server/demo/seeded_random.h"

namespace freshet {
namespace {

using Hours = std::array<double, 24>;
using Weekdays = std::array<double, 7>;  // from Monday

constexpr Hours kStoreHours = {0,   0,   0,   0,   0,   0,   0,    0.1,
                               0.4, 0.8, 1.1, 1.3, 1.5, 1.4, 1.1,  0.9,
                               0.9, 1.1, 1.4, 1.6, 1.5, 1.0, 0.25, 0};
constexpr Hours kOnlineHours = {0.8, 0.7, 0.6, 0.6, 0.6, 0.6, 0.6, 0.7,
                                0.8, 0.9, 1.0, 1.0, 1.0, 1.1, 1.2, 1.1,
                                1.0, 1.0, 1.1, 1.2, 1.4, 1.6, 1.6, 1.1};
constexpr Hours kDeliveryHours = {0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.3, 0.6,
                                  1.0, 1.4, 1.6, 1.6, 1.4, 1.2, 1.0, 1.2,
                                  1.4, 1.6, 1.6, 1.4, 1.0, 0.6, 0.3, 0.2};
constexpr Hours kStockHours = {0.9, 0.9, 0.9, 0.8, 0.8, 0.8, 0.9, 1.0,
                               1.0, 1.0, 1.1, 1.1, 1.1, 1.1, 1.0, 1.0,
                               1.0, 1.1, 1.1, 1.1, 1.0, 1.0, 0.9, 0.9};
constexpr Weekdays kStoreWeek = {0.85, 0.85, 0.9, 0.95, 1.2, 1.4, 0.85};
constexpr Weekdays kOnlineWeek = {1.1, 1.05, 1.0, 1.0, 0.9, 0.85, 1.1};
constexpr Weekdays kDeliveryWeek = {1.15, 1.15, 1.1, 1.1, 1.1, 0.9, 0.5};
constexpr Weekdays kStockWeek = {1, 1, 1, 1, 1, 1, 1};

// Share of online receipts in a week.
constexpr double kOnlineShare = 0.4;

// The curve's mean over a day is 1; between full hours it is a line.
double hour_weight(const Hours& hours, double hour) {
  double sum = 0;
  for (double h : hours) sum += h;
  auto at = static_cast<size_t>(hour);
  double part = hour - static_cast<double>(at);
  double value = hours[at] * (1 - part) + hours[(at + 1) % 24] * part;
  return value * 24 / sum;
}

double day_weight(const Weekdays& week, size_t day) {
  double sum = 0;
  for (double d : week) sum += d;
  return week[day] * 7 / sum;
}

}  // namespace

absl::TimeZone retail_zone() {
  auto zone = load_time_zone("Europe/Madrid");
  return zone ? *zone : absl::UTCTimeZone();
}

TrafficCurve::TrafficCurve(uint64_t seed, Shape shape)
    : seed_(mix64(seed, static_cast<uint64_t>(shape))),
      shape_(shape),
      zone_(retail_zone()) {}

// No two days and no two hours are alike: about 4 % and 6 % to either side.
double TrafficCurve::noise(int64_t t_ms) const {
  auto triangle = [&](int64_t period, uint64_t salt) {
    uint64_t bits =
        mix64(seed_, salt,
              static_cast<uint64_t>(floor_divide(t_ms, period * 60'000)));
    return unit_interval(bits) + unit_interval(mix64(bits)) - 1;
  };
  return (1 + 0.1 * triangle(24 * 60, 1)) * (1 + 0.15 * triangle(60, 2));
}

TrafficCurve::Weight TrafficCurve::at(int64_t t_ms) const {
  int64_t step = floor_divide(t_ms, kStepMs) * kStepMs;
  absl::CivilSecond local = zone_.At(absl::FromUnixMillis(step)).cs;
  double hour = local.hour() + local.minute() / 60.0;
  auto day = static_cast<size_t>(absl::GetWeekday(absl::CivilDay(local)));
  double wobble = noise(step);
  switch (shape_) {
    case Shape::kSales: {
      double store = (1 - kOnlineShare) * hour_weight(kStoreHours, hour) *
                     day_weight(kStoreWeek, day);
      double online = kOnlineShare * hour_weight(kOnlineHours, hour) *
                      day_weight(kOnlineWeek, day);
      return {(store + online) * wobble, online / (store + online)};
    }
    case Shape::kDelivery:
      return {hour_weight(kDeliveryHours, hour) *
                  day_weight(kDeliveryWeek, day) * wobble,
              0};
    case Shape::kStock:
      return {
          hour_weight(kStockHours, hour) * day_weight(kStockWeek, day) * wobble,
          0};
  }
  return {};
}

TrafficClock::TrafficClock(TrafficCurve curve, double per_second,
                           Timestamp start)
    : curve_(curve),
      per_ms_(std::max(per_second, 1e-9) / 1000),
      now_ms_(static_cast<double>(start.ms)) {
  enter_step(start.ms);
}

void TrafficClock::enter_step(int64_t t_ms) {
  weight_ = curve_.at(t_ms);
  step_rate_ = per_ms_ * weight_.total;
  step_end_ms_ = static_cast<double>(
      (floor_divide(t_ms, TrafficCurve::kStepMs) + 1) * TrafficCurve::kStepMs);
}

Timestamp TrafficClock::advance(double events) {
  while (events > (step_end_ms_ - now_ms_) * step_rate_) {
    if (now_ms_ > static_cast<double>(kMaxTimestamp.ms)) break;
    events -= (step_end_ms_ - now_ms_) * step_rate_;
    now_ms_ = step_end_ms_;
    enter_step(static_cast<int64_t>(now_ms_));
  }
  now_ms_ += events / step_rate_;
  return Timestamp{static_cast<int64_t>(now_ms_)};
}

}  // namespace freshet
