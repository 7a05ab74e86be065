// PaddedBlocks: memory for the texts a decoder reads in place, kept from one
// batch to the next. Used by one thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <vector>

namespace freshet {

class PaddedBlocks {
 public:
  // Blanks behind every place taken, which SIMD code may read.
  static constexpr size_t kPadding = 64;

  // Ends the life of all places taken.
  void reset() {
    // One huge batch must not hold its memory for ever.
    std::erase_if(blocks_, [](const Block& b) { return b.size > 8 << 20; });
    current_ = 0;
    used_ = 0;
  }
  // `size` bytes to be written, followed by kPadding blanks.
  char* take(size_t size) {
    size_t padded = size + kPadding;
    while (current_ < blocks_.size() &&
           used_ + padded > blocks_[current_].size) {
      ++current_;
      used_ = 0;
    }
    if (current_ == blocks_.size()) {
      size_t block = std::max(padded, kBlockBytes);
      blocks_.push_back({std::unique_ptr<char[]>(new char[block]), block});
    }
    char* place = blocks_[current_].bytes.get() + used_;
    std::memset(place + size, ' ', kPadding);
    used_ += padded;
    return place;
  }

 private:
  static constexpr size_t kBlockBytes = 1 << 20;
  struct Block {
    std::unique_ptr<char[]> bytes;
    size_t size;
  };
  std::vector<Block> blocks_;
  size_t current_ = 0;
  size_t used_ = 0;
};

}  // namespace freshet
