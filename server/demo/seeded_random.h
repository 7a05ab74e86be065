// Random numbers that are the same for a seed on every machine and compiler:
// the standard library's distributions are not. Used by one thread.
#pragma once

#include <cmath>
#include <cstdint>
#include <string_view>
#include <vector>

namespace freshet {

// SplitMix64's finisher: spreads any 64 bits evenly. A bijection.
inline uint64_t mix64(uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}
inline uint64_t mix64(uint64_t a, uint64_t b) { return mix64(mix64(a) ^ b); }
inline uint64_t mix64(uint64_t a, uint64_t b, uint64_t c) {
  return mix64(mix64(a, b) ^ c);
}
inline uint64_t mix64(uint64_t a, std::string_view text) {
  for (unsigned char c : text) a = mix64(a, c);
  return a;
}
// Bits to [0, 1).
inline double unit_interval(uint64_t bits) {
  return static_cast<double>(bits >> 11) * 0x1.0p-53;
}

// xoshiro256** of Blackman and Vigna.
class Random {
 public:
  explicit Random(uint64_t seed) {
    for (auto& word : state_) word = seed = mix64(seed);
  }
  uint64_t next() {
    uint64_t result = rotate(state_[1] * 5, 7) * 9;
    uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = rotate(state_[3], 45);
    return result;
  }
  // [0, 1)
  double uniform() { return unit_interval(next()); }
  bool chance(double probability) { return uniform() < probability; }
  // [0, bound). REQUIRES: bound > 0.
  uint64_t below(uint64_t bound) {
    return static_cast<uint64_t>(
        (static_cast<unsigned __int128>(next()) * bound) >> 64);
  }
  double exponential(double mean) { return -mean * std::log1p(-uniform()); }
  // Sum of `shape` exponentials (Erlang), with this mean.
  double gamma(int shape, double mean) {
    double product = 1;
    for (int i = 0; i < shape; ++i) product *= 1 - uniform();
    return -mean / shape * std::log(product);
  }
  // Box and Muller, without keeping the second one.
  double normal() {
    double radius = std::sqrt(-2 * std::log1p(-uniform()));
    return radius * std::cos(6.283185307179586 * uniform());
  }
  // Further ones after the first: 0, 1, 2, ..., at most `limit`.
  int geometric(double probability_of_more, int limit) {
    int n = 0;
    while (n < limit && chance(probability_of_more)) ++n;
    return n;
  }

 private:
  static uint64_t rotate(uint64_t x, int k) {
    return (x << k) | (x >> (64 - k));
  }
  uint64_t state_[4];
};

// Draws an index with a probability in proportion to its weight, in constant
// time (Walker's alias method, after Vose).
class WeightedChoice {
 public:
  WeightedChoice() = default;
  // REQUIRES: not empty; weights >= 0 with a sum > 0.
  explicit WeightedChoice(const std::vector<double>& weights);
  size_t draw(Random& random) const {
    uint64_t bits = random.next();
    size_t i = static_cast<size_t>(
        (static_cast<unsigned __int128>(bits) * keep_.size()) >> 64);
    // The low bits are fresh: `i` was made from the high ones.
    return (bits & 0xffffffff) < keep_[i] ? i : other_[i];
  }

 private:
  std::vector<uint64_t> keep_;  // out of 2^32
  std::vector<uint32_t> other_;
};

// 1/1, 1/2^exponent, 1/3^exponent, ...
std::vector<double> zipf_weights(size_t count, double exponent);

}  // namespace freshet
