// Bit packing: `width` bits per value, one after the other, lowest bit first;
// value i is at bits [i*width, (i+1)*width). Widths are 0..57 and 64, so that
// any value lies in 8 bytes from its first: one unaligned load reads it.
// Packed bytes are followed by 8 bytes of slack for that load. FORMAT.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace freshet {

// The width for values up to `greatest`.
uint8_t packed_width(uint64_t greatest);
bool is_packed_width(uint8_t width);

// Bytes of `count` packed values, slack included; a multiple of 8; 0 for
// width 0.
uint64_t packed_bytes(uint32_t count, uint8_t width);

// Writes packed_bytes(count, width) bytes. REQUIRES: values fit the width.
void pack(const uint64_t* values, uint32_t count, uint8_t width, char* out);

// out[i] = reference + factor * value i for the first `count` values, modulo
// 2^64. REQUIRES: `packed` has packed_bytes(count, width) bytes; width <= 32
// unless factor is 1.
void unpack_longs(const char* packed, uint32_t count, uint8_t width,
                  int64_t reference, uint32_t factor, int64_t* out);
// The same for dictionary ids, modulo 2^32. REQUIRES: width <= 32.
void unpack_ids(const char* packed, uint32_t count, uint8_t width,
                uint32_t reference, uint32_t* out);

// ids[i] = the less of ids[i] and `greatest`.
void cap_ids(uint32_t* ids, size_t count, uint32_t greatest);
// ids[i] = table[ids[i]]. REQUIRES: the table has every id.
void map_ids(const uint32_t* table, uint32_t* ids, size_t count);

// out[i] = the double nearest to values[i] / divisor.
void divide_longs(const int64_t* values, uint32_t count, double divisor,
                  double* out);

// What unpack_longs and unpack_ids must equal, value by value: the reference in
// tests, and the last values of a block.
void unpack_longs_scalar(const char* packed, uint32_t count, uint8_t width,
                         int64_t reference, uint32_t factor, int64_t* out);
void unpack_ids_scalar(const char* packed, uint32_t count, uint8_t width,
                       uint32_t reference, uint32_t* out);

// Value i alone. REQUIRES: width > 0.
inline uint64_t packed_value(const char* packed, uint32_t i, uint8_t width) {
  uint64_t bit = uint64_t{i} * width;
  uint64_t word;
  std::memcpy(&word, packed + bit / 8, sizeof(word));
  return (word >> bit % 8) & (~uint64_t{0} >> (64 - width));
}

}  // namespace freshet
