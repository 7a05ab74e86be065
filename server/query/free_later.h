// Giving back memory without keeping anybody waiting.
#pragma once

#include <cstddef>
#include <cstdint>
#include <system_error>
#include <thread>
#include <tuple>
#include <utility>

namespace freshet {

// Destroys what `value` holds in another thread: hundreds of thousands of rows
// or keys, or hundreds of MB, take a tenth of a second, in which neither an
// answer nor the end of a cancelled query should be late.
template <class T>
void free_in_background(T& value) {
  try {
    std::thread([all = std::move(value)] {}).detach();
  } catch (const std::system_error&) {
    // No thread: it was destroyed while that was tried.
  }
}

constexpr size_t kFreedLaterRows = 20'000;

// Empties `container`; so, if it has many members.
template <class Container>
void free_later(Container& container) {
  Container all = std::move(container);
  if (all.size() >= kFreedLaterRows) free_in_background(all);
}

// Of parts that take so many bytes; so, if these are too many to be given back
// while somebody waits: some ten milliseconds, most of them the system's.
template <class... Parts>
void free_later(uint64_t bytes, Parts&... parts) {
  constexpr uint64_t kMany = uint64_t{32} << 20;
  if (bytes < kMany) return;
  std::tuple<Parts...> all(std::move(parts)...);
  free_in_background(all);
}

}  // namespace freshet
