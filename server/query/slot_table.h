// SlotTable: the slots of a table that numbers keys. Open addressing, linear
// probing, at most half full. A key is looked for from the upper bits of its
// hash on, so that slots are in the order of the hashes: a larger table is
// filled from front to back, without a look at the keys, and that can be
// stopped.
#pragma once

#include <bit>
#include <cstdint>

#include "segments/zeroed_array.h"
#include "server/query/query_control.h"

namespace freshet {

// Slot has `uint32_t number`, 0 for a free one (all of whose bits are zero),
// and `uint64_t hash() const`: of its key, right in the upper 32 bits at least.
template <class Slot>
class SlotTable {
 public:
  bool empty() const { return slots_.empty(); }
  size_t size() const { return slots_.size(); }
  bool has_room(size_t keys) const { return keys * 2 <= slots_.size(); }
  uint64_t memory_bytes() const { return slots_.memory_bytes(); }

  // REQUIRES: not empty().
  Slot& first(uint64_t hash) { return slots_[hash >> shift_]; }
  const Slot& first(uint64_t hash) const { return slots_[hash >> shift_]; }
  // The slot of a key of this hash for which `same` holds, or the free one
  // where it belongs. REQUIRES: not empty().
  template <class Same>
  Slot& find(uint64_t hash, Same same) {
    size_t at = hash >> shift_;
    while (slots_[at].number != 0 && !same(slots_[at])) {
      at = (at + 1) & (slots_.size() - 1);
    }
    return slots_[at];
  }
  template <class Same>
  const Slot& find(uint64_t hash, Same same) const {
    return const_cast<SlotTable*>(this)->find(hash, same);
  }

  // Until there is room for so many keys. Looks at `control`, if there is one,
  // every few milliseconds and fails as it does; then all is as before.
  Status grow(size_t keys, const QueryControl* control) {
    const size_t size =
        std::max({kFewest, slots_.size() * 2,
                  std::bit_ceil(std::max<size_t>(keys, 1)) * 2});
    ZeroedArray<Slot> larger(size, Pages::kHuge);
    const int shift = 64 - std::countr_zero(size);
    TRY(in_runs(slots_.size(), control, [&](size_t begin, size_t count) {
      for (size_t i = begin; i < begin + count; ++i) {
        if (slots_[i].number == 0) continue;
        size_t at = slots_[i].hash() >> shift;
        while (larger[at].number != 0) at = (at + 1) & (size - 1);
        larger[at] = slots_[i];
      }
    }));
    slots_ = std::move(larger);
    shift_ = shift;
    return {};
  }

 private:
  static constexpr size_t kFewest = 64;

  ZeroedArray<Slot> slots_;
  int shift_ = 0;
};

}  // namespace freshet
