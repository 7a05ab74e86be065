// Integers of one block of a column (longs, decimals, times, ids): how their
// bytes are chosen, written and read. FORMAT.md, "Codecs of integers".
//
// Stateless; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "segments/segment.h"

namespace freshet {

enum class BlockCodec : uint8_t {
  kPacked = 0,      // reference + factor * packed value
  kDelta = 1,       // sums of packed differences from every kDeltaGroup-th row
  kDictionary = 2,  // packed positions in a table of at most 256 values
  kRaw = 3,         // doubles as they are
  kDecimal = 4,     // doubles as packed integers of 10^-exponent
};

// Rows whose differences are summed from one value; so many additions at most
// reach any row.
inline constexpr uint32_t kDeltaGroup = 128;

// The integers of a block in its bytes. REQUIRES for every use below:
// integers_fit().
struct IntegerBlock {
  BlockCodec codec = BlockCodec::kPacked;
  uint8_t width = 0;
  uint32_t factor = 1;
  uint32_t rows = 0;
  int64_t reference = 0;  // kPacked only: the value packed as 0
  std::string_view bytes;
};

struct EncodedIntegers {
  BlockCodec codec = BlockCodec::kPacked;
  uint8_t width = 0;
  uint32_t factor = 1;
  std::string bytes;
};

// Chooses by bytes and by what reading costs: kDictionary must save a quarter
// of a byte a row, and kDelta half a byte, to be taken before kPacked.
// REQUIRES: 1 to kBlockRows values, all in [reference, greatest].
EncodedIntegers encode_integers(std::span<const int64_t> values,
                                int64_t reference, int64_t greatest);
// The same in one given codec; nothing where it cannot hold the values.
std::optional<EncodedIntegers> encode_integers_as(
    BlockCodec codec, std::span<const int64_t> values, int64_t reference,
    int64_t greatest);

// Whether codec, width and factor are known and need exactly these bytes, so
// that no read leaves them.
bool integers_fit(const IntegerBlock& block);

// Whether a value of [low, high] can be in the block, as far as a table of
// its values tells; true without one.
bool integers_may_have(const IntegerBlock& block, int64_t low, int64_t high);

void decode_longs(const IntegerBlock& block, int64_t* out);
// REQUIRES: every value is below 2^32 (ids: checked when a column is opened).
void decode_ids(const IntegerBlock& block, uint32_t* out);
// The values at ascending positions.
void gather_longs(const IntegerBlock& block, std::span<const uint16_t> rows,
                  int64_t* out);
void gather_ids(const IntegerBlock& block, std::span<const uint16_t> rows,
                uint32_t* out);

}  // namespace freshet
