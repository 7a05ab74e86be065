// HllSketch: how many distinct values were added, approximately, in at most
// 12 KB.
//
// HyperLogLog++ (Heule, Nunkesser, Hall: HyperLogLog in Practice, 2013) with
// 2^14 registers over 64-bit hashes: a sparse list of 25-bit indexes first,
// registers when that list has more than kMaxSparse entries. The count is by
// Ertl's improved raw estimator (O. Ertl, New cardinality estimation
// algorithms for HyperLogLog sketches, arXiv:1702.01284, algorithm 6), which
// has no bias to correct and needs no tables.
//
// Standard error: kHllStandardError (0.81 %) of the count with registers; by
// linear counting over 2^25 cells before, below 0.02 %.
//
// The state is a function of the set of values only: the order of add and
// merge, and how often a value comes, change nothing, not even a bit.
// Value type; used by one thread at a time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "segments/result.h"

namespace freshet {

inline constexpr double kHllStandardError = 0.0081;

// The hash of a value: XXH3 with 64 bits of its bytes, or of its 16 bytes as
// an integer. Equal doubles hash alike (-0.0 as 0.0, every NaN as one).
uint64_t sketch_hash(std::string_view text);
uint64_t sketch_hash(__int128 number);
uint64_t sketch_hash(double number);

class HllSketch {
 public:
  static constexpr size_t kMaxSparse = 3072;

  void add(uint64_t hash);
  void merge(const HllSketch& other);
  // The estimate, rounded.
  int64_t count() const;

  // Serialised form: FORMAT.md, "Sketches".
  std::string to_bytes() const;
  // kCorrupt for bytes that to_bytes cannot have made, kUnsupported for an
  // unknown version.
  static Result<HllSketch> from_bytes(std::string_view bytes);

  bool operator==(const HllSketch& other) const;
  uint64_t memory_bytes() const {
    return sparse_.capacity() * 4 + fresh_.capacity() * 4 +
           registers_.capacity();
  }

 private:
  // An entry is index << 6 | rank: 25 bits of the hash, and the place of the
  // first 1 in the 39 bits after them.
  void add_entry(uint32_t entry) const;
  void settle() const;
  void make_dense() const;
  void raise(uint32_t entry) const;

  // Settling is caching: it does not change what the sketch stands for.
  mutable std::vector<uint32_t> sparse_;    // ascending, one for each index
  mutable std::vector<uint32_t> fresh_;     // not yet in sparse_
  mutable std::vector<uint8_t> registers_;  // 2^14 once dense, else empty
};

}  // namespace freshet
