#include "segments/cube_groups.h"

#include <absl/container/flat_hash_map.h>

#include <bit>

namespace freshet {
namespace {

constexpr uint32_t kNone = UINT32_MAX;
constexpr int kDenseBits = 21;  // a table of at most 8 MB

// Numbers keys from 0 in order of arrival.
class Numbering {
 public:
  explicit Numbering(int bits) {
    if (bits <= kDenseBits) dense_.resize(size_t{1} << bits, kNone);
  }
  uint32_t number(uint64_t key) {
    if (size_ > 0 && key == last_key_) return last_;
    uint32_t* at;
    if (dense_.empty()) {
      at = &sparse_.try_emplace(key, kNone).first->second;
    } else {
      at = &dense_[key];
    }
    if (*at == kNone) *at = size_++;
    last_key_ = key;
    last_ = *at;
    return last_;
  }
  uint32_t size() const { return size_; }

 private:
  std::vector<uint32_t> dense_;
  absl::flat_hash_map<uint64_t, uint32_t> sparse_;
  uint32_t size_ = 0, last_ = 0;
  uint64_t last_key_ = 0;
};

int bits_of(uint32_t ids) { return std::bit_width(ids - 1); }

// The rows' keys, into which components are packed one after the other.
class Keys {
 public:
  explicit Keys(const Segment& segment)
      : segment_(segment), keys_(segment.num_rows()) {}

  void add_strings(const Column& column) {
    uint32_t size = column.dictionary()->size();
    make_room(bits_of(size));
    std::vector<uint32_t> ids(kBlockRows);
    for (uint32_t block = 0; block < segment_.num_blocks(); ++block) {
      column.read_ids(block, ids.data());
      uint64_t* out = keys_.data() + size_t{block} * kBlockRows;
      for (uint32_t i = 0; i < segment_.block_rows(block); ++i) {
        out[i] = out[i] << width_ | ids[i];
      }
    }
  }

  // `change` maps a block's values to what is grouped.
  template <class F>
  void add_longs(const Column& column, F change) {
    std::vector<uint32_t> ids(keys_.size());
    Numbering numbers(64);
    std::vector<int64_t> values(kBlockRows);
    uint64_t nulls[kBlockRows / 64];
    for (uint32_t block = 0; block < segment_.num_blocks(); ++block) {
      uint32_t rows = segment_.block_rows(block);
      column.read_longs(block, values.data());
      change(std::span(values).first(rows));
      bool some = column.has_nulls() && column.read_nulls(block, nulls);
      uint32_t* out = ids.data() + size_t{block} * kBlockRows;
      for (uint32_t i = 0; i < rows; ++i) {
        bool null = some && (nulls[i / 64] >> i % 64 & 1) != 0;
        out[i] =
            null ? 0 : numbers.number(static_cast<uint64_t>(values[i])) + 1;
      }
    }
    make_room(bits_of(numbers.size() + 1));
    for (size_t i = 0; i < keys_.size(); ++i) {
      keys_[i] = keys_[i] << width_ | ids[i];
    }
  }

  int bits() const { return bits_; }
  const std::vector<uint64_t>& keys() const { return keys_; }

 private:
  // Room for `width` more bits; where 64 do not hold them, the keys so far
  // are numbered first.
  void make_room(int width) {
    width_ = width;
    if (bits_ + width > 64) {
      Numbering numbers(bits_);
      for (uint64_t& key : keys_) key = numbers.number(key);
      bits_ = bits_of(numbers.size());
    }
    bits_ += width;
  }

  const Segment& segment_;
  std::vector<uint64_t> keys_;
  int bits_ = 0;
  int width_ = 0;  // of the component being added
};

Result<Keys> keys_of(const Segment& segment, const CubeSpec& spec) {
  Keys keys(segment);
  for (const std::string& name : spec.dimensions) {
    TRY_ASSIGN(const Column* column, segment.column(name));
    if (column->dictionary() != nullptr) {
      keys.add_strings(*column);
    } else {
      keys.add_longs(*column, [](std::span<int64_t>) {});
    }
  }
  TRY_ASSIGN(const Column* time, segment.column(kTimeColumn));
  TRY_ASSIGN(absl::TimeZone zone, load_time_zone(spec.zone));
  keys.add_longs(*time, [&](std::span<int64_t> times) {
    spec.granularity.floor_batch(times, zone, times);
  });
  return keys;
}

}  // namespace

Result<std::optional<CubeGroups>> CubeGroups::of(const Segment& segment,
                                                 const CubeSpec& spec,
                                                 uint32_t most) {
  TRY_ASSIGN(Keys keys, keys_of(segment, spec));
  Numbering numbers(keys.bits());
  CubeGroups out;
  out.groups_.reserve(segment.num_rows());
  for (uint64_t key : keys.keys()) {
    uint32_t group = numbers.number(key);
    if (group == out.first_rows_.size()) {
      if (group == most) return std::optional<CubeGroups>();
      out.first_rows_.push_back(static_cast<uint32_t>(out.groups_.size()));
    }
    out.groups_.push_back(group);
  }
  return std::optional<CubeGroups>(std::move(out));
}

}  // namespace freshet
