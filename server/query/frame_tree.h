// FrameTree: count, sum, and least or greatest value of any run of a
// partition's rows, in O(log n): a tree of folded pairs.
#pragma once

#include <cstdint>

#include "segments/zeroed_array.h"
#include "server/query/free_later.h"
#include "server/query/query_control.h"
#include "server/query/value.h"

namespace freshet {

struct FrameState {
  int64_t count = 0;   // of values
  __int128 exact = 0;  // sum of longs, or of units of decimals
  double real = 0;     // sum of doubles
  bool overflow = false;
  const Value* extreme = nullptr;  // of the rows, which outlive this
};

class FrameTree {
 public:
  FrameTree(FrameTree&&) noexcept = default;
  FrameTree& operator=(FrameTree&&) noexcept = default;
  ~FrameTree() { free_later(nodes_); }

  // leaf(i) of row i < size. `least`: whether extremes are the least values,
  // else the greatest. Fails as `control` does.
  template <class Leaf>
  static Result<FrameTree> create(size_t size, bool least, Leaf leaf,
                                  const QueryControl& control) {
    FrameTree made(size, least);
    auto& nodes = made.nodes_;
    TRY(in_runs(size, &control, [&](size_t begin, size_t count) {
      for (size_t i = begin; i < begin + count; ++i) nodes[size + i] = leaf(i);
    }));
    TRY(in_runs(size, &control, [&](size_t begin, size_t count) {
      for (size_t i = size - begin; i-- > size - begin - count;) {
        if (i > 0) nodes[i] = made.joined(nodes[2 * i], nodes[2 * i + 1]);
      }
    }));
    return made;
  }

  // Of rows [begin, end); of none if that is empty.
  FrameState fold(size_t begin, size_t end) const {
    FrameState left, right;
    if (begin >= end) return left;
    for (begin += size_, end += size_; begin < end; begin /= 2, end /= 2) {
      if (begin % 2) left = joined(left, nodes_[begin++]);
      if (end % 2) right = joined(nodes_[--end], right);
    }
    return joined(left, right);
  }

 private:
  FrameTree(size_t size, bool least)
      : size_(size), least_(least), nodes_(size * 2) {}

  FrameState joined(const FrameState& a, const FrameState& b) const {
    FrameState out;
    out.count = a.count + b.count;
    out.overflow = __builtin_add_overflow(a.exact, b.exact, &out.exact) ||
                   a.overflow || b.overflow;
    out.real = a.real + b.real;
    out.extreme = a.extreme ? a.extreme : b.extreme;
    if (a.extreme && b.extreme) {
      int order = Value::compare(*b.extreme, *a.extreme);
      if (least_ ? order < 0 : order > 0) out.extreme = b.extreme;
    }
    return out;
  }

  size_t size_;
  bool least_;
  ZeroedArray<FrameState> nodes_;  // node i has children 2 i and 2 i + 1
};

}  // namespace freshet
