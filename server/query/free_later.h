// Giving back memory without keeping anybody waiting.
#pragma once

#include <cstddef>
#include <system_error>
#include <thread>
#include <utility>

namespace freshet {

// Empties `container`; if it has many members, in another thread: hundreds of
// thousands of rows or keys take a tenth of a second, in which neither an
// answer nor the end of a cancelled query should be late.
template <class Container>
void free_later(Container& container) {
  constexpr size_t kMany = 20'000;
  Container all = std::move(container);
  if (all.size() < kMany) return;
  try {
    std::thread([all = std::move(all)] {}).detach();
  } catch (const std::system_error&) {
    // No thread: it was destroyed while that was tried.
  }
}

}  // namespace freshet
