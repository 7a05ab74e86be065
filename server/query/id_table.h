// IdTable: numbers distinct 64-bit keys 0, 1, 2, ... in order of arrival. One
// thread.
#pragma once

#include <cstdint>

#include "server/query/growing_array.h"
#include "server/query/slot_table.h"

namespace freshet {

class IdTable {
 public:
  static constexpr uint32_t kNone = ~uint32_t{0};

  // Room for so many more keys, which then cost no growth: it is stopped as
  // `control`, if there is one, says.
  Status make_room(size_t more, const QueryControl* control) {
    const size_t keys = keys_.size() + more;
    if (slots_.has_room(keys)) return {};
    return slots_.grow(keys, control);
  }

  uint32_t find_or_add(uint64_t key) {
    if (!slots_.has_room(keys_.size() + 1)) {
      (void)slots_.grow(keys_.size() + 1, nullptr);
    }
    Slot& slot = slots_.find(
        hash(key), [key](const Slot& known) { return known.key == key; });
    if (slot.number == 0) {
      keys_.push_back(key);
      slot = {key, size()};
    }
    return slot.number - 1;
  }

  // out[i] = find_or_add(keys[i]). In a table beyond the caches the slots to
  // come are fetched ahead.
  void find_or_add_all(const uint64_t* keys, size_t count, uint32_t* out) {
    if (cached()) {
      for (size_t i = 0; i < count; ++i) out[i] = find_or_add(keys[i]);
      return;
    }
    for (size_t i = 0; i < count; ++i) {
      if (i + kAhead < count) {
        __builtin_prefetch(&slots_.first(hash(keys[i + kAhead])), 1);
      }
      out[i] = find_or_add(keys[i]);
    }
  }

  // Small enough to stay in the processor's caches.
  bool cached() const { return slots_.size() <= kCachedSlots; }
  uint32_t size() const { return static_cast<uint32_t>(keys_.size()); }
  // key(id) for every id.
  std::span<const uint64_t> keys() const { return keys_.all(); }
  uint64_t memory_bytes() const {
    return slots_.memory_bytes() + keys_.memory_bytes();
  }

 private:
  static constexpr size_t kCachedSlots = size_t{1} << 14;
  static constexpr size_t kAhead = 12;

  static uint64_t hash(uint64_t key) {
    key ^= key >> 32;
    return key * 0x9E3779B97F4A7C15u;
  }
  struct Slot {
    uint64_t key = 0;
    uint32_t number = 0;  // id + 1
    uint64_t hash() const { return IdTable::hash(key); }
  };
  SlotTable<Slot> slots_;
  GrowingArray<uint64_t> keys_;
};

}  // namespace freshet
