#include "server/query/row_mask.h"

#include <algorithm>
#include <bit>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "server/query/row_mask.cc"
#include <hwy/foreach_target.h>
// After foreach_target.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace freshet {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Vectors of up to IdSet::kLeastWords ids.
template <class T>
using BlockTag = hn::CappedTag<T, 4 * IdSet::kLeastWords / sizeof(T)>;

// Drops the bits of whole words for whose lanes drops(lanes) is set; returns
// the rows done.
template <class T, class Drops>
uint32_t drop_lanes(const T* values, uint32_t rows, uint64_t* words,
                    Drops drops) {
  const BlockTag<T> d;
  const size_t lanes = hn::Lanes(d);
  uint32_t row = 0;
  for (; row + 64 <= rows; row += 64) {
    uint64_t word = 0;
    for (size_t i = 0; i < 64; i += lanes) {
      uint8_t bits[8] = {};
      hn::StoreMaskBits(d, drops(hn::LoadU(d, values + row + i)), bits);
      uint64_t some;
      std::memcpy(&some, bits, sizeof(some));
      word |= some << i;
    }
    words[row / 64] &= ~word;
  }
  return row;
}

template <class T>
uint32_t keep_between(const T* values, uint32_t rows, T low, T high,
                      uint64_t* words) {
  const BlockTag<T> d;
  const auto least = hn::Set(d, low), most = hn::Set(d, high);
  return drop_lanes(values, rows, words, [&](auto v) {
    return hn::Or(hn::Lt(v, least), hn::Gt(v, most));
  });
}

uint32_t KeepRange(const int64_t* values, uint32_t rows, int64_t low,
                   int64_t high, uint64_t* words) {
  return keep_between(values, rows, low, high, words);
}

// Ids are below 2^31.
uint32_t KeepIdRange(const int32_t* ids, uint32_t rows, int32_t low,
                     int32_t high, uint64_t* words) {
  return keep_between(ids, rows, low, high, words);
}

// `members` has a bit for each id, in at least as many words as a vector.
uint32_t KeepMembers(const uint32_t* ids, uint32_t rows,
                     const uint32_t* members, size_t num_words,
                     uint64_t* words) {
  const BlockTag<uint32_t> d;
  const hn::RebindToSigned<decltype(d)> places;
  const auto one = hn::Set(d, 1), low = hn::Set(d, 31);
  auto dropped = [&](auto id, auto word) {
    const auto bit = hn::Shl(one, hn::And(id, low));
    return hn::Eq(hn::And(word, bit), hn::Zero(d));
  };
  if (num_words <= hn::Lanes(d)) {
    const auto table = hn::LoadU(d, members);
    return drop_lanes(ids, rows, words, [&](auto id) {
      const auto at = hn::IndicesFromVec(d, hn::ShiftRight<5>(id));
      return dropped(id, hn::TableLookupLanes(table, at));
    });
  }
  return drop_lanes(ids, rows, words, [&](auto id) {
    const auto at = hn::BitCast(places, hn::ShiftRight<5>(id));
    return dropped(id, hn::GatherIndex(d, members, at));
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace freshet
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace freshet {
namespace {

// Keeps the bits of rows [begin, rows) for which keep(row) is true.
template <class Keep>
void keep_rows(uint32_t begin, uint32_t rows, RowMask& mask, Keep keep) {
  for (uint32_t row = begin; row < rows; row += 64) {
    const uint32_t count = std::min<uint32_t>(64, rows - row);
    uint64_t word = 0;
    for (uint32_t i = 0; i < count; ++i) {
      word |= uint64_t{keep(row + i)} << i;
    }
    mask[row / 64] &= word;
  }
}

}  // namespace

HWY_EXPORT(KeepRange);
HWY_EXPORT(KeepIdRange);
HWY_EXPORT(KeepMembers);

uint32_t IdSet::count() const {
  int count = 0;
  for (uint32_t word : words_) count += std::popcount(word);
  return static_cast<uint32_t>(count);
}

void fill_mask(uint32_t rows, RowMask& mask) {
  for (uint32_t word = 0; word < mask.size(); ++word) {
    const uint32_t begin = word * 64;
    if (rows >= begin + 64) {
      mask[word] = ~uint64_t{0};
    } else {
      mask[word] = rows > begin ? (uint64_t{1} << (rows - begin)) - 1 : 0;
    }
  }
}

uint32_t count_rows(const RowMask& mask) {
  int count = 0;
  for (uint64_t word : mask) count += std::popcount(word);
  return static_cast<uint32_t>(count);
}

void keep_range(const int64_t* values, uint32_t rows, int64_t low, int64_t high,
                RowMask& mask) {
  const uint32_t done =
      HWY_DYNAMIC_DISPATCH(KeepRange)(values, rows, low, high, mask.data());
  keep_rows(done, rows, mask, [&](uint32_t row) {
    return values[row] >= low && values[row] <= high;
  });
}

void keep_id_range(const uint32_t* ids, uint32_t rows, uint32_t low,
                   uint32_t high, RowMask& mask) {
  const uint32_t done = HWY_DYNAMIC_DISPATCH(KeepIdRange)(
      reinterpret_cast<const int32_t*>(ids), rows, static_cast<int32_t>(low),
      static_cast<int32_t>(high), mask.data());
  keep_rows(done, rows, mask,
            [&](uint32_t row) { return ids[row] >= low && ids[row] <= high; });
}

void keep_range_scalar(const int64_t* values, uint32_t rows, int64_t low,
                       int64_t high, RowMask& mask) {
  keep_rows(0, rows, mask, [&](uint32_t row) {
    return values[row] >= low && values[row] <= high;
  });
}

void keep_id_range_scalar(const uint32_t* ids, uint32_t rows, uint32_t low,
                          uint32_t high, RowMask& mask) {
  keep_rows(0, rows, mask,
            [&](uint32_t row) { return ids[row] >= low && ids[row] <= high; });
}

void keep_members(const uint32_t* ids, uint32_t rows, const IdSet& members,
                  RowMask& mask) {
  const std::span<const uint32_t> words = members.words();
  const size_t used = members.size() / 32 + 1;
  const uint32_t done = HWY_DYNAMIC_DISPATCH(KeepMembers)(
      ids, rows, words.data(), used, mask.data());
  keep_rows(done, rows, mask,
            [&](uint32_t row) { return members.contains(ids[row]); });
}

void keep_members_scalar(const uint32_t* ids, uint32_t rows,
                         const IdSet& members, RowMask& mask) {
  keep_rows(0, rows, mask,
            [&](uint32_t row) { return members.contains(ids[row]); });
}

void drop_rows(const uint64_t* words, RowMask& mask) {
  for (size_t i = 0; i < mask.size(); ++i) mask[i] &= ~words[i];
}

// Eight at a time, of which the last ones may be too many: how many bits a word
// has is hard to foresee, whether it has more than eight is not.
void mask_positions(const RowMask& mask, std::vector<uint16_t>& out) {
  constexpr size_t kAtOnce = 8;
  const uint32_t count = count_rows(mask);
  out.resize(count + kAtOnce);
  uint16_t* to = out.data();
  for (size_t i = 0; i < mask.size(); ++i) {
    const auto base = static_cast<uint16_t>(i * 64);
    uint64_t word = mask[i];
    uint16_t* const end = to + std::popcount(word);
    for (; to < end; to += kAtOnce) {
      for (size_t k = 0; k < kAtOnce; ++k, word &= word - 1) {
        to[k] = static_cast<uint16_t>(base + std::countr_zero(word));
      }
    }
    to = end;
  }
  out.resize(count);
}

}  // namespace freshet
#endif
