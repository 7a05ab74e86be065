#include "segments/bit_packing.h"

#include <bit>

namespace freshet {

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

void unpack_longs_scalar(const char* packed, uint32_t count, uint8_t width,
                         int64_t reference, uint32_t factor, int64_t* out) {
  uint64_t base = static_cast<uint64_t>(reference);
  for (uint32_t i = 0; i < count; ++i) {
    uint64_t value = width == 0 ? 0 : packed_value(packed, i, width);
    out[i] = static_cast<int64_t>(base + factor * value);
  }
}

void unpack_ids_scalar(const char* packed, uint32_t count, uint8_t width,
                       uint32_t reference, uint32_t* out) {
  for (uint32_t i = 0; i < count; ++i) {
    uint64_t value = width == 0 ? 0 : packed_value(packed, i, width);
    out[i] = reference + static_cast<uint32_t>(value);
  }
}

}  // namespace freshet
