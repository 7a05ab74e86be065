// Sketches against exact answers: bounds on adversarial inputs, merge trees,
// bytes and damaged bytes.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <random>

#include "segments/hll_sketch.h"
#include "segments/quantile_sketch.h"
#include "segments/varint.h"

namespace freshet {
namespace {

HllSketch hll_of(uint64_t begin, uint64_t end) {
  HllSketch sketch;
  for (uint64_t i = begin; i < end; ++i) {
    sketch.add(sketch_hash(static_cast<__int128>(i)));
  }
  return sketch;
}

// Four standard errors; one value off where the list is still sparse.
void check_count(const HllSketch& sketch, uint64_t exact) {
  CAPTURE(exact);
  double error = std::abs(static_cast<double>(sketch.count()) -
                          static_cast<double>(exact));
  double bound = exact <= HllSketch::kMaxSparse
                     ? 1 + static_cast<double>(exact) * 0.0002
                     : 4 * kHllStandardError * static_cast<double>(exact);
  CHECK(error <= bound);
}

TEST_CASE("counts of distinct values stay in their bound") {
  CHECK(HllSketch().count() == 0);
  for (uint64_t n : {1, 2, 10, 100, 1000, 3072, 3073, 5000, 20000, 50000,
                     100000, 400000, 2000000}) {
    check_count(hll_of(0, n), n);
  }
}

TEST_CASE("the mean error of many counts has no bias") {
  // Where plain HyperLogLog is worst: 1 to 5 values a register.
  for (uint64_t n : {10000u, 30000u, 45000u, 80000u}) {
    double sum = 0;
    constexpr int kRuns = 60;
    for (int run = 0; run < kRuns; ++run) {
      uint64_t begin = static_cast<uint64_t>(run) * 1'000'000;
      auto found = static_cast<double>(hll_of(begin, begin + n).count());
      sum += found / static_cast<double>(n) - 1;
    }
    CAPTURE(n);
    CHECK(std::abs(sum / kRuns) < 4 * kHllStandardError / std::sqrt(kRuns));
  }
}

TEST_CASE("text and doubles are counted by value") {
  HllSketch sketch;
  for (int i = 0; i < 900; ++i) {
    sketch.add(
        sketch_hash(std::string_view("member-" + std::to_string(i % 300))));
  }
  check_count(sketch, 300);
  HllSketch doubles;
  for (double d : {0.0, -0.0, std::nan("1"), -std::nan("2"), 1.5}) {
    doubles.add(sketch_hash(d));
  }
  CHECK(doubles.count() == 3);
}

// Splits [0, n) into `parts` sketches (overlapping) and merges them in a
// random tree.
HllSketch merged_hll(uint64_t n, size_t parts, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<HllSketch> sketches(parts);
  for (uint64_t i = 0; i < n; ++i) {
    for (int copy = 0; copy < 2; ++copy) {
      sketches[random() % parts].add(sketch_hash(static_cast<__int128>(i)));
    }
  }
  while (sketches.size() > 1) {
    std::swap(sketches[random() % sketches.size()], sketches.back());
    HllSketch last = std::move(sketches.back());
    sketches.pop_back();
    sketches[random() % sketches.size()].merge(last);
  }
  return sketches[0];
}

TEST_CASE("merging is exact in any order, sparse or not") {
  for (uint64_t n : {0, 50, 3000, 3200, 40000}) {
    HllSketch whole = hll_of(0, n);
    for (size_t parts : {1, 2, 7, 500}) {
      for (uint64_t seed : {1, 2, 3}) {
        CAPTURE(n);
        CAPTURE(parts);
        CAPTURE(seed);
        HllSketch merged = merged_hll(n, parts, seed);
        CHECK(merged == whole);
        CHECK(merged.to_bytes() == whole.to_bytes());
        merged.merge(merged);
        CHECK(merged == whole);
      }
    }
  }
}

TEST_CASE("a sketch of distinct values comes back from its bytes") {
  for (uint64_t n : {0, 1, 700, 3072, 3073, 100000}) {
    HllSketch sketch = hll_of(0, n);
    auto read = HllSketch::from_bytes(sketch.to_bytes());
    REQUIRE(read.has_value());
    CHECK(*read == sketch);
    CHECK(sketch.to_bytes().size() <= 12290);
  }
}

// Bytes of any kind are refused or are a sketch that can be used.
template <class Sketch>
void check_damage(const std::string& good, uint64_t seed,
                  const std::function<void(const Sketch&)>& use) {
  for (size_t size = 0; size < good.size(); size += 1 + good.size() / 400) {
    auto cut = Sketch::from_bytes(std::string_view(good).substr(0, size));
    if (cut) use(*cut);
  }
  std::mt19937_64 random(seed);
  for (int i = 0; i < 3000; ++i) {
    std::string bad = good;
    for (uint64_t n = 1 + random() % 3; n > 0; --n) {
      bad[random() % bad.size()] = static_cast<char>(random());
    }
    if (random() % 4 == 0) bad.resize(random() % (bad.size() + 1));
    auto read = Sketch::from_bytes(bad);
    if (read) use(*read);
  }
}

TEST_CASE("damaged sketches of distinct values are refused or harmless") {
  auto use = [](const HllSketch& s) {
    HllSketch copy = hll_of(0, 10);
    copy.merge(s);
    CHECK(copy.count() >= 0);
    CHECK(*HllSketch::from_bytes(s.to_bytes()) == s);
  };
  for (uint64_t n : {3, 2000, 9000}) {
    check_damage<HllSketch>(hll_of(0, n).to_bytes(), n, use);
  }
  CHECK(HllSketch::from_bytes("").error().code == ErrorCode::kCorrupt);
  CHECK(HllSketch::from_bytes(std::string(2, '\x02')).error().code ==
        ErrorCode::kUnsupported);
  // A rank that no hash has, an entry twice, and more than the list may hold.
  CHECK_FALSE(
      HllSketch::from_bytes(std::string("\x01\x00\x3f", 3)).has_value());
  CHECK(HllSketch::from_bytes(std::string("\x01\x00\x01", 3)).has_value());
  CHECK_FALSE(
      HllSketch::from_bytes(std::string("\x01\x00\x01\x00", 4)).has_value());
  std::string many("\x01\x00\x01", 3);
  for (size_t i = 0; i < HllSketch::kMaxSparse; ++i) put_varint(many, 64);
  CHECK_FALSE(HllSketch::from_bytes(many).has_value());
}

// Greatest distance of an answer's rank from the rank asked for, over 199
// fractions, as a share of all values.
double rank_error(const QuantileSketch& sketch, std::vector<double> values) {
  std::sort(values.begin(), values.end());
  auto n = static_cast<double>(values.size());
  double worst = 0;
  for (int i = 1; i < 200; ++i) {
    double fraction = i / 200.0;
    double answer = sketch.quantile(fraction);
    auto low = std::lower_bound(values.begin(), values.end(), answer);
    auto high = std::upper_bound(values.begin(), values.end(), answer);
    double rank = fraction * (n - 1);
    auto first = static_cast<double>(low - values.begin());
    auto last = static_cast<double>(high - values.begin());
    worst = std::max({worst, (first - 1 - rank) / n, (rank - last) / n});
  }
  return worst;
}

std::vector<std::pair<std::string, std::vector<double>>> inputs(size_t n) {
  std::mt19937_64 random(n);
  std::vector<double> sorted(n), reversed(n), one(n, 7.25), few(n), wide(n),
      zigzag(n), shuffled(n), steps(n);
  for (size_t i = 0; i < n; ++i) {
    auto x = static_cast<double>(i);
    sorted[i] = x;
    reversed[i] = -x;
    few[i] = static_cast<double>(random() % 5);
    wide[i] = std::exp(static_cast<double>(random() % 700000) / 1000);
    zigzag[i] = i % 2 ? x : -x;
    shuffled[i] = x;
    steps[i] = static_cast<double>(i % 1000);
  }
  std::shuffle(shuffled.begin(), shuffled.end(), random);
  return {{"sorted", sorted},     {"reversed", reversed}, {"one", one},
          {"few", few},           {"exponential", wide},  {"zigzag", zigzag},
          {"shuffled", shuffled}, {"steps", steps}};
}

TEST_CASE("ranks stay in their bound, whatever the order of the values") {
  for (size_t n : {513, 5000, 300000}) {
    for (const auto& [name, values] : inputs(n)) {
      QuantileSketch sketch;
      for (double v : values) sketch.add(v);
      CAPTURE(name);
      CAPTURE(n);
      CHECK(sketch.size() == n);
      CHECK(rank_error(sketch, values) <= kQuantileRankErrorAll);
      CHECK(sketch.quantile(0) ==
            *std::min_element(values.begin(), values.end()));
      CHECK(sketch.quantile(1) ==
            *std::max_element(values.begin(), values.end()));
      CHECK(sketch.memory_bytes() < 40000);
      CHECK(sketch.to_bytes().size() < 14000);
    }
  }
}

TEST_CASE("few values give the exact quantile") {
  QuantileSketch sketch;
  for (double v : {30.0, 10.0, 40.0, 20.0}) sketch.add(v);
  CHECK(sketch.quantile(0.5) == 25);
  CHECK(sketch.quantile(0.25) == 17.5);
  CHECK(sketch.quantile(1) == 40);
  QuantileSketch many;
  for (int i = 0; i < 512; ++i) many.add(i);
  for (int i = 0; i < 512; ++i) {
    CHECK(many.quantile(i / 511.0) == doctest::Approx(i));
  }
}

TEST_CASE("NaN is the greatest value") {
  QuantileSketch sketch;
  sketch.add(std::nan(""));
  sketch.add(1);
  sketch.add(2);
  CHECK(std::isnan(sketch.quantile(1)));
  CHECK(sketch.quantile(0.5) == 2);
  CHECK(sketch.quantile(0) == 1);
}

// How sketches of parts are put together.
QuantileSketch merged(std::vector<QuantileSketch> parts, const char* shape,
                      uint64_t seed) {
  std::mt19937_64 random(seed);
  bool chain = shape == std::string("chain");
  while (parts.size() > 1) {
    if (chain) {
      parts[0].merge(parts.back());
      parts.pop_back();
      continue;
    }
    if (shape == std::string("random")) {
      std::swap(parts[random() % parts.size()], parts.back());
      QuantileSketch last = std::move(parts.back());
      parts.pop_back();
      parts[random() % parts.size()].merge(last);
      continue;
    }
    std::vector<QuantileSketch> half;
    for (size_t i = 0; i < parts.size(); i += 2) {
      half.push_back(std::move(parts[i]));
      if (i + 1 < parts.size()) half.back().merge(parts[i + 1]);
    }
    parts = std::move(half);
  }
  return parts[0];
}

TEST_CASE("ranks stay in their bound however sketches are merged") {
  constexpr size_t kValues = 200000;
  for (const auto& [name, values] : inputs(kValues)) {
    for (size_t size : {3, 100, 5000}) {  // values in each part
      std::vector<QuantileSketch> parts;
      for (size_t i = 0; i < values.size(); ++i) {
        if (i % size == 0) parts.emplace_back();
        parts.back().add(values[i]);
      }
      for (const char* shape : {"chain", "tree", "random"}) {
        CAPTURE(name);
        CAPTURE(size);
        CAPTURE(shape);
        QuantileSketch all = merged(parts, shape, size);
        CHECK(all.size() == kValues);
        CHECK(rank_error(all, values) <= kQuantileRankErrorAll);
      }
    }
  }
}

TEST_CASE("a quantile sketch comes back from its bytes") {
  for (size_t n : {0, 1, 512, 513, 100000}) {
    QuantileSketch sketch;
    for (size_t i = 0; i < n; ++i)
      sketch.add(std::sqrt(static_cast<double>(i)));
    std::string bytes = sketch.to_bytes();
    auto read = QuantileSketch::from_bytes(bytes);
    REQUIRE(read.has_value());
    CHECK(read->to_bytes() == bytes);
    // It goes on as the first one would have.
    for (int i = 0; i < 2000; ++i) {
      sketch.add(i);
      read->add(i);
    }
    CHECK(read->to_bytes() == sketch.to_bytes());
  }
}

TEST_CASE("damaged quantile sketches are refused or harmless") {
  auto use = [](const QuantileSketch& s) {
    QuantileSketch copy = s;
    for (int i = 0; i < 600; ++i) copy.add(i);
    copy.merge(s);
    (void)copy.quantile(0.5);
  };
  for (size_t n : {2, 900, 30000}) {
    QuantileSketch sketch;
    for (size_t i = 0; i < n; ++i) sketch.add(static_cast<double>(i * 7 % n));
    check_damage<QuantileSketch>(sketch.to_bytes(), n, use);
    std::string longer = sketch.to_bytes() + '\0';
    CHECK_FALSE(QuantileSketch::from_bytes(longer).has_value());
    std::string newer = sketch.to_bytes();
    newer[0] = 2;
    CHECK(QuantileSketch::from_bytes(newer).error().code ==
          ErrorCode::kUnsupported);
  }
}

TEST_CASE("varints: every length, and none but the shortest form") {
  for (int bits = 0; bits < 64; ++bits) {
    for (uint64_t v : {uint64_t{1} << bits, (uint64_t{1} << bits) - 1}) {
      std::string bytes;
      put_varint(bytes, v);
      std::string_view in = bytes;
      uint64_t read = 0;
      CHECK(take_varint(in, read));
      CHECK(read == v);
      CHECK(in.empty());
    }
  }
  for (std::string_view bad :
       {std::string_view("\x80", 1), std::string_view("\x80\x00", 2),
        std::string_view("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10),
        std::string_view("", 0)}) {
    uint64_t read = 0;
    CHECK_FALSE(take_varint(bad, read));
  }
}

}  // namespace
}  // namespace freshet
