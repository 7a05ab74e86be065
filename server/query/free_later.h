// Giving back memory without keeping anybody waiting.
#pragma once

#include <system_error>
#include <thread>
#include <utility>

namespace freshet {

// Destroys `value` in another thread: hundreds of thousands of rows or keys
// take a tenth of a second, in which neither an answer nor the end of a
// cancelled query should be late.
template <class T>
void free_later(T value) {
  try {
    std::thread([value = std::move(value)] {}).detach();
  } catch (const std::system_error&) {
    // No thread: it was destroyed while that was tried.
  }
}

}  // namespace freshet
