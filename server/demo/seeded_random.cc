#include "server/demo/seeded_random.h"

namespace freshet {

WeightedChoice::WeightedChoice(const std::vector<double>& weights)
    : keep_(weights.size()), other_(weights.size()) {
  double sum = 0;
  for (double w : weights) sum += w;
  std::vector<double> scaled;
  std::vector<uint32_t> small, large;
  for (size_t i = 0; i < weights.size(); ++i) {
    scaled.push_back(weights[i] / sum * static_cast<double>(weights.size()));
    (scaled[i] < 1 ? small : large).push_back(static_cast<uint32_t>(i));
  }
  constexpr uint64_t kAlways = uint64_t{1} << 32;
  while (!small.empty() && !large.empty()) {
    uint32_t s = small.back(), l = large.back();
    small.pop_back();
    keep_[s] = static_cast<uint64_t>(scaled[s] * kAlways);
    other_[s] = l;
    scaled[l] -= 1 - scaled[s];
    if (scaled[l] < 1) {
      large.pop_back();
      small.push_back(l);
    }
  }
  for (uint32_t i : small) keep_[i] = kAlways;
  for (uint32_t i : large) keep_[i] = kAlways;
}

std::vector<double> zipf_weights(size_t count, double exponent) {
  std::vector<double> weights;
  weights.reserve(count);
  for (size_t i = 1; i <= count; ++i)
    weights.push_back(1 / std::pow(static_cast<double>(i), exponent));
  return weights;
}

}  // namespace freshet
