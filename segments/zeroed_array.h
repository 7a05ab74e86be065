// ZeroedArray: a fixed number of elements whose bits are zero at first. A large
// one is mapped for itself: the system clears a page when it is first touched,
// so that making the array takes no time, however large it is, and whoever
// fills it in order can stop in between. A smaller one is malloc's, which keeps
// its pages for the next: to clear it at once takes less than to fault it in.
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <type_traits>
#include <utility>

namespace freshet {

// Of a large array. Huge ones, where the system has them, make reads at random
// cheaper; but the system may take long to find a free one, while somebody
// waits who cannot be stopped.
enum class Pages { kSmall, kHuge };

// REQUIRES: all bits zero is a value of T.
template <class T>
class ZeroedArray {
  static_assert(std::is_trivially_destructible_v<T>);

 public:
  ZeroedArray() = default;
  explicit ZeroedArray(size_t size, Pages pages = Pages::kSmall) : size_(size) {
    if (mapped()) {
      elements_ = static_cast<T*>(map_pages(pages));
    } else if (size > 0) {
      elements_ = static_cast<T*>(std::calloc(size, sizeof(T)));
      if (elements_ == nullptr) throw std::bad_alloc();
    }
  }
  ~ZeroedArray() {
    if (mapped()) {
      unmap_pages();
    } else {
      std::free(elements_);
    }
  }
  ZeroedArray(const ZeroedArray&) = delete;
  ZeroedArray& operator=(const ZeroedArray&) = delete;
  ZeroedArray(ZeroedArray&& other) noexcept
      : elements_(std::exchange(other.elements_, nullptr)),
        size_(std::exchange(other.size_, 0)) {}
  ZeroedArray& operator=(ZeroedArray&& other) noexcept {
    std::swap(elements_, other.elements_);
    std::swap(size_, other.size_);
    return *this;
  }

  // Appends zero elements; of a large array none is copied. REQUIRES: size() <=
  // `size`; T can be copied bit by bit.
  void grow(size_t size) {
    if (mapped()) {
      const size_t bytes = pages_bytes();
      size_ = size;
      void* memory = mremap(elements_, bytes, pages_bytes(), MREMAP_MAYMOVE);
      if (memory == MAP_FAILED) throw std::bad_alloc();
      elements_ = static_cast<T*>(memory);
      return;
    }
    ZeroedArray larger(size);
    std::copy_n(elements_, size_, larger.elements_);
    *this = std::move(larger);
  }

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T& operator[](size_t i) { return elements_[i]; }
  const T& operator[](size_t i) const { return elements_[i]; }
  size_t memory_bytes() const { return size_ * sizeof(T); }

 private:
  static constexpr size_t kHugePage = size_t{2} << 20;
  static constexpr size_t kMapped = size_t{16} << 20;
  bool mapped() const { return memory_bytes() >= kMapped; }
  size_t pages_bytes() const {
    return (memory_bytes() + kHugePage - 1) / kHugePage * kHugePage;
  }
  // At the beginning of a huge page.
  void* map_pages(Pages pages) const {
    const size_t bytes = pages_bytes();
    void* memory = mmap(nullptr, bytes + kHugePage, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    char* begin = static_cast<char*>(memory);
    const size_t before = -reinterpret_cast<uintptr_t>(begin) % kHugePage;
    if (before > 0) munmap(begin, before);
    begin += before;
    munmap(begin + bytes, kHugePage - before);
    if (pages == Pages::kHuge) madvise(begin, bytes, MADV_HUGEPAGE);  // a hint
    return begin;
  }

  // In pieces: while the system takes one back, no other thread can map memory.
  void unmap_pages() {
    char* at = reinterpret_cast<char*>(elements_);
    for (size_t left = pages_bytes(); left > 0;) {
      const size_t piece = std::min(left, kMapped);
      munmap(at, piece);
      at += piece;
      left -= piece;
    }
  }

  T* elements_ = nullptr;
  size_t size_ = 0;
};

}  // namespace freshet
