// QuantileSketch: the values at given ranks of all numbers added,
// approximately, in at most ~13 KB.
//
// KLL (Karnin, Lang, Liberty: Optimal Quantile Approximation in Streams,
// arXiv:1603.05346) with k = 512, capacities falling by 2/3 a level and at
// least 8. Chosen over t-digest because its error is bounded for every input,
// sorted or adversarial, and stays so however sketches are merged.
//
// Bound, as Apache DataSketches gives it for this sketch: the rank of an
// answer is off by at most kQuantileRankError (0.53 %) of the number of values
// with 99 % confidence for one rank, and by kQuantileRankErrorAll (0.68 %) for
// all ranks at once. Up to k values the answers are exact, and the
// least and the greatest value always are.
//
// Repeatable: the coin is seeded, so the same calls give the same answer.
// NaN is the greatest value. Value type; used by one thread at a time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "segments/result.h"

namespace freshet {

inline constexpr double kQuantileRankError = 0.0053;
inline constexpr double kQuantileRankErrorAll = 0.0068;

class QuantileSketch {
 public:
  void add(double value);
  void merge(const QuantileSketch& other);

  // Number of values added.
  uint64_t size() const { return size_; }
  // The value at rank fraction * (size() - 1), interpolated between its
  // neighbours as percentile_cont does. REQUIRES: size() > 0, fraction in
  // [0, 1].
  double quantile(double fraction) const;

  // Serialised form: FORMAT.md, "Sketches".
  std::string to_bytes() const;
  // kCorrupt for bytes that to_bytes cannot have made, kUnsupported for an
  // unknown version.
  static Result<QuantileSketch> from_bytes(std::string_view bytes);

  uint64_t memory_bytes() const;

 private:
  size_t capacity(size_t level) const;
  void compress_if_full();
  void compact(size_t level);
  bool coin();

  uint64_t size_ = 0;
  size_t held_ = 0;  // values in all levels
  size_t room_ = 0;  // most of them
  uint64_t coin_ = 0x9e3779b97f4a7c15;
  double least_ = 0, greatest_ = 0;
  // A value at level h stands for 2^h values.
  std::vector<std::vector<double>> levels_;
};

}  // namespace freshet
