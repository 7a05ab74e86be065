// Sorting of row numbers that can be stopped.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "server/query/query_control.h"

namespace freshet {

// Puts `order` in the order of `before`, by which no two of them may be equal:
// sorts runs and merges them, with a look at `control` every few milliseconds.
// Fails as `control` does; then the order is any.
template <class Before>
Status sort_in_runs(std::vector<uint32_t>& order, const Before& before,
                    const QueryControl& control) {
  constexpr size_t kRun = size_t{1} << 13;
  const size_t size = order.size();
  for (size_t begin = 0; begin < size; begin += kRun) {
    auto at = order.begin() + static_cast<ptrdiff_t>(begin);
    std::sort(at, at + static_cast<ptrdiff_t>(std::min(kRun, size - begin)),
              before);
    TRY(control.check());
  }
  std::vector<uint32_t> merged(size > kRun ? size : 0);
  for (size_t run = kRun; run < size; run *= 2) {
    for (size_t begin = 0; begin < size; begin += 2 * run) {
      size_t a = begin, b = std::min(size, begin + run);
      const size_t end_a = b, end_b = std::min(size, begin + 2 * run);
      for (size_t to = begin; to < end_b; ++to) {
        bool first = b == end_b || (a < end_a && !before(order[b], order[a]));
        merged[to] = first ? order[a++] : order[b++];
        if (to % kRun == 0) TRY(control.check());
      }
    }
    order.swap(merged);
  }
  return {};
}

}  // namespace freshet
