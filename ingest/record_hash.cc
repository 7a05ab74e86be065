#include <xxhash.h>

#include "ingest/source.h"

namespace freshet {

uint64_t record_hash(std::string_view key, std::string_view value) {
  // The lengths are the seed of the value's hash, so that ("ab", "c") and
  // ("a", "bc") differ.
  uint64_t head = XXH3_64bits_withSeed(key.data(), key.size(), value.size());
  return XXH3_64bits_withSeed(value.data(), value.size(), head ^ key.size());
}

}  // namespace freshet
