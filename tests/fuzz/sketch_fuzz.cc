// Hostile bytes as a sketch of distinct values, of quantiles, or as a list of
// ids: they are refused, or are a sketch that can be asked, merged and written.
#include <cmath>
#include <cstdlib>
#include <string>
#include <vector>

#include "segments/hll_sketch.h"
#include "segments/id_list.h"
#include "segments/quantile_sketch.h"

namespace {

using namespace freshet;  // NOLINT: a test program

void distinct(std::string_view bytes) {
  auto sketch = HllSketch::from_bytes(bytes);
  if (!sketch) return;
  if (sketch->count() < 0) std::abort();
  auto again = HllSketch::from_bytes(sketch->to_bytes());
  if (!again || !(*again == *sketch)) std::abort();
  HllSketch other;
  for (int i = 0; i < 5000; ++i) other.add(sketch_hash(__int128{i}));
  int64_t before = other.count();
  other.merge(*sketch);
  if (other.count() < before) std::abort();
  sketch->merge(other);
  if (!(*sketch == other)) std::abort();  // in whatever order
}

void quantiles(std::string_view bytes) {
  auto sketch = QuantileSketch::from_bytes(bytes);
  if (!sketch) return;
  auto again = QuantileSketch::from_bytes(sketch->to_bytes());
  if (!again || again->size() != sketch->size()) std::abort();
  if (sketch->size() > 0) {
    for (double fraction : {0.0, 0.001, 0.5, 1.0}) sketch->quantile(fraction);
  }
  QuantileSketch other;
  for (int i = 0; i < 2000; ++i) other.add(i);
  other.merge(*sketch);
  for (int i = 0; i < 2000; ++i) sketch->add(i);
  if (sketch->size() != other.size()) std::abort();
  other.quantile(0.5);
}

void ids(std::string_view bytes) {
  std::vector<uint32_t> list;
  if (!decode_ids(bytes, 1'000'000, list)) return;
  uint32_t before = 0;
  for (uint32_t id : list) {
    if (id <= before || id >= 1'000'000) std::abort();
    before = id;
  }
  if (encode_ids(list) != bytes) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  distinct(bytes);
  quantiles(bytes);
  ids(bytes);
  return 0;
}
