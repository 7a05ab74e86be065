#include "server/query/key_table.h"

#define XXH_INLINE_ALL  // most keys are short: the call would take as long
#include <xxhash.h>

#include <random>

namespace freshet {

namespace {

uint64_t seed() {
  static const uint64_t seed = [] {
    std::random_device random;
    return uint64_t{random()} << 32 | random();
  }();
  return seed;
}

}  // namespace

ContentHash hash_contents(std::string_view contents) {
  const XXH128_hash_t hash =
      XXH3_128bits_withSeed(contents.data(), contents.size(), seed());
  return {hash.high64, hash.low64};
}

uint64_t hash_text(std::string_view text) {
  return XXH3_64bits_withSeed(text.data(), text.size(), seed());
}

// The end of SplitMix64, which maps numbers one to one.
ContentHash hash_number(uint64_t number) {
  uint64_t high = number ^ seed();
  high = (high ^ high >> 30) * 0xBF58476D1CE4E5B9;
  high = (high ^ high >> 27) * 0x94D049BB133111EB;
  return {high ^ high >> 31, number};
}

}  // namespace freshet
