#include "segments/bloom_filter.h"

#include <xxhash.h>

namespace freshet {
namespace {

constexpr uint32_t kBits = kBloomBytes * 8;
constexpr uint32_t kProbes = 7;  // best for 10 bits a value

// Calls use(byte, mask) for each probe until it gives false.
template <class Use>
bool probe(uint64_t hash, Use use) {
  uint32_t at = static_cast<uint32_t>(hash);
  uint32_t step = static_cast<uint32_t>(hash >> 32) | 1;
  for (uint32_t i = 0; i < kProbes; ++i, at += step) {
    // The upper part of a product maps 2^32 numbers onto the bits evenly.
    uint32_t bit = static_cast<uint32_t>(uint64_t{at} * kBits >> 32);
    if (!use(bit / 8, 1 << bit % 8)) return false;
  }
  return true;
}

}  // namespace

uint64_t bloom_hash(std::string_view text) {
  return XXH3_64bits(text.data(), text.size());
}

void bloom_add(char* filter, uint64_t hash) {
  probe(hash, [&](uint32_t byte, int mask) {
    filter[byte] = static_cast<char>(filter[byte] | mask);
    return true;
  });
}

bool bloom_may_have(const char* filter, uint64_t hash) {
  return probe(hash, [&](uint32_t byte, int mask) {
    return (filter[byte] & mask) != 0;
  });
}

}  // namespace freshet
