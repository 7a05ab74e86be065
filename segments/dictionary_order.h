// DictionaryOrder: the values of a dictionary in byte order or in order of
// appearance, and so the ids a sealed segment gives them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "segments/segment.h"

namespace freshet {

struct DictionaryOrder {
  std::vector<uint32_t> ids;   // ids[k]: the old id of new id k+1
  std::vector<uint32_t> rank;  // rank[old id]: new id; 0 for null and unused
  bool by_appearance = false;

  // New number of ids, null included.
  uint32_t size() const { return static_cast<uint32_t>(ids.size()) + 1; }
  // Orders the values whose `used` byte is not 0; all with an empty `used`.
  static DictionaryOrder of(const Dictionary& dictionary,
                            const std::vector<uint8_t>& used);
  // The values of `ids` (a row each) as they first appear when the rows are
  // read in `order`, or as they are if that is empty. `size` ids with null.
  static DictionaryOrder of_rows(std::span<const uint32_t> ids,
                                 std::span<const uint32_t> order,
                                 uint32_t size);
};

}  // namespace freshet
