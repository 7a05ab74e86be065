// StableArray: an array that grows at its end while others read it.
//
// One writer appends; elements never move, so that readers of published
// positions need no lock. Chunk k holds 64 << k elements, zero bits at first.
// Publication is the owner's: a reader may look at positions below a count that
// the writer stored, with release order, after the append.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>

#include "segments/zeroed_array.h"

namespace freshet {

template <class T>
class StableArray {
 public:
  StableArray() = default;
  StableArray(const StableArray&) = delete;
  StableArray& operator=(const StableArray&) = delete;

  // Writer only. Positions run up from 0.
  void append(T value) {
    Place place = place_of(size_);
    T* chunk = chunks_[place.chunk].load(std::memory_order_relaxed);
    if (chunk == nullptr) {
      owned_[place.chunk] = ZeroedArray<T>(size_t{kFirst} << place.chunk);
      chunk = &owned_[place.chunk][0];
      chunks_[place.chunk].store(chunk, std::memory_order_release);
    }
    chunk[place.offset] = value;
    ++size_;
  }
  // Writer only.
  uint32_t size() const { return size_; }

  // REQUIRES: position is published.
  const T& operator[](uint32_t position) const {
    Place place = place_of(position);
    return chunks_[place.chunk].load(std::memory_order_acquire)[place.offset];
  }

 private:
  static constexpr uint64_t kFirst = 64;
  struct Place {
    uint32_t chunk;
    uint64_t offset;
  };
  static Place place_of(uint32_t position) {
    uint64_t shifted = position + kFirst;  // 64.. : its top bit is the chunk
    uint32_t chunk = static_cast<uint32_t>(std::bit_width(shifted)) - 7;
    return {chunk, shifted - (kFirst << chunk)};
  }

  static constexpr size_t kChunks = 27;
  std::array<ZeroedArray<T>, kChunks> owned_;  // by the writer
  std::array<std::atomic<T*>, kChunks> chunks_ = {};
  uint32_t size_ = 0;
};

}  // namespace freshet
