#include "segments/hll_sketch.h"

#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "segments/byte_fields.h"
#include "segments/varint.h"

namespace freshet {
namespace {

constexpr int kBits = 14;
constexpr size_t kRegisters = size_t{1} << kBits;
constexpr int kSparseBits = 25;
constexpr int kRankBits = 6;
constexpr int kSparseRest = 64 - kSparseBits;  // 39
constexpr int kExtra = kSparseBits - kBits;    // 11
constexpr int kMaxRank = 64 - kBits + 1;       // 51
constexpr size_t kFresh = 256;
constexpr uint8_t kVersion = 1;
constexpr uint8_t kSparseForm = 0, kDenseForm = 1;
constexpr size_t kDenseBytes = kRegisters * kRankBits / 8;

Error damaged(const char* what) {
  return Error{ErrorCode::kCorrupt, std::string("hll sketch: ") + what};
}

uint32_t index_of(uint32_t entry) { return entry >> kRankBits; }

// Ertl's sigma and tau: what registers of 0 and of the greatest rank add.
double sigma(double x) {
  if (x == 1) return std::numeric_limits<double>::infinity();
  double y = 1, z = x, before;
  do {
    x *= x;
    before = z;
    z += x * y;
    y += y;
  } while (z != before);
  return z;
}

double tau(double x) {
  if (x == 0 || x == 1) return 0;
  double y = 1, z = 1 - x, before;
  do {
    x = std::sqrt(x);
    before = z;
    y *= 0.5;
    z -= (1 - x) * (1 - x) * y;
  } while (z != before);
  return z / 3;
}

double estimate(const std::vector<uint8_t>& registers) {
  double counts[kMaxRank + 1] = {};
  for (uint8_t rank : registers) ++counts[rank];
  constexpr double m = kRegisters;
  double z = m * tau(1 - counts[kMaxRank] / m);
  for (int rank = kMaxRank - 1; rank >= 1; --rank) {
    z = 0.5 * (z + counts[rank]);
  }
  z += m * sigma(counts[0] / m);
  return m / (2 * std::log(2.0)) * m / z;
}

}  // namespace

uint64_t sketch_hash(std::string_view text) {
  return XXH3_64bits(text.data(), text.size());
}

uint64_t sketch_hash(__int128 number) {
  return XXH3_64bits(&number, sizeof(number));
}

uint64_t sketch_hash(double number) {
  if (number == 0) number = 0.0;
  if (std::isnan(number)) number = std::numeric_limits<double>::quiet_NaN();
  return XXH3_64bits(&number, sizeof(number));
}

void HllSketch::add(uint64_t hash) {
  auto index = static_cast<uint32_t>(hash >> kSparseRest);
  uint64_t rest = hash << kSparseBits;
  int rank = rest == 0 ? kSparseRest + 1 : std::countl_zero(rest) + 1;
  add_entry(index << kRankBits | static_cast<uint32_t>(rank));
}

void HllSketch::add_entry(uint32_t entry) const {
  if (!registers_.empty()) return raise(entry);
  fresh_.push_back(entry);
  if (fresh_.size() >= kFresh) settle();
}

// The register of an entry: the first 14 bits of its index; the 11 after them
// and then its rank say where the first 1 is.
void HllSketch::raise(uint32_t entry) const {
  uint32_t index = index_of(entry);
  uint32_t low = index & ((1u << kExtra) - 1);
  int rank = low != 0 ? std::countl_zero(low << (32 - kExtra)) + 1
                      : kExtra + static_cast<int>(entry & 63);
  uint8_t& cell = registers_[index >> kExtra];
  cell = std::max(cell, static_cast<uint8_t>(rank));
}

void HllSketch::settle() const {
  if (fresh_.empty()) return;
  std::sort(fresh_.begin(), fresh_.end());
  std::vector<uint32_t> all(sparse_.size() + fresh_.size());
  std::merge(sparse_.begin(), sparse_.end(), fresh_.begin(), fresh_.end(),
             all.begin());
  fresh_.clear();
  // Of one index the greatest rank stays, which is the last.
  size_t kept = 0;
  for (size_t i = 0; i < all.size(); ++i) {
    bool last = i + 1 == all.size() || index_of(all[i]) != index_of(all[i + 1]);
    if (last) all[kept++] = all[i];
  }
  all.resize(kept);
  sparse_ = std::move(all);
  if (sparse_.size() > kMaxSparse) make_dense();
}

void HllSketch::make_dense() const {
  registers_.resize(kRegisters);
  for (uint32_t entry : sparse_) raise(entry);
  std::vector<uint32_t>().swap(sparse_);
  std::vector<uint32_t>().swap(fresh_);
}

void HllSketch::merge(const HllSketch& other) {
  other.settle();
  if (!other.registers_.empty()) {
    settle();
    if (registers_.empty()) make_dense();
    for (size_t i = 0; i < kRegisters; ++i) {
      registers_[i] = std::max(registers_[i], other.registers_[i]);
    }
    return;
  }
  // By index, since adding to itself must not grow what is read.
  size_t size = other.sparse_.size();
  for (size_t i = 0; i < size && &other != this; ++i) {
    add_entry(other.sparse_[i]);
  }
}

int64_t HllSketch::count() const {
  settle();
  if (!registers_.empty()) {
    return static_cast<int64_t>(std::llround(estimate(registers_)));
  }
  constexpr double m = size_t{1} << kSparseBits;
  auto used = static_cast<double>(sparse_.size());
  return static_cast<int64_t>(std::llround(-m * std::log1p(-used / m)));
}

bool HllSketch::operator==(const HllSketch& other) const {
  settle();
  other.settle();
  return sparse_ == other.sparse_ && registers_ == other.registers_;
}

std::string HllSketch::to_bytes() const {
  settle();
  std::string bytes;
  FieldWriter out(bytes);
  out.put(kVersion);
  if (registers_.empty()) {
    out.put(kSparseForm);
    uint32_t before = 0;
    for (uint32_t entry : sparse_) {
      put_varint(bytes, entry - before);
      before = entry;
    }
    return bytes;
  }
  out.put(kDenseForm);
  for (size_t i = 0; i < kRegisters; i += 4) {
    uint32_t four = registers_[i] | registers_[i + 1] << 6 |
                    registers_[i + 2] << 12 | registers_[i + 3] << 18;
    bytes.append(reinterpret_cast<const char*>(&four), 3);
  }
  return bytes;
}

Result<HllSketch> HllSketch::from_bytes(std::string_view bytes) {
  if (bytes.size() < 2) return damaged("cut short");
  if (static_cast<uint8_t>(bytes[0]) != kVersion) {
    return Error{ErrorCode::kUnsupported,
                 "hll sketch of unknown version " +
                     std::to_string(static_cast<uint8_t>(bytes[0]))};
  }
  auto form = static_cast<uint8_t>(bytes[1]);
  bytes.remove_prefix(2);
  HllSketch sketch;
  if (form == kDenseForm) {
    if (bytes.size() != kDenseBytes) return damaged("wrong length");
    sketch.registers_.resize(kRegisters);
    for (size_t i = 0; i < kRegisters; ++i) {
      uint32_t four = 0;
      std::memcpy(&four, bytes.data() + i / 4 * 3, 3);
      auto rank = static_cast<uint8_t>(four >> i % 4 * kRankBits & 63);
      if (rank > kMaxRank) return damaged("rank out of range");
      sketch.registers_[i] = rank;
    }
    return sketch;
  }
  if (form != kSparseForm) return damaged("unknown form");
  uint64_t entry = 0;
  while (!bytes.empty()) {
    uint64_t step = 0;
    if (!take_varint(bytes, step)) return damaged("cut short");
    uint64_t before = entry;
    entry += step;
    uint64_t rank = entry & 63;
    bool first = sketch.sparse_.empty();
    bool sound = step <= UINT32_MAX &&
                 entry >> (kSparseBits + kRankBits) == 0 && rank >= 1 &&
                 rank <= kSparseRest + 1 &&
                 (first || entry >> kRankBits > before >> kRankBits) &&
                 sketch.sparse_.size() < kMaxSparse;
    if (!sound) return damaged("entry out of order or range");
    sketch.sparse_.push_back(static_cast<uint32_t>(entry));
  }
  return sketch;
}

}  // namespace freshet
