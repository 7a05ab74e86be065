// IdTable: numbers distinct 64-bit keys 0, 1, 2, ... in order of arrival.
// Open addressing, linear probing, at most half full. One thread.
#pragma once

#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <vector>

namespace freshet {

// Memory of large tables, which are read at random: in huge pages where the
// system has them.
template <class T>
struct HugePages {
  using value_type = T;
  static constexpr size_t kPage = size_t{2} << 20;
  HugePages() = default;
  template <class U>
  HugePages(const HugePages<U>&) {}
  T* allocate(size_t count) {
    const size_t bytes = count * sizeof(T);
    if (bytes < kPage) return std::allocator<T>().allocate(count);
    const size_t whole = (bytes + kPage - 1) / kPage * kPage;
    void* memory = std::aligned_alloc(kPage, whole);
    if (memory == nullptr) throw std::bad_alloc();
    madvise(memory, whole, MADV_HUGEPAGE);  // a hint
    return static_cast<T*>(memory);
  }
  void deallocate(T* memory, size_t count) {
    if (count * sizeof(T) < kPage) {
      std::allocator<T>().deallocate(memory, count);
    } else {
      std::free(memory);
    }
  }
  bool operator==(const HugePages&) const { return true; }
};

class IdTable {
 public:
  static constexpr uint32_t kNone = ~uint32_t{0};

  uint32_t find_or_add(uint64_t key) {
    if (keys_.size() * 2 >= slots_.size()) grow();
    size_t at = hash(key) >> shift_;
    while (slots_[at].id != kNone) {
      if (slots_[at].key == key) return slots_[at].id;
      at = (at + 1) & (slots_.size() - 1);
    }
    uint32_t id = static_cast<uint32_t>(keys_.size());
    slots_[at] = {key, id};
    keys_.push_back(key);
    return id;
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
        __builtin_prefetch(&slots_[hash(keys[i + kAhead]) >> shift_], 1);
      }
      out[i] = find_or_add(keys[i]);
    }
  }

  // Small enough to stay in the processor's caches.
  bool cached() const { return slots_.size() <= kCachedSlots; }
  uint32_t size() const { return static_cast<uint32_t>(keys_.size()); }
  // key(id) for every id.
  const std::vector<uint64_t>& keys() const { return keys_; }
  uint64_t memory_bytes() const {
    return slots_.capacity() * sizeof(Slot) + keys_.capacity() * 8;
  }

 private:
  static constexpr size_t kCachedSlots = size_t{1} << 14;
  static constexpr size_t kAhead = 12;

  struct Slot {
    uint64_t key = 0;
    uint32_t id = kNone;
  };
  static uint64_t hash(uint64_t key) {
    key ^= key >> 32;
    return key * 0x9E3779B97F4A7C15u;
  }
  void grow() {
    size_t size = slots_.empty() ? 64 : slots_.size() * 2;
    shift_ = 64 - __builtin_ctzll(size);
    slots_.assign(size, Slot{});
    for (uint32_t id = 0; id < keys_.size(); ++id) {
      size_t at = hash(keys_[id]) >> shift_;
      while (slots_[at].id != kNone) at = (at + 1) & (size - 1);
      slots_[at] = {keys_[id], id};
    }
  }
  std::vector<Slot, HugePages<Slot>> slots_;
  std::vector<uint64_t> keys_;
  int shift_ = 0;
};

}  // namespace freshet
