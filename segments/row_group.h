// RowGroup: the memory of kBlockRows rows of a LiveSegment, all columns.
//
// One anonymous mapping, so that it starts zeroed and takes no memory until it
// is written to. Per column an array of kBlockRows values (int64, double or
// uint32 ids) and, but for strings, kBlockRows null bits. Values are written
// once, before the row count that covers them is published; the null words are
// shared by rows on both sides of that count, hence atomic.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "segments/schema.h"
#include "segments/segment.h"

namespace freshet {

inline constexpr uint32_t kBlockWords = kBlockRows / 64;

// Where each column lies in every group of one schema.
struct RowGroupLayout {
  struct Slot {
    size_t values = 0, nulls = 0;  // offsets in bytes
  };
  std::vector<Slot> columns;
  size_t bytes = 0;

  static RowGroupLayout of(const Schema& schema);
};

class RowGroup {
 public:
  // Ends the process when the machine has no address space left, as operator
  // new does: the caller bounds the rows it holds.
  explicit RowGroup(const RowGroupLayout& layout);
  ~RowGroup();
  RowGroup(const RowGroup&) = delete;
  RowGroup& operator=(const RowGroup&) = delete;

  template <class T>
  T* values(const RowGroupLayout::Slot& slot) const {
    return reinterpret_cast<T*>(memory_ + slot.values);
  }
  void set_null(const RowGroupLayout::Slot& slot, uint32_t row) {
    std::atomic_ref<uint64_t> word(null_words(slot)[row / 64]);
    word.store(word.load(std::memory_order_relaxed) | uint64_t{1} << row % 64,
               std::memory_order_relaxed);
  }
  // The null bits of 64 rows, also of rows not yet published.
  uint64_t null_word(const RowGroupLayout::Slot& slot, uint32_t word) const {
    return std::atomic_ref<uint64_t>(null_words(slot)[word])
        .load(std::memory_order_relaxed);
  }

  // Least and greatest __time of this and all earlier groups; set when full.
  int64_t min_time = INT64_MAX, max_time = INT64_MIN;

 private:
  uint64_t* null_words(const RowGroupLayout::Slot& slot) const {
    return reinterpret_cast<uint64_t*>(memory_ + slot.nulls);
  }

  char* memory_;
  size_t bytes_;
};

}  // namespace freshet
