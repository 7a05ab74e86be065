// GrowingArray: elements that are only appended, next to each other in memory.
// Unlike std::vector a large one grows without a copy, which would be a long
// piece of work that cannot be stopped.
#pragma once

#include <algorithm>
#include <span>

#include "segments/zeroed_array.h"

namespace freshet {

template <class T>
class GrowingArray {
 public:
  GrowingArray() = default;
  GrowingArray(GrowingArray&& other) noexcept
      : elements_(std::move(other.elements_)),
        size_(std::exchange(other.size_, 0)) {}
  GrowingArray& operator=(GrowingArray&& other) noexcept {
    std::swap(elements_, other.elements_);
    std::swap(size_, other.size_);
    return *this;
  }

  void push_back(const T& value) {
    if (size_ == elements_.size()) {
      elements_.grow(std::max<size_t>(64, size_ * 2));
    }
    elements_[size_++] = value;
  }
  size_t size() const { return size_; }
  const T& operator[](size_t i) const { return elements_[i]; }
  std::span<const T> all() const {
    return size_ == 0 ? std::span<const T>() : std::span(&elements_[0], size_);
  }
  size_t memory_bytes() const { return elements_.memory_bytes(); }

 private:
  ZeroedArray<T> elements_;
  size_t size_ = 0;
};

}  // namespace freshet
