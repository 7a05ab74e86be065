// RowGroup: the memory of up to kBlockRows rows of a LiveSegment, all columns.
//
// One of kBlockRows rows is an anonymous mapping, so that it starts zeroed and
// takes no memory until it is written to; smaller ones, of which thousands may
// be open, lie in the heap. Per column an array of values (int64, double or
// uint32 ids) and, but for strings, of null bits. Values are written once,
// before the row count that covers them is published; the null words are shared
// by rows on both sides of that count, hence atomic.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "segments/schema.h"
#include "segments/segment.h"

namespace freshet {

inline constexpr uint32_t kBlockWords = kBlockRows / 64;

// Where each column lies in every group of one schema: bytes for each 64 rows
// of the group.
struct RowGroupLayout {
  struct Slot {
    size_t values = 0, nulls = 0;  // offsets
  };
  std::vector<Slot> columns;
  size_t bytes = 0;

  static RowGroupLayout of(const Schema& schema);
};

class RowGroup {
 public:
  // Ends the process when the machine has no address space left, as operator
  // new does: the caller bounds the rows it holds.
  // REQUIRES: `rows` is a multiple of 64, at most kBlockRows.
  RowGroup(const RowGroupLayout& layout, uint32_t rows);
  ~RowGroup();
  RowGroup(const RowGroup&) = delete;
  RowGroup& operator=(const RowGroup&) = delete;

  // How many rows it has room for.
  uint32_t rows() const { return static_cast<uint32_t>(words_ * 64); }
  // What `from`, a smaller group of the layout, holds. Nobody else knows this
  // group yet.
  void copy(const RowGroupLayout& layout, const RowGroup& from);

  template <class T>
  T* values(const RowGroupLayout::Slot& slot) const {
    return reinterpret_cast<T*>(memory_ + slot.values * words_);
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
    return reinterpret_cast<uint64_t*>(memory_ + slot.nulls * words_);
  }

  const size_t words_;  // of null bits of each column
  const size_t bytes_;
  char* memory_;
};

}  // namespace freshet
