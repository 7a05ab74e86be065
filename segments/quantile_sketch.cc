#include "segments/quantile_sketch.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "segments/byte_fields.h"

namespace freshet {
namespace {

constexpr double kCapacity = 512;
constexpr double kFall = 2.0 / 3;
constexpr size_t kLeastCapacity = 8;
constexpr size_t kMostLevels = 60;
constexpr uint8_t kVersion = 1;

Error damaged(const char* what) {
  return Error{ErrorCode::kCorrupt, std::string("quantile sketch: ") + what};
}

bool less(double a, double b) { return std::isnan(b) ? !std::isnan(a) : a < b; }

struct Weighted {
  double value;
  uint64_t weight;
};

}  // namespace

size_t QuantileSketch::capacity(size_t level) const {
  auto depth = static_cast<double>(levels_.size() - 1 - level);
  auto room =
      static_cast<size_t>(std::ceil(kCapacity * std::pow(kFall, depth)));
  return std::max(room, kLeastCapacity);
}

// xorshift64 (Marsaglia 2003): one bit a call.
bool QuantileSketch::coin() {
  coin_ ^= coin_ << 13;
  coin_ ^= coin_ >> 7;
  coin_ ^= coin_ << 17;
  return coin_ >> 63 != 0;
}

void QuantileSketch::add(double value) {
  if (levels_.empty()) {
    levels_.resize(1);
    room_ = capacity(0);
    least_ = greatest_ = value;
  }
  if (less(value, least_)) least_ = value;
  if (less(greatest_, value)) greatest_ = value;
  levels_[0].push_back(value);
  ++size_;
  ++held_;
  compress_if_full();
}

void QuantileSketch::compress_if_full() {
  while (held_ > room_) {
    size_t level = 0;
    while (levels_[level].size() <= capacity(level)) ++level;
    if (level + 1 == levels_.size()) {
      levels_.emplace_back();
      room_ = 0;
      for (size_t i = 0; i < levels_.size(); ++i) room_ += capacity(i);
      continue;
    }
    compact(level);
  }
}

// Half of the values, every other one in order, go up with twice the weight.
void QuantileSketch::compact(size_t level) {
  std::vector<double>& from = levels_[level];
  std::vector<double>& to = levels_[level + 1];
  std::sort(from.begin(), from.end(), less);
  bool odd = from.size() % 2 != 0;
  // The one that has no partner stays: at either end, so that no end drifts.
  bool keep_first = odd && coin();
  size_t begin = keep_first ? 1 : 0;
  size_t end = from.size() - (odd && !keep_first ? 1 : 0);
  double rest = odd ? (keep_first ? from.front() : from.back()) : 0;
  for (size_t i = begin + coin(); i < end; i += 2) to.push_back(from[i]);
  held_ -= (end - begin) / 2;
  std::vector<double>().swap(from);  // frees its room too
  if (odd) from.push_back(rest);
}

void QuantileSketch::merge(const QuantileSketch& other) {
  if (other.size_ == 0) return;
  if (&other == this) return merge(QuantileSketch(other));
  if (size_ == 0) {
    *this = other;
    return;
  }
  if (less(other.least_, least_)) least_ = other.least_;
  if (less(greatest_, other.greatest_)) greatest_ = other.greatest_;
  if (levels_.size() < other.levels_.size()) {
    levels_.resize(other.levels_.size());
  }
  for (size_t i = 0; i < other.levels_.size(); ++i) {
    levels_[i].insert(levels_[i].end(), other.levels_[i].begin(),
                      other.levels_[i].end());
  }
  size_ += other.size_;
  held_ += other.held_;
  coin_ ^= std::rotl(other.coin_, 31) ^ size_;
  if (coin_ == 0) coin_ = 1;
  room_ = 0;
  for (size_t i = 0; i < levels_.size(); ++i) room_ += capacity(i);
  compress_if_full();
}

double QuantileSketch::quantile(double fraction) const {
  std::vector<Weighted> all;
  all.reserve(held_);
  for (size_t level = 0; level < levels_.size(); ++level) {
    for (double value : levels_[level]) {
      all.push_back({value, uint64_t{1} << level});
    }
  }
  std::sort(all.begin(), all.end(), [](const Weighted& a, const Weighted& b) {
    return less(a.value, b.value);
  });
  double at = fraction * static_cast<double>(size_ - 1);
  auto rank = static_cast<uint64_t>(at);
  auto value_at = [&](uint64_t wanted) {
    if (wanted == 0) return least_;
    if (wanted + 1 >= size_) return greatest_;
    uint64_t passed = 0;
    for (const Weighted& w : all) {
      passed += w.weight;
      if (passed > wanted) return w.value;
    }
    return greatest_;
  };
  double low = value_at(rank), rest = at - std::floor(at);
  if (rest == 0) return low;
  return low + (value_at(rank + 1) - low) * rest;
}

std::string QuantileSketch::to_bytes() const {
  std::string bytes;
  FieldWriter out(bytes);
  out.put(kVersion);
  out.put(size_);
  out.put(coin_);
  out.put(std::bit_cast<uint64_t>(least_));
  out.put(std::bit_cast<uint64_t>(greatest_));
  out.put(static_cast<uint8_t>(levels_.size()));
  for (const auto& level : levels_) {
    out.put(static_cast<uint32_t>(level.size()));
    bytes.append(reinterpret_cast<const char*>(level.data()),
                 level.size() * sizeof(double));
  }
  return bytes;
}

Result<QuantileSketch> QuantileSketch::from_bytes(std::string_view bytes) {
  FieldReader in(bytes);
  auto version = in.take<uint8_t>();
  if (!in.valid()) return damaged("cut short");
  if (version != kVersion) {
    return Error{
        ErrorCode::kUnsupported,
        "quantile sketch of unknown version " + std::to_string(version)};
  }
  QuantileSketch sketch;
  sketch.size_ = in.number();
  sketch.coin_ = in.number();
  sketch.least_ = std::bit_cast<double>(in.number());
  sketch.greatest_ = std::bit_cast<double>(in.number());
  size_t num_levels = in.take<uint8_t>();
  if (num_levels > kMostLevels || sketch.coin_ == 0) {
    return damaged("wrong header");
  }
  sketch.levels_.resize(num_levels);
  uint64_t stands_for = 0;
  size_t rest = bytes.size();  // a bound: each value takes 8 bytes
  for (size_t i = 0; i < num_levels && in.valid(); ++i) {
    auto count = in.take<uint32_t>();
    if (count > rest / sizeof(double)) return damaged("cut short");
    for (uint32_t n = 0; n < count && in.valid(); ++n) {
      auto value = std::bit_cast<double>(in.number());
      if (less(value, sketch.least_) || less(sketch.greatest_, value)) {
        return damaged("value out of range");
      }
      sketch.levels_[i].push_back(value);
    }
    uint64_t weight = 0;
    if (__builtin_mul_overflow(uint64_t{count}, uint64_t{1} << i, &weight) ||
        __builtin_add_overflow(stands_for, weight, &stands_for)) {
      return damaged("wrong number of values");
    }
    sketch.held_ += count;
    sketch.room_ += sketch.capacity(i);
  }
  if (!in.complete() || stands_for != sketch.size_ ||
      (sketch.size_ == 0) != (num_levels == 0) || sketch.held_ > sketch.room_) {
    return damaged("wrong number of values");
  }
  return sketch;
}

uint64_t QuantileSketch::memory_bytes() const {
  uint64_t bytes = levels_.capacity() * sizeof(levels_[0]);
  for (const auto& level : levels_) bytes += level.capacity() * sizeof(double);
  return bytes;
}

}  // namespace freshet
