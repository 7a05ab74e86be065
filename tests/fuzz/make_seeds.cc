// Writes what the fuzzers of segments/ and of the event decoders start from:
// make_seeds FOLDER.
#include <filesystem>
#include <fstream>
#include <iostream>
#include <random>

#include "segments/dictionary_encoder.h"
#include "segments/hll_sketch.h"
#include "segments/id_list.h"
#include "segments/live_segment.h"
#include "segments/quantile_sketch.h"
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

void write_bytes(const fs::path& file, const std::string& bytes) {
  std::ofstream(file, std::ios::binary) << bytes;
}

// Values in their order.
class Values final : public Dictionary {
 public:
  explicit Values(std::vector<std::string> values)
      : values_(std::move(values)) {}
  uint32_t size() const override {
    return static_cast<uint32_t>(values_.size()) + 1;
  }
  std::string_view value(uint32_t id) const override { return values_[id - 1]; }
  std::optional<uint32_t> find(std::string_view) const override { return {}; }
  bool sorted() const override { return false; }

 private:
  const std::vector<std::string> values_;
};

bool write_dictionary_seed(const fs::path& file, uint32_t count,
                           bool by_appearance) {
  std::vector<std::string> texts;
  std::vector<uint32_t> rows;
  for (uint32_t i = 0; i < count; ++i) {
    texts.push_back("customer#" + std::to_string(i * 7919 % 1'000'003));
    rows.push_back(i + 1);
  }
  Values values(texts);
  auto order = by_appearance ? DictionaryOrder::of_rows(rows, {}, values.size())
                             : DictionaryOrder::of(values, {});
  auto bytes = encode_dictionary(values, order);
  if (!bytes) return false;
  uint32_t size = count;  // the fuzzer adds null
  write_bytes(file, std::string(reinterpret_cast<char*>(&size), 4) + *bytes);
  return true;
}

void write_sketch_seeds(const fs::path& folder) {
  for (int count : {0, 3, 700, 20'000}) {
    HllSketch distinct;
    QuantileSketch quantiles;
    for (int i = 0; i < count; ++i) {
      distinct.add(sketch_hash(__int128{i}));
      quantiles.add(i % 97 / 4.0);
    }
    std::string name = std::to_string(count);
    write_bytes(folder / ("distinct_" + name), distinct.to_bytes());
    write_bytes(folder / ("quantiles_" + name), quantiles.to_bytes());
  }
  std::vector<uint32_t> ids = {1, 2, 130, 99'999};
  write_bytes(folder / "ids", encode_ids(ids));
}

// The first byte picks the decoder.
void write_event_seeds(const fs::path& folder) {
  fs::create_directories(folder);
  const std::string seeds[] = {
      "1,\"x \"\"y\",1.5,2,3\n2,b,,,\n",
      R"({"ts":1,"s":"\u00e9","a":[{"l":2,"b":[true]},{"l":3}]})",
      R"({"schema":{"fields":[{"field":"after","fields":[{"field":"m","name":
      "org.apache.kafka.connect.data.Decimal","parameters":{"scale":"2"}}]}]},
      "payload":{"op":"u","before":{"s":"__debezium_unavailable_value"},
      "after":{"ts":1,"m":"BOI="},"source":{"ts_ms":5}}})",
      R"({"data":{"ts":1,"a":{"l":2}},"before-image":{"ts":0},"metadata":{
      "record-type":"data","operation":"update"}})",
      "<?xml version='1.0'?><r a='1'><d>2</d><i x='y'><ts>1</ts><s>&lt;</s>"
      "<a><l>2</l><b>1</b><b>0</b></a></i></r>",
      std::string(R"({"type":"record","name":"r","fields":[{"name":"a","type":
      ["null",{"type":"array","items":"long"}]},{"name":"m","type":{"type":
      "bytes","logicalType":"decimal","scale":2}}]})") +
          std::string("\0\x02\x02\x04\x00\x04\x04\xe2", 8),
      "modify=20261122033849;size=4;type=file;unique=1; a.csv\r\n"
      "-rw-r--r-- 1 root root 12 Nov 22 03:38 b.csv\n"};
  char which = 0;
  for (const std::string& seed : seeds) {
    std::ofstream(folder / std::string(1, static_cast<char>('a' + which)),
                  std::ios::binary)
        << which << seed;
    ++which;
  }
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) return 2;
  fs::path folder = arguments[1];
  fs::create_directories(folder / "segment_reader_fuzz");
  fs::create_directories(folder / "bitmap_fuzz");
  fs::create_directories(folder / "dictionary_fuzz");
  fs::create_directories(folder / "sketch_fuzz");
  write_sketch_seeds(folder / "sketch_fuzz");
  for (uint32_t count : {0, 5, 1024, 9000}) {
    for (bool by_appearance : {false, true}) {
      fs::path file = folder / "dictionary_fuzz" /
                      (std::to_string(count) + (by_appearance ? "a" : "s"));
      if (!write_dictionary_seed(file, count, by_appearance)) return 1;
    }
  }
  write_event_seeds(folder / "event_decoders_fuzz");
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
