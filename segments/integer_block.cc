#include "segments/integer_block.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <numeric>

#include "segments/bit_packing.h"

namespace freshet {
namespace {

constexpr uint32_t kMaxTable = 256;
// Below this width a table's positions cannot be worth the look.
constexpr uint8_t kTableWidth = 4;
// From one row of so many on, reading all of a block costs no more than
// finding each row by itself.
constexpr uint32_t kDenseDeltas = 128;
constexpr uint32_t kDenseTable = 3;

uint64_t load_u64(const char* from) {
  uint64_t value;
  std::memcpy(&value, from, sizeof(value));
  return value;
}

uint64_t difference(int64_t a, int64_t b) {
  return static_cast<uint64_t>(a) - static_cast<uint64_t>(b);
}

uint32_t groups_of(uint32_t rows) {
  return (rows + kDeltaGroup - 1) / kDeltaGroup;
}

void append(std::string& bytes, uint64_t value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

void append_packed(std::string& bytes, const uint64_t* values, uint32_t count,
                   uint8_t width) {
  size_t at = bytes.size();
  bytes.resize(at + packed_bytes(count, width));
  pack(values, count, width, bytes.data() + at);
}

// The greatest number that divides every value's distance from `reference`,
// if it makes the packed values fit its 32 bits; else 1.
uint32_t common_factor(std::span<const int64_t> values, int64_t reference,
                       uint64_t range) {
  uint64_t factor = 0;
  for (int64_t value : values) {
    uint64_t above = difference(value, reference);
    if (factor != 0 && above % factor == 0) continue;
    factor = std::gcd(factor, above);
    if (factor == 1) return 1;
  }
  bool fits =
      factor > 1 && factor <= UINT32_MAX && range / factor <= UINT32_MAX;
  return fits ? static_cast<uint32_t>(factor) : 1;
}

// The values as whole factors above the reference.
struct Scaled {
  uint64_t values[kBlockRows];
  uint32_t count;
  uint32_t factor;
  uint64_t greatest;
};

void scale(std::span<const int64_t> values, int64_t reference, int64_t greatest,
           Scaled& out) {
  uint64_t range = difference(greatest, reference);
  out.count = static_cast<uint32_t>(values.size());
  out.factor = common_factor(values, reference, range);
  out.greatest = range / out.factor;
  for (uint32_t i = 0; i < out.count; ++i) {
    out.values[i] = difference(values[i], reference);
  }
  if (out.factor == 1) return;
  for (uint32_t i = 0; i < out.count; ++i) out.values[i] /= out.factor;
}

uint64_t packed_size(const Scaled& scaled) {
  return packed_bytes(scaled.count, packed_width(scaled.greatest));
}

EncodedIntegers encode_packed(const Scaled& scaled) {
  EncodedIntegers out;
  out.width = packed_width(scaled.greatest);
  out.factor = scaled.factor;
  append_packed(out.bytes, scaled.values, scaled.count, out.width);
  return out;
}

// Least and greatest step between neighbours of one group.
struct Steps {
  int64_t least = std::numeric_limits<int64_t>::max();
  int64_t greatest = std::numeric_limits<int64_t>::min();
  uint8_t width() const {
    return least > greatest ? 0 : packed_width(difference(greatest, least));
  }
};

// Nothing if a step might leave an int64.
std::optional<Steps> steps_of(const Scaled& scaled) {
  if (scaled.greatest > INT64_MAX) return std::nullopt;
  Steps steps;
  for (uint32_t begin = 0; begin < scaled.count; begin += kDeltaGroup) {
    uint32_t end = std::min(begin + kDeltaGroup, scaled.count);
    for (uint32_t i = begin + 1; i < end; ++i) {
      int64_t step = static_cast<int64_t>(scaled.values[i]) -
                     static_cast<int64_t>(scaled.values[i - 1]);
      steps.least = std::min(steps.least, step);
      steps.greatest = std::max(steps.greatest, step);
    }
  }
  if (steps.least > steps.greatest) steps.least = steps.greatest = 0;
  return steps;
}

uint64_t delta_size(uint32_t rows, uint8_t width) {
  return 8 + uint64_t{groups_of(rows)} * 8 + packed_bytes(rows, width);
}

EncodedIntegers encode_delta(const Scaled& scaled, const Steps& steps,
                             int64_t reference) {
  EncodedIntegers out;
  out.codec = BlockCodec::kDelta;
  out.width = steps.width();
  out.factor = scaled.factor;
  append(out.bytes, static_cast<uint64_t>(steps.least));
  uint64_t above[kBlockRows];
  for (uint32_t i = 0; i < scaled.count; ++i) {
    if (i % kDeltaGroup == 0) {
      append(out.bytes, static_cast<uint64_t>(reference) +
                            scaled.values[i] * scaled.factor);
      above[i] = 0;
    } else {
      above[i] = scaled.values[i] - scaled.values[i - 1] -
                 static_cast<uint64_t>(steps.least);
    }
  }
  append_packed(out.bytes, above, scaled.count, out.width);
  return out;
}

// The distinct values of a block, as long as they are few.
class ValueTable {
 public:
  // False if there are more than kMaxTable.
  bool build(const Scaled& scaled) {
    slots_.fill(kEmpty);
    values_.clear();
    uint64_t last = ~scaled.values[0];
    for (uint32_t i = 0; i < scaled.count; ++i) {
      if (scaled.values[i] == last) continue;
      last = scaled.values[i];
      if (!add(last)) return false;
    }
    std::sort(values_.begin(), values_.end());
    return true;
  }
  const std::vector<uint64_t>& values() const { return values_; }
  uint8_t width() const { return packed_width(values_.size() - 1); }

 private:
  static constexpr uint16_t kEmpty = UINT16_MAX;
  static constexpr uint32_t kSlots = 1024;

  bool add(uint64_t value) {
    uint32_t slot = static_cast<uint32_t>(value * 0x9E3779B97F4A7C15 >> 54);
    for (; slots_[slot] != kEmpty; slot = (slot + 1) % kSlots) {
      if (values_[slots_[slot]] == value) return true;
    }
    if (values_.size() == kMaxTable) return false;
    slots_[slot] = static_cast<uint16_t>(values_.size());
    values_.push_back(value);
    return true;
  }

  std::array<uint16_t, kSlots> slots_;
  std::vector<uint64_t> values_;
};

// The table has 2^width entries, so that no position can lie outside.
uint64_t table_size(uint32_t rows, uint8_t width) {
  return (uint64_t{8} << width) + packed_bytes(rows, width);
}

EncodedIntegers encode_table(const Scaled& scaled, const ValueTable& table,
                             int64_t reference) {
  const std::vector<uint64_t>& values = table.values();
  EncodedIntegers out;
  out.codec = BlockCodec::kDictionary;
  out.width = table.width();
  for (size_t i = 0; i < size_t{1} << out.width; ++i) {
    uint64_t value = values[std::min(i, values.size() - 1)];
    append(out.bytes, static_cast<uint64_t>(reference) + value * scaled.factor);
  }
  uint64_t positions[kBlockRows];
  for (uint32_t i = 0; i < scaled.count; ++i) {
    auto at = std::lower_bound(values.begin(), values.end(), scaled.values[i]);
    positions[i] = static_cast<uint64_t>(at - values.begin());
  }
  append_packed(out.bytes, positions, scaled.count, out.width);
  return out;
}

// Bytes, and what reading costs more than kPacked's counted as bytes.
uint64_t table_cost(uint64_t size, uint32_t rows) { return size + rows / 4; }
uint64_t delta_cost(uint64_t size, uint32_t rows) { return size + rows / 2; }

const char* delta_packed(const IntegerBlock& block) {
  return block.bytes.data() + 8 + groups_of(block.rows) * 8;
}

// Every value of a group is the one before and a step. Four groups go hand in
// hand, since one alone waits for each of its additions.
template <class T>
void decode_delta(const IntegerBlock& block, T* out) {
  int64_t steps[kBlockRows];
  uint64_t least = load_u64(block.bytes.data());
  if (block.width <= 32) {
    unpack_longs(delta_packed(block), block.rows, block.width,
                 static_cast<int64_t>(least * block.factor), block.factor,
                 steps);
  } else {
    unpack_longs(delta_packed(block), block.rows, block.width,
                 static_cast<int64_t>(least), 1, steps);
    for (uint32_t i = 0; i < block.rows; ++i) {
      steps[i] =
          static_cast<int64_t>(static_cast<uint64_t>(steps[i]) * block.factor);
    }
  }
  const char* starts = block.bytes.data() + 8;
  uint32_t begin = 0;
  constexpr uint32_t kHands = 4;
  for (; begin + kHands * kDeltaGroup <= block.rows;
       begin += kHands * kDeltaGroup) {
    uint64_t values[kHands];
    for (uint32_t hand = 0; hand < kHands; ++hand) {
      values[hand] = load_u64(starts + (begin / kDeltaGroup + hand) * 8) -
                     static_cast<uint64_t>(steps[begin + hand * kDeltaGroup]);
    }
    for (uint32_t i = begin; i < begin + kDeltaGroup; ++i) {
      for (uint32_t hand = 0; hand < kHands; ++hand) {
        uint32_t at = i + hand * kDeltaGroup;
        values[hand] += static_cast<uint64_t>(steps[at]);
        out[at] = static_cast<T>(values[hand]);
      }
    }
  }
  for (uint64_t value = 0; begin < block.rows; ++begin) {
    value += static_cast<uint64_t>(steps[begin]);
    if (begin % kDeltaGroup == 0) {
      value = load_u64(starts + begin / kDeltaGroup * 8);
    }
    out[begin] = static_cast<T>(value);
  }
}

// The value of one row alone.
uint64_t delta_value(const IntegerBlock& block, uint32_t row) {
  const char* starts = block.bytes.data() + 8;
  uint32_t begin = row / kDeltaGroup * kDeltaGroup;
  uint64_t value = load_u64(starts + row / kDeltaGroup * 8);
  uint64_t steps = load_u64(block.bytes.data()) * (row - begin);
  if (block.width > 0) {
    const char* packed = delta_packed(block);
    for (uint32_t i = begin + 1; i <= row; ++i) {
      steps += packed_value(packed, i, block.width);
    }
  }
  return value + steps * block.factor;
}

void decode_table(const IntegerBlock& block, int64_t* out) {
  int64_t table[kMaxTable];
  size_t table_bytes = size_t{8} << block.width;
  std::memcpy(table, block.bytes.data(), table_bytes);
  uint32_t positions[kBlockRows];
  unpack_ids(block.bytes.data() + table_bytes, block.rows, block.width, 0,
             positions);
  for (uint32_t i = 0; i < block.rows; ++i) out[i] = table[positions[i]];
}

// out[i] = value(row) for each row, or by reading the block where that is
// less work.
template <class T, class ReadAll, class Value>
void gather(const IntegerBlock& block, std::span<const uint16_t> rows, T* out,
            uint32_t dense, ReadAll read_all, Value value) {
  if (rows.size() * dense > block.rows) {
    T all[kBlockRows];
    read_all(block, all);
    for (size_t i = 0; i < rows.size(); ++i) out[i] = all[rows[i]];
  } else {
    for (size_t i = 0; i < rows.size(); ++i) {
      out[i] = static_cast<T>(value(rows[i]));
    }
  }
}

template <class T>
void gather_packed(const IntegerBlock& block, std::span<const uint16_t> rows,
                   T* out) {
  uint64_t base = static_cast<uint64_t>(block.reference);
  const char* packed = block.bytes.data();
  if (block.width == 0) {
    std::fill_n(out, rows.size(), static_cast<T>(base));
    return;
  }
  for (size_t i = 0; i < rows.size(); ++i) {
    uint64_t value = packed_value(packed, rows[i], block.width);
    out[i] = static_cast<T>(base + value * block.factor);
  }
}

}  // namespace

EncodedIntegers encode_integers(std::span<const int64_t> values,
                                int64_t reference, int64_t greatest) {
  Scaled scaled;
  scale(values, reference, greatest, scaled);
  uint64_t cost = packed_size(scaled);
  // What any other codec needs at least.
  if (cost <= table_cost(table_size(scaled.count, 1), scaled.count) &&
      cost <= delta_cost(delta_size(scaled.count, 0), scaled.count)) {
    return encode_packed(scaled);
  }
  BlockCodec chosen = BlockCodec::kPacked;
  std::optional<Steps> steps = steps_of(scaled);
  if (steps) {
    uint64_t size = delta_size(scaled.count, steps->width());
    if (delta_cost(size, scaled.count) < cost) {
      chosen = BlockCodec::kDelta;
      cost = delta_cost(size, scaled.count);
    }
  }
  ValueTable table;
  if (packed_width(scaled.greatest) >= kTableWidth &&
      table_cost(table_size(scaled.count, 1), scaled.count) < cost &&
      table.build(scaled)) {
    uint64_t size = table_size(scaled.count, table.width());
    if (table_cost(size, scaled.count) < cost) {
      return encode_table(scaled, table, reference);
    }
  }
  if (chosen == BlockCodec::kDelta) {
    return encode_delta(scaled, *steps, reference);
  }
  return encode_packed(scaled);
}

std::optional<EncodedIntegers> encode_integers_as(
    BlockCodec codec, std::span<const int64_t> values, int64_t reference,
    int64_t greatest) {
  Scaled scaled;
  scale(values, reference, greatest, scaled);
  if (codec == BlockCodec::kPacked) return encode_packed(scaled);
  if (codec == BlockCodec::kDelta) {
    std::optional<Steps> steps = steps_of(scaled);
    if (!steps) return std::nullopt;
    return encode_delta(scaled, *steps, reference);
  }
  ValueTable table;
  if (codec != BlockCodec::kDictionary || !table.build(scaled)) {
    return std::nullopt;
  }
  return encode_table(scaled, table, reference);
}

bool integers_fit(const IntegerBlock& block) {
  if (!is_packed_width(block.width)) return false;
  uint64_t size = block.bytes.size();
  switch (block.codec) {
    case BlockCodec::kPacked:
      return (block.factor == 1 || block.width <= 32) &&
             size == packed_bytes(block.rows, block.width);
    case BlockCodec::kDelta:
      return size == delta_size(block.rows, block.width);
    case BlockCodec::kDictionary:
      return block.width <= 8 && size == table_size(block.rows, block.width);
    default:
      return false;
  }
}

bool integers_may_have(const IntegerBlock& block, int64_t low, int64_t high) {
  if (block.codec != BlockCodec::kDictionary) return true;
  for (size_t i = 0; i < size_t{1} << block.width; ++i) {
    int64_t value = static_cast<int64_t>(load_u64(block.bytes.data() + i * 8));
    if (value >= low && value <= high) return true;
  }
  return false;
}

void decode_longs(const IntegerBlock& block, int64_t* out) {
  if (block.codec == BlockCodec::kDelta) {
    decode_delta(block, out);
  } else if (block.codec == BlockCodec::kDictionary) {
    decode_table(block, out);
  } else {
    unpack_longs(block.bytes.data(), block.rows, block.width, block.reference,
                 block.factor, out);
  }
}

void decode_ids(const IntegerBlock& block, uint32_t* out) {
  if (block.codec == BlockCodec::kPacked && block.factor == 1 &&
      block.width <= 32) {
    unpack_ids(block.bytes.data(), block.rows, block.width,
               static_cast<uint32_t>(block.reference), out);
  } else if (block.codec == BlockCodec::kDelta) {
    decode_delta(block, out);
  } else {
    int64_t longs[kBlockRows];
    decode_longs(block, longs);
    for (uint32_t i = 0; i < block.rows; ++i) {
      out[i] = static_cast<uint32_t>(longs[i]);
    }
  }
}

namespace {

template <class T, class ReadAll>
void gather_values(const IntegerBlock& block, std::span<const uint16_t> rows,
                   T* out, ReadAll read_all) {
  if (block.codec == BlockCodec::kPacked) {
    gather_packed(block, rows, out);
  } else if (block.codec == BlockCodec::kDelta) {
    gather(block, rows, out, kDenseDeltas, read_all,
           [&](uint32_t row) { return delta_value(block, row); });
  } else {
    const char* packed = block.bytes.data() + (size_t{8} << block.width);
    gather(block, rows, out, kDenseTable, read_all, [&](uint32_t row) {
      uint64_t at =
          block.width == 0 ? 0 : packed_value(packed, row, block.width);
      return load_u64(block.bytes.data() + at * 8);
    });
  }
}

}  // namespace

void gather_longs(const IntegerBlock& block, std::span<const uint16_t> rows,
                  int64_t* out) {
  gather_values(block, rows, out, decode_longs);
}

void gather_ids(const IntegerBlock& block, std::span<const uint16_t> rows,
                uint32_t* out) {
  gather_values(block, rows, out, decode_ids);
}

}  // namespace freshet
