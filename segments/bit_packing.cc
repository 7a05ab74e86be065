#include "segments/bit_packing.h"

#include <array>
#include <bit>
#include <utility>

namespace freshet {
namespace {

// Eight values start on a byte, so offsets and shifts are constants here.
template <class T, unsigned kWidth, size_t... kIndex>
inline void unpack_eight(const char* packed, T reference, T* out,
                         std::index_sequence<kIndex...>) {
  constexpr uint64_t kMask = ~uint64_t{0} >> (64 - kWidth);
  auto one = [&](size_t index) {
    uint64_t word;
    std::memcpy(&word, packed + index * kWidth / 8, sizeof(word));
    return static_cast<T>(static_cast<uint64_t>(reference) +
                          ((word >> (index * kWidth % 8)) & kMask));
  };
  ((out[kIndex] = one(kIndex)), ...);
}

template <class T, unsigned kWidth>
void unpack(const char* packed, uint32_t count, T reference, T* out) {
  if constexpr (kWidth == 0) {
    for (uint32_t i = 0; i < count; ++i) out[i] = reference;
  } else {
    uint32_t i = 0;
    for (; i + 8 <= count; i += 8, packed += kWidth) {
      unpack_eight<T, kWidth>(packed, reference, out + i,
                              std::make_index_sequence<8>());
    }
    for (uint32_t rest = 0; i < count; ++i, ++rest) {
      out[i] = static_cast<T>(static_cast<uint64_t>(reference) +
                              packed_value(packed, rest, kWidth));
    }
  }
}

template <class T>
using Unpack = void (*)(const char*, uint32_t, T, T*);

template <class T, size_t... kWidth>
constexpr std::array<Unpack<T>, sizeof...(kWidth)> unpack_table(
    std::index_sequence<kWidth...>) {
  return {&unpack<T, kWidth>...};
}

constexpr auto kUnpackLongs =
    unpack_table<int64_t>(std::make_index_sequence<58>());
constexpr auto kUnpackIds =
    unpack_table<uint32_t>(std::make_index_sequence<33>());

}  // namespace

uint8_t packed_width(uint64_t greatest) {
  int width = std::bit_width(greatest);
  return static_cast<uint8_t>(width > 57 ? 64 : width);
}

bool is_packed_width(uint8_t width) { return width <= 57 || width == 64; }

uint64_t packed_bytes(uint32_t count, uint8_t width) {
  if (width == 0) return 0;
  return (uint64_t{count} * width + 63) / 64 * 8 + 8;
}

void pack(const uint64_t* values, uint32_t count, uint8_t width, char* out) {
  if (width == 0) return;
  uint64_t word = 0;
  unsigned used = 0;
  auto flush = [&] {
    std::memcpy(out, &word, sizeof(word));
    out += sizeof(word);
  };
  for (uint32_t i = 0; i < count; ++i) {
    word |= values[i] << used;
    used += width;
    if (used < 64) continue;
    flush();
    used -= 64;
    word = used == 0 ? 0 : values[i] >> (width - used);
  }
  if (used > 0) flush();
  word = 0;
  flush();  // slack
}

void unpack_longs(const char* packed, uint32_t count, uint8_t width,
                  int64_t reference, int64_t* out) {
  if (width == 64) {
    for (uint32_t i = 0; i < count; ++i) {
      uint64_t value;
      std::memcpy(&value, packed + i * sizeof(value), sizeof(value));
      out[i] = static_cast<int64_t>(static_cast<uint64_t>(reference) + value);
    }
    return;
  }
  kUnpackLongs[width](packed, count, reference, out);
}

void unpack_ids(const char* packed, uint32_t count, uint8_t width,
                uint32_t reference, uint32_t* out) {
  kUnpackIds[width](packed, count, reference, out);
}

}  // namespace freshet
