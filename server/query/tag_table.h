// TagTable: numbers distinct keys 0, 1, 2, ... in order of arrival. The keys
// themselves are its owner's: of them it has 32 bits of their hashes, so that
// most misses read no key. One thread.
#pragma once

#include <cstdint>
#include <utility>

#include "server/query/slot_table.h"

namespace freshet {

class TagTable {
  struct Slot {
    uint32_t tag = 0;  // the upper half of the hash
    uint32_t number = 0;
    uint32_t id() const { return number - 1; }  // kNone of a free one
    uint64_t hash() const { return uint64_t{tag} << 32; }
  };
  template <class Same>
  static auto by(uint64_t hash, const Same& same) {
    return [tag = static_cast<uint32_t>(hash >> 32), &same](const Slot& slot) {
      return slot.tag == tag && same(slot.id());
    };
  }

 public:
  static constexpr uint32_t kNone = ~uint32_t{0};

  // As IdTable::make_room().
  Status make_room(size_t more, const QueryControl* control) {
    if (slots_.has_room(size_t{size_} + more)) return {};
    return slots_.grow(size_t{size_} + more, control);
  }

  // The id of a key of this hash, and true if it is a new one: `same(id)` tells
  // whether it is that known key.
  template <class Same>
  std::pair<uint32_t, bool> find_or_add(uint64_t hash, Same same) {
    if (!slots_.has_room(size_t{size_} + 1)) {
      (void)slots_.grow(size_t{size_} + 1, nullptr);
    }
    Slot& slot = slots_.find(hash, by(hash, same));
    const bool added = slot.number == 0;
    if (added) slot = {static_cast<uint32_t>(hash >> 32), ++size_};
    return {slot.number - 1, added};
  }
  // kNone if it is not known.
  template <class Same>
  uint32_t find(uint64_t hash, Same same) const {
    return slots_.empty() ? kNone : slots_.find(hash, by(hash, same)).id();
  }

  // For keys to come: brings the slot near, then tells the id whose key it will
  // be compared with, or kNone.
  void prefetch(uint64_t hash) const {
    if (!slots_.empty()) __builtin_prefetch(&slots_.first(hash), 1);
  }
  uint32_t likely(uint64_t hash) const {
    if (slots_.empty()) return kNone;
    const Slot& slot = slots_.first(hash);
    return slot.tag == hash >> 32 ? slot.id() : kNone;
  }

  uint32_t size() const { return size_; }
  uint64_t memory_bytes() const { return slots_.memory_bytes(); }

 private:
  SlotTable<Slot> slots_;
  uint32_t size_ = 0;
};

}  // namespace freshet
