// unpack_longs, unpack_ids, cap_ids, map_ids and divide_longs of bit_packing.h
// with SIMD instructions, chosen at run time by Highway.
//
// Eight values start on a byte. Each 128-bit lane block is loaded from the
// byte its first value starts in; a byte shuffle brings every value's bytes
// to its lane, a shift its first bit to the lane's lowest.
#include <algorithm>
#include <array>
#include <cstdint>

#include "segments/bit_packing.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "segments/bit_unpacking.cc"
#include <hwy/foreach_target.h>
// After foreach_target.
#include <hwy/highway.h>

#ifndef FRESHET_BIT_UNPACKING_PLANS
#define FRESHET_BIT_UNPACKING_PLANS
namespace freshet {

// How eight values of `T` are taken from `width` bytes.
template <class T>
struct UnpackPlan {
  static constexpr unsigned kLaneBytes = sizeof(T);
  static constexpr unsigned kInBlock = 16 / kLaneBytes;  // values of a block
  static constexpr unsigned kBlocks = 8 / kInBlock;
  alignas(64) uint8_t shuffle[8 * kLaneBytes] = {};
  alignas(64) T shift[8] = {};
  uint32_t at[kBlocks] = {};  // first byte of each block
};

template <class T>
constexpr UnpackPlan<T> unpack_plan(unsigned width) {
  UnpackPlan<T> plan;
  for (unsigned i = 0; i < 8; ++i) {
    unsigned block = i / plan.kInBlock;
    plan.at[block] = block * plan.kInBlock * width / 8;
    unsigned bit = i * width - plan.at[block] * 8;
    plan.shift[i] = bit % 8;
    for (unsigned byte = 0; byte < plan.kLaneBytes; ++byte) {
      // Bytes past the block hold no bit of the value: their shuffle is moot.
      unsigned from = bit / 8 + byte;
      plan.shuffle[i * plan.kLaneBytes + byte] =
          static_cast<uint8_t>(from < 16 ? from : 15);
    }
  }
  return plan;
}

// Widths for which a value and the bits before it fit a lane, and a block's
// values 16 bytes.
template <class T>
constexpr unsigned kPlannedWidth = sizeof(T) == 4 ? 25 : 57;

template <class T>
constexpr auto unpack_plans() {
  std::array<UnpackPlan<T>, kPlannedWidth<T> + 1> plans;
  for (unsigned width = 0; width < plans.size(); ++width) {
    plans[width] = unpack_plan<T>(width);
  }
  return plans;
}

inline constexpr auto kIdPlans = unpack_plans<uint32_t>();
inline constexpr auto kLongPlans = unpack_plans<uint64_t>();

}  // namespace freshet
#endif

