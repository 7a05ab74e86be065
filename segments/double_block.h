// Doubles of one block of a column: as they are, or, where nearly all are
// short decimals (12.99, 0.5), as packed integers of a power of ten with the
// others listed. FORMAT.md, "Codecs of doubles".
//
// Every double comes back bit by bit, -0.0 and each NaN too. Stateless; any
// thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "segments/integer_block.h"

namespace freshet {

// REQUIRES for every use below: doubles_fit().
struct DoubleBlock {
  BlockCodec codec = BlockCodec::kRaw;
  uint8_t width = 64;
  uint8_t exponent = 0;     // kDecimal: value = integer / 10^exponent
  uint32_t exceptions = 0;  // kDecimal: rows listed with their bits
  uint32_t rows = 0;
  std::string_view bytes;
};

struct EncodedDoubles {
  BlockCodec codec = BlockCodec::kRaw;
  uint8_t width = 64;
  uint8_t exponent = 0;
  uint32_t exceptions = 0;
  std::string bytes;
};

// Takes kDecimal where it needs at most 3/4 of the raw bytes.
EncodedDoubles encode_doubles(std::span<const double> values);

// Whether the parts need exactly these bytes and name rows of the block.
bool doubles_fit(const DoubleBlock& block);

void decode_doubles(const DoubleBlock& block, double* out);
// The values at ascending positions.
void gather_doubles(const DoubleBlock& block, std::span<const uint16_t> rows,
                    double* out);

}  // namespace freshet
