// Hostile bytes as the frozen form of a bitmap.
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "segments/bitmap.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using freshet::Bitmap;
  if (size == 0) return 0;
  size_t room = (size + 31) / 32 * 32;
  std::unique_ptr<char, decltype(&std::free)> bytes(
      static_cast<char*>(std::aligned_alloc(32, room)), &std::free);
  std::memcpy(bytes.get(), data, size);
  auto bitmap = Bitmap::frozen_view({bytes.get(), size});
  if (!bitmap) return 0;
  std::vector<uint16_t> rows;
  bitmap->rows_in(0, 4096, rows);
  bitmap->cardinality();
  bitmap->maximum();
  bitmap->contains(77);
  bitmap->count_in(3, 100000);
  Bitmap some = Bitmap::of_range(5, 70000);
  (*bitmap & some).cardinality();
  (*bitmap | some).cardinality();
  bitmap->and_not(some).cardinality();
  Bitmap copy = bitmap->clone();
  copy.optimize();
  copy.frozen_size();
  return 0;
}
