#include "segments/double_block.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <vector>

#include "segments/bit_packing.h"

namespace freshet {
namespace {

constexpr uint8_t kMaxExponent = 15;
constexpr uint32_t kSamples = 64;
constexpr uint64_t kExceptionBytes = sizeof(double) + sizeof(uint16_t);

// Exact doubles, so that integer / power is rounded once and gives the double
// nearest to the decimal.
constexpr double kPowers[kMaxExponent + 1] = {1e0,  1e1,  1e2,  1e3, 1e4,  1e5,
                                              1e6,  1e7,  1e8,  1e9, 1e10, 1e11,
                                              1e12, 1e13, 1e14, 1e15};

// The integer with `value` == integer / power, bit by bit.
bool as_integer(double value, double power, int64_t& out) {
  constexpr double kExact = 9007199254740992.0;  // 2^53
  double scaled = std::nearbyint(value * power);
  if (!(std::abs(scaled) <= kExact)) return false;  // NaN too
  out = static_cast<int64_t>(scaled);
  return std::bit_cast<uint64_t>(static_cast<double>(out) / power) ==
         std::bit_cast<uint64_t>(value);
}

uint32_t matches(std::span<const double> values, size_t step, double power) {
  uint32_t count = 0;
  int64_t integer;
  for (size_t i = 0; i < values.size(); i += step) {
    count += as_integer(values[i], power, integer);
  }
  return count;
}

// The least exponent that serves most of a sample.
uint8_t best_exponent(std::span<const double> values) {
  size_t step = values.size() / kSamples + 1;
  uint32_t most = 0;
  uint8_t best = 0;
  for (uint8_t exponent = 0; exponent <= kMaxExponent; ++exponent) {
    uint32_t count = matches(values, step, kPowers[exponent]);
    if (count <= most) continue;
    most = count;
    best = exponent;
  }
  return best;
}

// reference, packed integers, bits of the exceptions, their rows.
std::string decimal_bytes(std::span<const double> values,
                          std::span<const int64_t> integers,
                          const std::vector<uint16_t>& exceptions,
                          int64_t reference, uint8_t width) {
  uint32_t rows = static_cast<uint32_t>(values.size());
  std::vector<uint64_t> above(rows);
  for (uint32_t i = 0; i < rows; ++i) {
    above[i] = static_cast<uint64_t>(integers[i] - reference);
  }
  std::string bytes(sizeof(reference) + packed_bytes(rows, width), '\0');
  std::memcpy(bytes.data(), &reference, sizeof(reference));
  pack(above.data(), rows, width, bytes.data() + sizeof(reference));
  for (uint16_t row : exceptions) {
    bytes.append(reinterpret_cast<const char*>(&values[row]), sizeof(double));
  }
  bytes.append(reinterpret_cast<const char*>(exceptions.data()),
               exceptions.size() * sizeof(uint16_t));
  return bytes;
}

uint64_t integers_size(const DoubleBlock& block) {
  return sizeof(int64_t) + packed_bytes(block.rows, block.width);
}

const char* exception_rows(const DoubleBlock& block) {
  return block.bytes.data() + integers_size(block) +
         block.exceptions * sizeof(double);
}

uint16_t exception_row(const DoubleBlock& block, uint32_t i) {
  uint16_t row;
  std::memcpy(&row, exception_rows(block) + i * sizeof(row), sizeof(row));
  return row;
}

double exception_value(const DoubleBlock& block, uint32_t i) {
  double value;
  std::memcpy(&value,
              block.bytes.data() + integers_size(block) + i * sizeof(value),
              sizeof(value));
  return value;
}

int64_t reference_of(const DoubleBlock& block) {
  int64_t reference;
  std::memcpy(&reference, block.bytes.data(), sizeof(reference));
  return reference;
}

void decode_decimals(const DoubleBlock& block, double* out) {
  int64_t integers[kBlockRows];
  unpack_longs(block.bytes.data() + sizeof(int64_t), block.rows, block.width,
               reference_of(block), 1, integers);
  divide_longs(integers, block.rows, kPowers[block.exponent], out);
  for (uint32_t i = 0; i < block.exceptions; ++i) {
    uint32_t row = exception_row(block, i);
    // Verified once, but the bytes may change under us.
    if (row < block.rows) out[row] = exception_value(block, i);
  }
}

double decimal_at(const DoubleBlock& block, uint16_t row) {
  uint32_t low = 0, high = block.exceptions;
  while (low < high) {
    uint32_t middle = (low + high) / 2;
    uint16_t at = exception_row(block, middle);
    if (at == row) return exception_value(block, middle);
    if (at < row) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  uint64_t above = block.width == 0
                       ? 0
                       : packed_value(block.bytes.data() + sizeof(int64_t), row,
                                      block.width);
  uint64_t integer = static_cast<uint64_t>(reference_of(block)) + above;
  return static_cast<double>(static_cast<int64_t>(integer)) /
         kPowers[block.exponent];
}

EncodedDoubles encode_raw(std::span<const double> values) {
  EncodedDoubles out;
  out.bytes.assign(reinterpret_cast<const char*>(values.data()),
                   values.size_bytes());
  return out;
}

}  // namespace

EncodedDoubles encode_doubles(std::span<const double> values) {
  uint8_t exponent = best_exponent(values);
  std::vector<int64_t> integers(values.size());
  std::vector<uint16_t> exceptions;
  int64_t least = INT64_MAX, greatest = INT64_MIN;
  // So many exceptions at most leave anything to be gained.
  const size_t most = values.size() / 2;
  for (size_t i = 0; i < values.size() && exceptions.size() <= most; ++i) {
    if (!as_integer(values[i], kPowers[exponent], integers[i])) {
      exceptions.push_back(static_cast<uint16_t>(i));
      continue;
    }
    least = std::min(least, integers[i]);
    greatest = std::max(greatest, integers[i]);
  }
  if (exceptions.size() > most || least > greatest) return encode_raw(values);
  for (uint16_t row : exceptions) integers[row] = least;
  uint8_t width = packed_width(static_cast<uint64_t>(greatest - least));
  uint64_t size = sizeof(int64_t) +
                  packed_bytes(static_cast<uint32_t>(values.size()), width) +
                  exceptions.size() * kExceptionBytes;
  if (size * 4 > values.size_bytes() * 3) return encode_raw(values);
  EncodedDoubles out;
  out.codec = BlockCodec::kDecimal;
  out.width = width;
  out.exponent = exponent;
  out.exceptions = static_cast<uint32_t>(exceptions.size());
  out.bytes = decimal_bytes(values, integers, exceptions, least, width);
  return out;
}

bool doubles_fit(const DoubleBlock& block) {
  uint64_t size = block.bytes.size();
  if (block.codec == BlockCodec::kRaw) {
    return block.width == 64 && size == block.rows * sizeof(double);
  }
  if (block.codec != BlockCodec::kDecimal || block.width > 57 ||
      block.exponent > kMaxExponent || block.exceptions > block.rows ||
      size != integers_size(block) + block.exceptions * kExceptionBytes) {
    return false;
  }
  uint32_t least = 0;  // rows ascend strictly
  for (uint32_t i = 0; i < block.exceptions; ++i) {
    uint32_t row = exception_row(block, i);
    if (row < least || row >= block.rows) return false;
    least = row + 1;
  }
  return true;
}

void decode_doubles(const DoubleBlock& block, double* out) {
  if (block.codec == BlockCodec::kDecimal) {
    decode_decimals(block, out);
  } else {
    std::memcpy(out, block.bytes.data(), block.rows * sizeof(*out));
  }
}

void gather_doubles(const DoubleBlock& block, std::span<const uint16_t> rows,
                    double* out) {
  if (block.codec == BlockCodec::kDecimal) {
    for (size_t i = 0; i < rows.size(); ++i) {
      out[i] = decimal_at(block, rows[i]);
    }
    return;
  }
  for (size_t i = 0; i < rows.size(); ++i) {
    std::memcpy(&out[i], block.bytes.data() + rows[i] * sizeof(*out),
                sizeof(*out));
  }
}

}  // namespace freshet
