#include "segments/bitmap.h"

#include <roaring/roaring.h>

#include <cassert>
#include <string>
#include <utility>

#include "segments/frozen_bitmap.h"

namespace freshet {
namespace {

// CRoaring's operations take no const but do not write.
const roaring_bitmap_t* owned(roaring_bitmap_t* bitmap) { return bitmap; }

}  // namespace

void Bitmap::Free::operator()(const roaring_bitmap_s* bitmap) const {
  roaring_bitmap_free(const_cast<roaring_bitmap_t*>(bitmap));
}

Bitmap::Bitmap() : Bitmap(owned(roaring_bitmap_create())) {}
Bitmap::Bitmap(const roaring_bitmap_s* bitmap) : bitmap_(bitmap) {}
Bitmap::Bitmap(Bitmap&&) noexcept = default;
Bitmap& Bitmap::operator=(Bitmap&&) noexcept = default;
Bitmap::~Bitmap() = default;

Bitmap Bitmap::of_sorted(std::span<const uint32_t> rows) {
  return Bitmap(owned(roaring_bitmap_of_ptr(rows.size(), rows.data())));
}

Bitmap Bitmap::of_range(uint32_t begin, uint32_t end) {
  if (end <= begin) return Bitmap();
  return Bitmap(owned(roaring_bitmap_from_range(begin, end, 1)));
}

Result<Bitmap> Bitmap::frozen_view(std::span<const char> bytes) {
  assert(reinterpret_cast<uintptr_t>(bytes.data()) % 32 == 0);
  const roaring_bitmap_t* view =
      is_frozen_bitmap(bytes)
          ? roaring_bitmap_frozen_view(bytes.data(), bytes.size())
          : nullptr;
  if (view == nullptr) {
    return Error{
        ErrorCode::kCorrupt,
        "not a frozen bitmap of " + std::to_string(bytes.size()) + " bytes"};
  }
  return Bitmap(view);
}

Bitmap Bitmap::clone() const {
  return Bitmap(owned(roaring_bitmap_copy(bitmap_.get())));
}

uint64_t Bitmap::cardinality() const {
  return roaring_bitmap_get_cardinality(bitmap_.get());
}

bool Bitmap::equals(const Bitmap& other) const {
  return roaring_bitmap_equals(bitmap_.get(), other.bitmap_.get());
}

bool Bitmap::contains(uint32_t row) const {
  return roaring_bitmap_contains(bitmap_.get(), row);
}

Bitmap Bitmap::operator&(const Bitmap& other) const {
  return Bitmap(owned(roaring_bitmap_and(bitmap_.get(), other.bitmap_.get())));
}

Bitmap Bitmap::operator|(const Bitmap& other) const {
  return Bitmap(owned(roaring_bitmap_or(bitmap_.get(), other.bitmap_.get())));
}

Bitmap Bitmap::and_not(const Bitmap& other) const {
  return Bitmap(
      owned(roaring_bitmap_andnot(bitmap_.get(), other.bitmap_.get())));
}

Bitmap Bitmap::complement(uint32_t num_rows) const {
  return of_range(0, num_rows).and_not(*this);
}

Bitmap Bitmap::union_of(std::span<const Bitmap* const> bitmaps) {
  std::vector<const roaring_bitmap_t*> raw;
  raw.reserve(bitmaps.size());
  for (const Bitmap* bitmap : bitmaps) raw.push_back(bitmap->bitmap_.get());
  return Bitmap(owned(roaring_bitmap_or_many(raw.size(), raw.data())));
}

size_t Bitmap::frozen_size() const {
  return roaring_bitmap_frozen_size_in_bytes(bitmap_.get());
}

void Bitmap::write_frozen(char* out) const {
  roaring_bitmap_frozen_serialize(bitmap_.get(), out);
}

void Bitmap::optimize() {
  // Only bitmaps made here are optimised; frozen views are never written to.
  roaring_bitmap_run_optimize(const_cast<roaring_bitmap_t*>(bitmap_.get()));
}

uint64_t Bitmap::count_in(uint32_t begin, uint32_t end) const {
  return roaring_bitmap_range_cardinality(bitmap_.get(), begin, end);
}

void Bitmap::rows_in(uint32_t begin, uint32_t end,
                     std::vector<uint16_t>& out) const {
  assert(end - begin <= 65536);
  roaring_uint32_iterator_t it;
  roaring_init_iterator(bitmap_.get(), &it);
  if (!roaring_move_uint32_iterator_equalorlarger(&it, begin)) return;
  uint32_t buffer[256];
  while (it.has_value) {
    uint32_t count = roaring_read_uint32_iterator(&it, buffer, 256);
    for (uint32_t i = 0; i < count; ++i) {
      if (buffer[i] >= end) return;
      out.push_back(static_cast<uint16_t>(buffer[i] - begin));
    }
    if (count < 256) return;
  }
}

std::optional<uint32_t> Bitmap::maximum() const {
  if (empty()) return std::nullopt;
  return roaring_bitmap_maximum(bitmap_.get());
}

std::vector<uint32_t> Bitmap::to_vector() const {
  std::vector<uint32_t> rows(cardinality());
  roaring_bitmap_to_uint32_array(bitmap_.get(), rows.data());
  return rows;
}

}  // namespace freshet
