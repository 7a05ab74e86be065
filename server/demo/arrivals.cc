#include "server/demo/arrivals.h"

#include <algorithm>

#include "server/demo/seeded_random.h"

namespace freshet {
namespace {

constexpr double kStep = static_cast<double>(TrafficCurve::kStepMs);

}  // namespace

int64_t step_of(Timestamp t) {
  int64_t step = t.ms / TrafficCurve::kStepMs;
  return step - (t.ms % TrafficCurve::kStepMs < 0 ? 1 : 0);
}

Arrivals::Arrivals(uint64_t seed, TrafficCurve::Shape shape, double per_second)
    : seed_(mix64(seed, "arrivals")),
      curve_(seed, shape),
      per_step_(per_second * kStep / 1000) {}

const Arrivals::Step& Arrivals::enter(int64_t step) const {
  for (const Step& known : recent_)
    if (known.number == step) return known;
  Step& entered = recent_[next_];
  next_ = 1 - next_;
  TrafficCurve::Weight weight = curve_.at(step * TrafficCurve::kStepMs);
  // Rounded up or down by a sequence that spreads evenly over the steps, so
  // that sums over many steps keep to the curve.
  uint64_t golden = static_cast<uint64_t>(step) * 0x9e3779b97f4a7c15u;
  double due = weight.total * per_step_ + unit_interval(golden);
  entered = {step, static_cast<uint64_t>(due), weight.online_share};
  return entered;
}

Timestamp Arrivals::time(int64_t step, uint64_t i) const {
  auto n = static_cast<double>(count(step));
  double jitter = unit_interval(mix64(seed_, static_cast<uint64_t>(step), i));
  double at = (static_cast<double>(i) + jitter) / n * kStep;
  int64_t within =
      std::min<int64_t>(static_cast<int64_t>(at), TrafficCurve::kStepMs - 1);
  return {step_start(step).ms + within};
}

uint64_t Arrivals::first_from(int64_t step, Timestamp t) const {
  uint64_t n = count(step);
  double share = static_cast<double>(t.ms - step_start(step).ms) / kStep;
  if (share <= 0 || n == 0) return 0;
  auto i = static_cast<uint64_t>(share * static_cast<double>(n));
  i = std::min(i, n);
  while (i > 0 && time(step, i - 1) >= t) --i;
  while (i < n && time(step, i) < t) ++i;
  return i;
}

double pace_of(double things, Timestamp start, Timestamp end,
               const TrafficCurve& curve) {
  double weight_ms = 0;
  for (int64_t t = start.ms; t < end.ms;) {
    int64_t until =
        std::min((step_of({t}) + 1) * TrafficCurve::kStepMs, end.ms);
    weight_ms += static_cast<double>(until - t) * curve.at(t).total;
    t = until;
  }
  return things * 1000 / std::max(weight_ms, 1.0);
}

}  // namespace freshet
