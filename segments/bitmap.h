// Bitmap: a set of row numbers, over CRoaring (the only file pair that
// includes it). Either owns its containers or is a frozen view into mapped
// segment bytes, which must outlive it. Value type by move; immutable use is
// safe from many threads.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "segments/result.h"

struct roaring_bitmap_s;

namespace freshet {

class Bitmap {
 public:
  Bitmap();  // empty
  static Bitmap of_sorted(std::span<const uint32_t> rows);
  static Bitmap of_range(uint32_t begin, uint32_t end);  // [begin, end)
  // Reads the frozen form of `bytes` without copying. REQUIRES: bytes.data()
  // is 32-byte aligned and stays valid. kCorrupt if the form is refused.
  static Result<Bitmap> frozen_view(std::span<const char> bytes);

  Bitmap(Bitmap&&) noexcept;
  Bitmap& operator=(Bitmap&&) noexcept;
  ~Bitmap();
  Bitmap clone() const;

  uint64_t cardinality() const;
  bool contains(uint32_t row) const;
  bool equals(const Bitmap& other) const;
  bool empty() const { return cardinality() == 0; }
  // Number of members in [begin, end).
  uint64_t count_in(uint32_t begin, uint32_t end) const;
  std::optional<uint32_t> maximum() const;
  Bitmap operator&(const Bitmap& other) const;
  Bitmap operator|(const Bitmap& other) const;
  Bitmap and_not(const Bitmap& other) const;
  // The rows of [0, num_rows) that are not in this.
  Bitmap complement(uint32_t num_rows) const;
  static Bitmap union_of(std::span<const Bitmap* const> bitmaps);

  // Number of bytes and the bytes of the frozen form (FORMAT.md, index).
  size_t frozen_size() const;
  void write_frozen(char* out) const;
  void optimize();  // run containers where they are smaller

  // Appends to `out` the members in [begin, end), minus begin, ascending.
  void rows_in(uint32_t begin, uint32_t end, std::vector<uint16_t>& out) const;
  std::vector<uint32_t> to_vector() const;

 private:
  struct Free {
    void operator()(const roaring_bitmap_s* bitmap) const;
  };
  explicit Bitmap(const roaring_bitmap_s* bitmap);
  std::unique_ptr<const roaring_bitmap_s, Free> bitmap_;
};

}  // namespace freshet
