// TextTable: numbers distinct texts 0, 1, 2, ... in order of arrival. Open
// addressing, linear probing, at most half full; keeps the texts' hashes, so
// that growing and most misses read no text. One thread.
#pragma once

#include <absl/hash/hash.h>

#include <string_view>
#include <vector>

#include "server/query/id_table.h"

namespace freshet {

class TextTable {
 public:
  static uint64_t hash(std::string_view text) {
    return absl::Hash<std::string_view>()(text);
  }

  // The id of `text`, and true if it is a new one, whose text the caller keeps:
  // `text_of(id)` is asked of known ids.
  template <class TextOf>
  std::pair<uint32_t, bool> find_or_add(std::string_view text, uint64_t hash,
                                        TextOf text_of) {
    if (hashes_.size() * 2 >= slots_.size()) grow();
    const auto tag = static_cast<uint32_t>(hash);
    size_t at = hash >> shift_;
    while (slots_[at].id != IdTable::kNone) {
      if (slots_[at].tag == tag && text_of(slots_[at].id) == text) {
        return {slots_[at].id, false};
      }
      at = (at + 1) & (slots_.size() - 1);
    }
    const auto id = static_cast<uint32_t>(hashes_.size());
    slots_[at] = {tag, id};
    hashes_.push_back(hash);
    return {id, true};
  }

  // For texts to come: brings the slot near, then tells the id whose text it
  // will be compared with, or kNone.
  void prefetch(uint64_t hash) const {
    if (!slots_.empty()) __builtin_prefetch(&slots_[hash >> shift_], 1);
  }
  uint32_t likely(uint64_t hash) const {
    if (slots_.empty()) return IdTable::kNone;
    const Slot& slot = slots_[hash >> shift_];
    return slot.tag == static_cast<uint32_t>(hash) ? slot.id : IdTable::kNone;
  }

  uint32_t size() const { return static_cast<uint32_t>(hashes_.size()); }
  uint64_t memory_bytes() const {
    return slots_.capacity() * sizeof(Slot) + hashes_.capacity() * 8;
  }

 private:
  struct Slot {
    uint32_t tag = 0;
    uint32_t id = IdTable::kNone;
  };
  void grow() {
    const size_t size = slots_.empty() ? 64 : slots_.size() * 2;
    shift_ = 64 - __builtin_ctzll(size);
    slots_.assign(size, Slot{});
    for (uint32_t id = 0; id < hashes_.size(); ++id) {
      size_t at = hashes_[id] >> shift_;
      while (slots_[at].id != IdTable::kNone) at = (at + 1) & (size - 1);
      slots_[at] = {static_cast<uint32_t>(hashes_[id]), id};
    }
  }

  std::vector<Slot, HugePages<Slot>> slots_;
  std::vector<uint64_t> hashes_;  // by id
  int shift_ = 0;
};

}  // namespace freshet
