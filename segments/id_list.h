// Ascending ids as bytes: the first, then each less the one before, as varints.
#pragma once

#include <span>
#include <vector>

#include "segments/result.h"
#include "segments/varint.h"

namespace freshet {

inline std::string encode_ids(std::span<const uint32_t> ids) {
  std::string bytes;
  uint32_t before = 0;
  for (uint32_t id : ids) {
    put_varint(bytes, id - before);
    before = id;
  }
  return bytes;
}

// Appends the ids to `out`. kCorrupt unless they ascend from 1 to below `end`.
inline Status decode_ids(std::string_view bytes, uint32_t end,
                         std::vector<uint32_t>& out) {
  uint64_t id = 0;
  while (!bytes.empty()) {
    uint64_t step = 0;
    if (!take_varint(bytes, step) || step == 0 || step >= end - id) {
      return Error{ErrorCode::kCorrupt, "list of ids is damaged"};
    }
    id += step;
    out.push_back(static_cast<uint32_t>(id));
  }
  return {};
}

}  // namespace freshet
