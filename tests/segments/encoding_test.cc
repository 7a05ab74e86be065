// Bit packing and the codecs of blocks: every codec gives back what it was
// given, by the block and row by row; SIMD equals scalar; the choice keeps
// its rule; strange bytes are refused or read without leaving them.
#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <set>

#include "segments/bit_packing.h"
#include "segments/double_block.h"
#include "segments/integer_block.h"

namespace freshet {
namespace {

using Longs = std::vector<int64_t>;

constexpr uint32_t kCounts[] = {1, 7, 8, 127, 128, 129, 4095, 4096};

std::vector<uint16_t> some_rows(uint32_t rows, uint32_t one_of,
                                std::mt19937_64& random) {
  std::vector<uint16_t> chosen;
  for (uint32_t i = 0; i < rows; ++i) {
    if (random() % one_of == 0) chosen.push_back(static_cast<uint16_t>(i));
  }
  return chosen;
}

TEST_CASE("unpacking with SIMD equals the scalar reference at every width") {
  std::mt19937_64 random(11);
  for (unsigned width = 0; width <= 64; ++width) {
    uint8_t w = static_cast<uint8_t>(width);
    if (!is_packed_width(w)) continue;
    for (uint32_t count : kCounts) {
      CAPTURE(width);
      CAPTURE(count);
      std::vector<uint64_t> values(count);
      for (uint64_t& value : values) {
        value = width == 0 ? 0 : random() >> (64 - width);
      }
      // Exactly as long as it says: sanitizers see a read past the end.
      auto packed = std::make_unique<char[]>(packed_bytes(count, w));
      pack(values.data(), count, w, packed.get());
      for (uint32_t factor : {1u, 1000u, UINT32_MAX}) {
        if (width > 32 && factor != 1) continue;
        Longs out(count + 1, 5), expected(count + 1, 5);
        unpack_longs(packed.get(), count, w, -3, factor, out.data());
        unpack_longs_scalar(packed.get(), count, w, -3, factor,
                            expected.data());
        CHECK(out == expected);
        bool right = true;
        for (uint32_t i = 0; i < count; ++i) {
          right &= static_cast<uint64_t>(out[i]) == values[i] * factor - 3;
        }
        CHECK(right);
      }
      if (width > 32) continue;
      std::vector<uint32_t> ids(count + 1, 5), expected(count + 1, 5);
      unpack_ids(packed.get(), count, w, 9, ids.data());
      unpack_ids_scalar(packed.get(), count, w, 9, expected.data());
      CHECK(ids == expected);
      CHECK(ids[count - 1] == static_cast<uint32_t>(values[count - 1] + 9));
    }
  }
}

TEST_CASE("ids are capped and mapped, at every length") {
  std::mt19937_64 random(5);
  std::vector<uint32_t> table(70'000);
  for (uint32_t& to : table) to = static_cast<uint32_t>(random());
  for (size_t count : {0u, 1u, 7u, 8u, 15u, 16u, 17u, 63u, 4095u, 4096u}) {
    std::vector<uint32_t> ids(count), capped(count), mapped(count);
    for (size_t i = 0; i < count; ++i) {
      ids[i] = static_cast<uint32_t>(random() % table.size());
      capped[i] = ids[i] < 900 ? ids[i] : 900;
      mapped[i] = table[ids[i]];
    }
    std::vector<uint32_t> out = ids;
    cap_ids(out.data(), count, 900);
    CHECK(out == capped);
    out = ids;
    map_ids(table.data(), out.data(), count);
    CHECK(out == mapped);
    out.assign(count, UINT32_MAX);
    cap_ids(out.data(), count, INT32_MAX + 7u);
    CHECK(out == std::vector<uint32_t>(count, INT32_MAX + 7u));
  }
}

// Shapes of a block's integers; each of the given length.
struct Shape {
  const char* name;
  int64_t (*value)(uint32_t i, std::mt19937_64& random);
};

const Shape kShapes[] = {
    {"constant", [](uint32_t, std::mt19937_64&) { return int64_t{-42}; }},
    {"least", [](uint32_t, std::mt19937_64&) { return INT64_MIN; }},
    {"ends", [](uint32_t i,
                std::mt19937_64&) { return i % 2 ? INT64_MAX : INT64_MIN; }},
    {"any",
     [](uint32_t, std::mt19937_64& r) { return static_cast<int64_t>(r()); }},
    {"small", [](uint32_t,
                 std::mt19937_64& r) { return static_cast<int64_t>(r() % 6); }},
    {"rising",
     [](uint32_t i, std::mt19937_64&) { return int64_t{i} * 1'000'003; }},
    {"falling",
     [](uint32_t i, std::mt19937_64&) { return INT64_MAX - int64_t{i} * 7; }},
    {"seconds",
     [](uint32_t i, std::mt19937_64& r) {
       return 1'795'000'000'000 + int64_t{i} * 3000 +
              static_cast<int64_t>(r() % 3) * 1000;
     }},
    {"millis",
     [](uint32_t i, std::mt19937_64& r) {
       return 1'795'000'000'000 + int64_t{i} * 3000 +
              static_cast<int64_t>(r() % 3000);
     }},
    {"days",
     [](uint32_t, std::mt19937_64& r) {
       return static_cast<int64_t>(r() % 9000) * 86'400'000;
     }},
    {"few far apart",
     [](uint32_t, std::mt19937_64& r) {
       constexpr int64_t kValues[] = {INT64_MIN, -7, 12'345'678'901, 3,
                                      INT64_MAX};
       return kValues[r() % 5];
     }},
    {"256 values",
     [](uint32_t, std::mt19937_64& r) {
       uint64_t k = r() % 256;
       return static_cast<int64_t>(k * k * k * 1'234'567);
     }},
    {"257 values",
     [](uint32_t i, std::mt19937_64&) {
       int64_t k = i % 257;
       return k * k * k * 1'234'567;
     }},
    {"barely steps",  // a delta would save less than its reading costs
     [](uint32_t i, std::mt19937_64& r) {
       return int64_t{i / 512} + static_cast<int64_t>(r() % 2);
     }},
    {"2^16 edge",
     [](uint32_t i, std::mt19937_64&) { return 65'535 + int64_t{i % 2}; }},
};

Longs values_of(const Shape& shape, uint32_t count, std::mt19937_64& random) {
  Longs values(count);
  for (uint32_t i = 0; i < count; ++i) values[i] = shape.value(i, random);
  return values;
}

// A view whose bytes end where the encoded ones do.
struct View {
  View(const EncodedIntegers& encoded, uint32_t rows, int64_t reference)
      : bytes(new char[encoded.bytes.size()]) {
    std::memcpy(bytes.get(), encoded.bytes.data(), encoded.bytes.size());
    block = {encoded.codec, encoded.width, encoded.factor,
             rows,          reference,     {bytes.get(), encoded.bytes.size()}};
  }
  std::unique_ptr<char[]> bytes;
  IntegerBlock block;
};

// The text of the first difference, or nothing.
std::string check_integers(const EncodedIntegers& encoded, const Longs& values,
                           int64_t reference, std::mt19937_64& random) {
  uint32_t rows = static_cast<uint32_t>(values.size());
  View view(encoded, rows, reference);
  if (!integers_fit(view.block)) return "does not fit";
  Longs out(rows + 1, 77);
  decode_longs(view.block, out.data());
  if (out[rows] != 77) return "wrote past the block";
  out.pop_back();
  if (out != values) return "block read";
  std::vector<uint32_t> ids(rows), expected(values.begin(), values.end());
  decode_ids(view.block, ids.data());
  if (ids != expected) return "ids";
  for (uint32_t one_of : {2u, 50u, 900u}) {
    std::vector<uint16_t> at = some_rows(rows, one_of, random);
    Longs some(at.size());
    std::vector<uint32_t> some_ids(at.size());
    gather_longs(view.block, at, some.data());
    gather_ids(view.block, at, some_ids.data());
    for (size_t i = 0; i < at.size(); ++i) {
      if (some[i] != values[at[i]]) return "gather";
      if (some_ids[i] != expected[at[i]]) return "gathered ids";
    }
  }
  return "";
}

// Bytes, and what the rule counts for reading.
size_t cost_of(const EncodedIntegers& encoded, uint32_t rows) {
  if (encoded.codec == BlockCodec::kDelta) {
    return encoded.bytes.size() + rows / 2;
  }
  bool table = encoded.codec == BlockCodec::kDictionary;
  return encoded.bytes.size() + (table ? rows / 4 : 0);
}

TEST_CASE("integers come back from every codec; the choice keeps its rule") {
  std::mt19937_64 random(29);
  std::set<BlockCodec> chosen;
  for (const Shape& shape : kShapes) {
    for (uint32_t count : kCounts) {
      CAPTURE(shape.name);
      CAPTURE(count);
      Longs values = values_of(shape, count, random);
      auto [least, greatest] =
          std::minmax_element(values.begin(), values.end());
      EncodedIntegers best = encode_integers(values, *least, *greatest);
      chosen.insert(best.codec);
      CHECK(check_integers(best, values, *least, random) == "");
      for (BlockCodec codec :
           {BlockCodec::kPacked, BlockCodec::kDelta, BlockCodec::kDictionary}) {
        auto other = encode_integers_as(codec, values, *least, *greatest);
        if (!other) continue;
        CAPTURE(static_cast<int>(codec));
        CHECK(check_integers(*other, values, *least, random) == "");
        // A table that would save less than its look costs is not tried.
        bool narrow = codec == BlockCodec::kDictionary &&
                      packed_width(static_cast<uint64_t>(*greatest) -
                                   static_cast<uint64_t>(*least)) < 4;
        if (narrow) continue;
        CHECK(cost_of(best, count) <= cost_of(*other, count));
      }
    }
  }
  CHECK(chosen.size() == 3);
}

TEST_CASE("codecs save what they are for") {
  std::mt19937_64 random(3);
  auto bytes_of = [&](const char* name) {
    for (const Shape& shape : kShapes) {
      if (std::string(shape.name) != name) continue;
      Longs values = values_of(shape, 4096, random);
      auto [least, greatest] =
          std::minmax_element(values.begin(), values.end());
      return encode_integers(values, *least, *greatest).bytes.size();
    }
    return size_t{0};
  };
  CHECK(bytes_of("constant") == 0);
  CHECK(bytes_of("rising") <= 8 + 32 * 8 + 8);  // steps of no bits
  CHECK(bytes_of("seconds") <= 8 + 32 * 8 + 4096 * 3 / 8 + 8);
  CHECK(bytes_of("millis") <= 8 + 32 * 8 + 4096 * 13 / 8 + 8);
  CHECK(bytes_of("days") <= 4096 * 14 / 8 + 8);
  CHECK(bytes_of("few far apart") <= 8 * 8 + 4096 * 3 / 8 + 8);
  CHECK(bytes_of("256 values") <= 256 * 8 + 4096 + 8);
}

TEST_CASE("random codec parameters are refused or read inside their bytes") {
  std::mt19937_64 random(77);
  uint32_t fitted = 0;
  for (int round = 0; round < 20'000; ++round) {
    uint32_t rows = 1 + static_cast<uint32_t>(random() % 300);
    uint8_t width = static_cast<uint8_t>(random() % 70);
    size_t size = random() % 3000;
    if (is_packed_width(width) && round % 2 == 0) {
      // Sizes that may well be right.
      size = packed_bytes(rows, width);
      if (round % 4 == 0) size += 8 + (rows + 127) / 128 * 8;
      if (round % 8 == 2 && width <= 8) size += size_t{8} << width;
    }
    auto bytes = std::make_unique<char[]>(size);
    for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(random());
    IntegerBlock block{
        static_cast<BlockCodec>(random() % 6), width,
        static_cast<uint32_t>(random()),       rows,
        static_cast<int64_t>(random()),        {bytes.get(), size}};
    if (random() % 2) block.factor = 1;
    if (!integers_fit(block)) continue;
    ++fitted;
    Longs out(rows), one(1);
    std::vector<uint32_t> ids(rows);
    decode_longs(block, out.data());
    decode_ids(block, ids.data());
    uint16_t row = static_cast<uint16_t>(random() % rows);
    gather_longs(block, {&row, 1}, one.data());
    CHECK(one[0] == out[row]);
    CHECK(ids[row] == static_cast<uint32_t>(out[row]));
  }
  CHECK(fitted > 1000);
}

std::string check_doubles(const std::vector<double>& values,
                          std::mt19937_64& random, EncodedDoubles& encoded) {
  uint32_t rows = static_cast<uint32_t>(values.size());
  encoded = encode_doubles(values);
  auto bytes = std::make_unique<char[]>(encoded.bytes.size());
  std::memcpy(bytes.get(), encoded.bytes.data(), encoded.bytes.size());
  DoubleBlock block{
      encoded.codec,      encoded.width, encoded.exponent,
      encoded.exceptions, rows,          {bytes.get(), encoded.bytes.size()}};
  if (!doubles_fit(block)) return "does not fit";
  auto same = [](double a, double b) {
    return std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b);
  };
  std::vector<double> out(rows + 1, 77);
  decode_doubles(block, out.data());
  if (out[rows] != 77) return "wrote past the block";
  for (uint32_t i = 0; i < rows; ++i) {
    if (!same(out[i], values[i])) return "row " + std::to_string(i);
  }
  std::vector<uint16_t> at = some_rows(rows, 9, random);
  std::vector<double> some(at.size());
  gather_doubles(block, at, some.data());
  for (size_t i = 0; i < at.size(); ++i) {
    if (!same(some[i], values[at[i]])) return "gather";
  }
  return "";
}

TEST_CASE("doubles come back bit by bit, decimals in fewer bytes") {
  std::mt19937_64 random(31);
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const double strange[] = {
      -0.0,   std::nan("1"),          -std::nan("2"),     kInfinity, -kInfinity,
      5e-324, 1.7976931348623157e308, 9007199254740993.0, 0.1 + 0.2};
  EncodedDoubles encoded;
  for (uint32_t count : kCounts) {
    CAPTURE(count);
    std::vector<double> values(count);
    for (uint32_t one_strange : {0u, 40u, 3u, 1u}) {
      for (double scale : {1.0, 100.0, 1e6}) {
        for (double& value : values) {
          int64_t units = static_cast<int64_t>(random() % 2'000'000) - 500'000;
          value = static_cast<double>(units) / scale;
          if (one_strange && random() % one_strange == 0) {
            value = strange[random() % std::size(strange)];
          }
        }
        CHECK(check_doubles(values, random, encoded) == "");
        bool full = count >= 128 && one_strange == 0;
        if (full) CHECK(encoded.codec == BlockCodec::kDecimal);
        if (full) CHECK(encoded.bytes.size() * 2 < count * sizeof(double));
        CHECK(encoded.bytes.size() <= count * sizeof(double));
      }
    }
    for (double& value : values) value = std::bit_cast<double>(random());
    CHECK(check_doubles(values, random, encoded) == "");
    for (double& value : values) value = std::ldexp(1.0 + random() % 9, 300);
    CHECK(check_doubles(values, random, encoded) == "");
    std::fill(values.begin(), values.end(), -0.0);
    CHECK(check_doubles(values, random, encoded) == "");
  }
}

TEST_CASE("random double blocks are refused or read inside their bytes") {
  std::mt19937_64 random(78);
  uint32_t fitted = 0;
  for (int round = 0; round < 20'000; ++round) {
    uint32_t rows = 1 + static_cast<uint32_t>(random() % 300);
    uint8_t width = static_cast<uint8_t>(random() % 60);
    uint32_t exceptions = static_cast<uint32_t>(random() % 4);
    size_t size = 8 + packed_bytes(rows, width) + exceptions * 10 +
                  (random() % 4 == 0 ? random() % 20 : 0);
    auto bytes = std::make_unique<char[]>(size);
    for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(random());
    // Rows of exceptions: sometimes right.
    for (uint32_t i = 0; i < exceptions && random() % 2; ++i) {
      uint16_t row = static_cast<uint16_t>(i * (random() % 90));
      std::memcpy(&bytes[size - (exceptions - i) * 2], &row, 2);
    }
    DoubleBlock block{
        BlockCodec::kDecimal, width, static_cast<uint8_t>(random() % 18),
        exceptions,           rows,  {bytes.get(), size}};
    if (!doubles_fit(block)) continue;
    ++fitted;
    std::vector<double> out(rows), one(1);
    decode_doubles(block, out.data());
    uint16_t row = static_cast<uint16_t>(random() % rows);
    gather_doubles(block, {&row, 1}, one.data());
    CHECK(std::bit_cast<uint64_t>(one[0]) == std::bit_cast<uint64_t>(out[row]));
  }
  CHECK(fitted > 1000);
}

}  // namespace
}  // namespace freshet
