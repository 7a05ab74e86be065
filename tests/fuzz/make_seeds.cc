// Writes what the fuzzers of segments/ start from: make_seeds FOLDER.
#include <filesystem>
#include <fstream>
#include <iostream>
#include <random>

#include "segments/live_segment.h"
#include "segments/segment_writer.h"
#include "tests/support/row_model.h"

namespace {

using namespace freshet;  // NOLINT: a test program
namespace fs = std::filesystem;

bool write_segment_seed(const fs::path& folder, const std::string& id,
                        size_t rows, std::mt19937_64& random) {
  auto schema = model_schema();
  auto live = LiveSegment::create("seed_live", schema, Interval{});
  ColumnBatch batch(schema);
  for (size_t i = 0; i < rows; ++i) append_row(batch, random_row(random, 0));
  live->append(batch);
  live->freeze();
  auto written = write_segment(real_file_system(), *live->snapshot(), id,
                               folder / id, SealOptions{});
  if (!written) std::cerr << written.error().message << "\n";
  return written.has_value();
}

void write_bitmap_seed(const fs::path& file, const Bitmap& bitmap) {
  std::string bytes(bitmap.frozen_size(), '\0');
  bitmap.write_frozen(bytes.data());
  std::ofstream(file, std::ios::binary) << bytes;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) return 2;
  fs::path folder = arguments[1];
  fs::create_directories(folder / "segment_reader_fuzz");
  fs::create_directories(folder / "bitmap_fuzz");
  std::mt19937_64 random(1);
  for (size_t rows : {1, 3, 70, 5000}) {
    if (!write_segment_seed(folder / "segment_reader_fuzz",
                            "s" + std::to_string(rows), rows, random)) {
      return 1;
    }
  }
  write_bitmap_seed(folder / "bitmap_fuzz" / "range",
                    Bitmap::of_range(3, 70'000));
  std::vector<uint32_t> rows;
  for (uint32_t row = 0; row < 150'000; row += 1 + random() % 5) {
    rows.push_back(row);
  }
  write_bitmap_seed(folder / "bitmap_fuzz" / "dense", Bitmap::of_sorted(rows));
  rows.resize(40);
  write_bitmap_seed(folder / "bitmap_fuzz" / "sparse", Bitmap::of_sorted(rows));
  return 0;
}