HWY_BEFORE_NAMESPACE();
namespace freshet {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// One 16-byte load for each 128-bit block of the vector.
template <class D>
hn::VFromD<D> load_blocks(D d, const uint8_t* from, const uint32_t* at) {
  if constexpr (hn::MaxLanes(d) <= 16) {
    return hn::LoadU(d, from + at[0]);
  } else {
    const hn::Half<D> half;
    constexpr size_t kHalf = hn::MaxLanes(half) / 16;
    return hn::Combine(d, load_blocks(half, from, at + kHalf),
                       load_blocks(half, from, at));
  }
}

// Unpacks groups of eight and returns how many values that were; the last
// ones are left where a block load would leave the packed bytes. `finish`
// makes the stored lanes of the packed ones.
template <class T, class Finish>
uint32_t unpack_groups(const char* packed, uint32_t count, uint8_t width,
                       const UnpackPlan<T>& plan, T* out, Finish finish) {
  const hn::CappedTag<T, 32 / sizeof(T)> d;
  const hn::Repartition<uint8_t, decltype(d)> bytes;
  constexpr size_t kLanes = hn::MaxLanes(d);
  const uint64_t total = packed_bytes(count, width);
  const uint64_t reach = plan.at[plan.kBlocks - 1] + 16;
  if (total < reach) return 0;
  const uint32_t groups = static_cast<uint32_t>(
      std::min<uint64_t>(count / 8, (total - reach) / width + 1));
  const auto mask = hn::Set(d, static_cast<T>((T{1} << width) - 1));
  const uint8_t* from = reinterpret_cast<const uint8_t*>(packed);
  for (uint32_t group = 0; group < groups; ++group, from += width) {
    for (size_t i = 0; i < 8; i += kLanes) {
      auto block = load_blocks(bytes, from, plan.at + i / plan.kInBlock);
      auto shuffle = hn::Load(bytes, plan.shuffle + i * sizeof(T));
      auto lanes = hn::BitCast(d, hn::TableLookupBytes(block, shuffle));
      lanes = hn::And(hn::Shr(lanes, hn::Load(d, plan.shift + i)), mask);
      hn::StoreU(finish(lanes), d, out + group * 8 + i);
    }
  }
  return groups * 8;
}

uint32_t UnpackIds(const char* packed, uint32_t count, uint8_t width,
                   uint32_t reference, uint32_t* out) {
  const hn::CappedTag<uint32_t, 8> d;
  const auto base = hn::Set(d, reference);
  return unpack_groups(packed, count, width, kIdPlans[width], out,
                       [&](auto lanes) { return hn::Add(lanes, base); });
}

uint32_t UnpackLongs(const char* packed, uint32_t count, uint8_t width,
                     uint64_t reference, uint32_t factor, uint64_t* out) {
  const hn::CappedTag<uint64_t, 4> d;
  const hn::Repartition<uint32_t, decltype(d)> halves;
  const auto base = hn::Set(d, reference);
  const UnpackPlan<uint64_t>& plan = kLongPlans[width];
  if (factor == 1) {
    return unpack_groups(packed, count, width, plan, out,
                         [&](auto lanes) { return hn::Add(lanes, base); });
  }
  const auto by = hn::BitCast(halves, hn::Set(d, uint64_t{factor}));
  return unpack_groups(packed, count, width, plan, out, [&](auto lanes) {
    return hn::Add(hn::MulEven(hn::BitCast(halves, lanes), by), base);
  });
}

void CapIds(uint32_t* ids, size_t count, uint32_t greatest) {
  const hn::ScalableTag<uint32_t> d;
  const auto most = hn::Set(d, greatest);
  size_t i = 0;
  for (; i + hn::Lanes(d) <= count; i += hn::Lanes(d)) {
    hn::StoreU(hn::Min(hn::LoadU(d, ids + i), most), d, ids + i);
  }
  for (; i < count; ++i) ids[i] = std::min(ids[i], greatest);
}

void MapIds(const uint32_t* table, uint32_t* ids, size_t count) {
  const hn::ScalableTag<uint32_t> d;
  const hn::RebindToSigned<decltype(d)> places;
  size_t i = 0;
  for (; i + hn::Lanes(d) <= count; i += hn::Lanes(d)) {
    const auto at = hn::BitCast(places, hn::LoadU(d, ids + i));
    hn::StoreU(hn::GatherIndex(d, table, at), d, ids + i);
  }
  for (; i < count; ++i) ids[i] = table[ids[i]];
}

void DivideLongs(const int64_t* values, uint32_t count, double divisor,
                 double* out) {
  const hn::CappedTag<double, 4> d;
  const hn::RebindToSigned<decltype(d)> integers;
  const auto by = hn::Set(d, divisor);
  uint32_t i = 0;
  for (; i + hn::Lanes(d) <= count; i += static_cast<uint32_t>(hn::Lanes(d))) {
    auto lanes = hn::ConvertTo(d, hn::LoadU(integers, values + i));
    hn::StoreU(hn::Div(lanes, by), d, out + i);
  }
  for (; i < count; ++i) out[i] = static_cast<double>(values[i]) / divisor;
}

}  // namespace HWY_NAMESPACE
}  // namespace freshet
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace freshet {

HWY_EXPORT(UnpackIds);
HWY_EXPORT(UnpackLongs);
HWY_EXPORT(CapIds);
HWY_EXPORT(MapIds);
HWY_EXPORT(DivideLongs);

void unpack_longs(const char* packed, uint32_t count, uint8_t width,
                  int64_t reference, uint32_t factor, int64_t* out) {
  if (width == 0) {
    std::fill_n(out, count, reference);
    return;
  }
  uint32_t done = 0;
  if (width <= kPlannedWidth<uint64_t>) {
    done = HWY_DYNAMIC_DISPATCH(UnpackLongs)(
        packed, count, width, static_cast<uint64_t>(reference), factor,
        reinterpret_cast<uint64_t*>(out));
  }
  unpack_longs_scalar(packed + uint64_t{done} * width / 8, count - done, width,
                      reference, factor, out + done);
}

void unpack_ids(const char* packed, uint32_t count, uint8_t width,
                uint32_t reference, uint32_t* out) {
  if (width == 0) {
    std::fill_n(out, count, reference);
    return;
  }
  uint32_t done = 0;
  if (width <= kPlannedWidth<uint32_t>) {
    done =
        HWY_DYNAMIC_DISPATCH(UnpackIds)(packed, count, width, reference, out);
  }
  unpack_ids_scalar(packed + uint64_t{done} * width / 8, count - done, width,
                    reference, out + done);
}

void cap_ids(uint32_t* ids, size_t count, uint32_t greatest) {
  HWY_DYNAMIC_DISPATCH(CapIds)(ids, count, greatest);
}

void map_ids(const uint32_t* table, uint32_t* ids, size_t count) {
  HWY_DYNAMIC_DISPATCH(MapIds)(table, ids, count);
}

void divide_longs(const int64_t* values, uint32_t count, double divisor,
                  double* out) {
  HWY_DYNAMIC_DISPATCH(DivideLongs)(values, count, divisor, out);
}

}  // namespace freshet
#endif
