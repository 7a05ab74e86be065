// Live and sealed segments: values, order, concurrency, damage, golden file.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "segments/live_segment.h"
#include "segments/rollup.h"
#include "segments/sealed_segment.h"
#include "segments/segment_writer.h"
#include "tests/support/row_model.h"

namespace freshet {
namespace {

constexpr int64_t kStart = 1'795'000'000'000;

std::shared_ptr<LiveSegment> live_of(const std::vector<Row>& rows) {
  auto live = LiveSegment::create("live_1", model_schema(), Interval{});
  ColumnBatch batch(live->schema());
  for (const Row& row : rows) append_row(batch, row);
  live->append(batch);
  return live;
}

std::vector<Row> random_rows(uint64_t seed, uint32_t count) {
  std::mt19937_64 random(seed);
  std::vector<Row> rows;
  for (uint32_t i = 0; i < count; ++i) {
    rows.push_back(random_row(random, kStart));
  }
  return rows;
}

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_file(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

TEST_CASE("a sealed segment has the rows of the live one, in order") {
  TemporaryFolder folder;
  std::mt19937_64 random(5);
  for (uint32_t count : {0u, 1u, 63u, 4095u, 4096u, 4097u, 10000u}) {
    CAPTURE(count);
    std::vector<Row> rows = random_rows(count + 1, count);
    auto snapshot = live_of(rows)->snapshot();
    CHECK(read_rows(*snapshot) == rows);
    CHECK(check_consistency(*snapshot, random) == "");
    for (bool by_store : {false, true}) {
      SealOptions options;
      if (by_store) options.sort_by = {"store", "wide"};
      std::string path = folder.path() + "/a.seg";
      auto file = write_segment(real_file_system(), *snapshot, "sales_1", path,
                                options);
      REQUIRE_MESSAGE(file.has_value(), file.error().message);
      auto sealed = *open_segment(path);
      CHECK(sealed->time_range() == snapshot->time_range());
      CHECK(sealed->schema() == snapshot->schema());
      CHECK(sealed->content_hash() == file->content_hash);
      CHECK(check_consistency(*sealed, random) == "");
      std::vector<Row> expected = rows;
      std::stable_sort(
          expected.begin(), expected.end(), [&](const Row& a, const Row& b) {
            if (!by_store) return a[0] < b[0];
            return std::tie(a[1], a[4], a[0]) < std::tie(b[1], b[4], b[0]);
          });
      CHECK(read_rows(*sealed) == expected);
      // The same rows make the same file.
      if (count > 0) {
        auto again = write_segment(real_file_system(), *sealed, "sales_1",
                                   folder.path() + "/b.seg", options);
        CHECK(again->content_hash == file->content_hash);
      }
    }
  }
}

TEST_CASE("chosen rows are appended alone") {
  std::vector<Row> rows = random_rows(3, 9000);
  auto live = LiveSegment::create("live_1", model_schema(), Interval{});
  ColumnBatch batch(live->schema());
  for (const Row& row : rows) append_row(batch, row);
  std::vector<uint32_t> chosen;
  std::vector<Row> expected;
  for (uint32_t i = 0; i < rows.size(); i += 1 + i % 3) {
    chosen.push_back(i);
    expected.push_back(rows[i]);
  }
  live->append(batch, chosen);
  CHECK(read_rows(*live->snapshot()) == expected);
}

TEST_CASE("readers see whole prefixes while the writer appends") {
  std::vector<Row> rows = random_rows(8, 20000);
  auto live = LiveSegment::create("live_1", model_schema(), Interval{});
  std::atomic<bool> done{false};
  std::atomic<uint32_t> faults{0}, reads{0};
  auto reader = [&] {
    std::mt19937_64 random(1);
    while (!done || reads < 4) {
      auto snapshot = live->snapshot();
      std::vector<Row> seen = read_rows(*snapshot);
      if (!std::equal(seen.begin(), seen.end(), rows.begin())) ++faults;
      int64_t least = INT64_MAX;
      for (const Row& row : seen) least = std::min(least, get<int64_t>(row[0]));
      if (!seen.empty() && snapshot->time_range().start.ms != least) ++faults;
      if (check_consistency(*snapshot, random) != "") ++faults;
      ++reads;
    }
  };
  std::thread first(reader), second(reader);
  ColumnBatch batch(live->schema());
  for (size_t i = 0; i < rows.size(); ++i) {
    append_row(batch, rows[i]);
    if (batch.num_rows() < 37 && i + 1 < rows.size()) continue;
    live->append(batch);
    batch.clear();
    if (i % 5 == 0) std::this_thread::yield();
  }
  done = true;
  first.join();
  second.join();
  CHECK(faults == 0);
  CHECK(read_rows(*live->snapshot()) == rows);
}

// By hour, and by store; with a cube.
SealOptions rolled_up_options() {
  CubeSpec rollup;
  rollup.name = kRollupName;
  rollup.granularity = *Granularity::parse("PT1S");
  rollup.dimensions = {"store", "web", "shipped", "absent"};
  rollup.measures = {{"txn", kCubeApproxDistinct}};
  auto schema = model_schema();
  for (const char* name : {"qty", "wide", "price", "weight", "constant"}) {
    ColumnType type = schema->columns[*schema->find(name)].type;
    rollup.measures.push_back({name, default_rollup_states(type)});
  }
  CubeSpec cube;
  cube.name = "hours";
  cube.granularity = *Granularity::parse("hour");
  cube.dimensions = {"web"};
  cube.measures = {{"qty", kCubeSum}, {"txn", kCubeApproxDistinct}};
  return {{"store"}, {cube}, rollup};
}

void check_flips(const SealOptions& options) {
  TemporaryFolder folder;
  std::vector<Row> rows = random_rows(21, 300);
  std::string path = folder.path() + "/a.seg", bad = folder.path() + "/b.seg";
  REQUIRE(write_segment(real_file_system(), *live_of(rows)->snapshot(), "x",
                        path, options)
              .has_value());
  std::vector<Row> right = read_rows(**open_segment(path));
  std::string bytes = read_file(path);
  std::mt19937_64 random(4);
  // One byte in about 31; each of them in the long tier.
  const size_t stride = std::getenv("FRESHET_EVERY_BYTE") != nullptr ? 1 : 61;
  for (size_t at = 0; at < bytes.size(); at += 1 + random() % stride) {
    CAPTURE(at);
    std::string flipped = bytes;
    flipped[at] = static_cast<char>(flipped[at] ^ (1 << random() % 8));
    write_file(bad, flipped);
    Status verified = verify_segment(bad);
    REQUIRE(!verified.has_value());
    CHECK(verified.error().code == ErrorCode::kCorrupt);
    CHECK(verified.error().message.starts_with(bad));
    auto opened = open_segment(bad);
    if (!opened) continue;
    std::vector<Row> rows_read = read_rows(**opened);  // empty on an error
    CHECK((rows_read.empty() || rows_read == right));
  }
  for (size_t length = 0; length < bytes.size(); length += 97) {
    write_file(bad, bytes.substr(0, length));
    CHECK(open_segment(bad).error().code == ErrorCode::kCorrupt);
  }
}

TEST_CASE("any flipped byte is a checksum error or makes no difference") {
  SUBCASE("rows") { check_flips({}); }
  SUBCASE("rolled up, with a cube") { check_flips(rolled_up_options()); }
}

TEST_CASE("a fault names file, column and block") {
  TemporaryFolder folder;
  std::string path = folder.path() + "/a.seg";
  REQUIRE(write_segment(real_file_system(),
                        *live_of(random_rows(1, 5000))->snapshot(), "x", path,
                        {})
              .has_value());
  std::string bytes = read_file(path);
  bytes[4096 + 10] ^= 1;  // first block of the first column, a large extent
  bytes[64] ^= 1;
  write_file(path, bytes);
  auto segment = *open_segment(path);
  std::string found;
  for (const ColumnSpec& spec : segment->schema().columns) {
    auto column = segment->column(spec.name);
    if (column) continue;
    found = column.error().message;
    break;
  }
  CHECK(found == path + ": column __time: checksum differs: block 0");
  CHECK((*segment->column("qty"))->type().kind == ColumnKind::kLong);
  CHECK(*segment->column("no such") == nullptr);
}

std::vector<Row> golden_rows() {
  std::vector<Row> rows;
  for (int64_t i = 0; i < 40; ++i) {
    Row row(11);
    row[0] = kStart + i * 1000;
    if (i % 7 != 0) row[1] = "store-" + std::to_string(i % 3);
    row[2] = "txn-" + std::to_string(100 + i);
    row[3] = i - 20;
    if (i % 4 == 0) row[4] = i % 8 == 0 ? INT64_MIN : INT64_MAX;
    row[5] = i * 199;
    if (i % 5 != 0) row[6] = static_cast<double>(i) / 8;
    row[7] = i % 2;
    row[9] = int64_t{42};
    rows.push_back(row);
  }
  return rows;
}

// The path of a golden file. REQUIRES: run with the source root in
// FRESHET_SOURCE_ROOT.
std::string golden(const std::string& file) {
  const char* root = std::getenv("FRESHET_SOURCE_ROOT");
  REQUIRE(root != nullptr);
  return std::string(root) + "/tests/golden/" + file;
}

// The golden files were written by this program's writer from these rows, at
// the time their version was made; with FRESHET_WRITE_GOLDEN those of this
// version are written anew.
TEST_CASE("files of every version are read") {
  std::vector<Row> rows = golden_rows();
  if (std::getenv("FRESHET_WRITE_GOLDEN") != nullptr) {
    auto live = live_of(rows)->snapshot();
    for (bool rolled : {false, true}) {
      std::string file = rolled ? "v2/rolled_up.seg" : "v2/model_rows.seg";
      SealOptions options = rolled ? rolled_up_options() : SealOptions();
      REQUIRE(write_segment(real_file_system(), *live, "golden_2", golden(file),
                            options)
                  .has_value());
    }
  }
  for (const char* file : {"v1/model_rows.seg", "v2/model_rows.seg"}) {
    CAPTURE(file);
    REQUIRE(verify_segment(golden(file)).has_value());
    auto segment = open_segment(golden(file));
    REQUIRE(segment.has_value());
    CHECK((*segment)->id() == std::string("golden_") + file[1]);
    CHECK(read_rows(**segment) == rows);
    CHECK(*(*segment)->rollup() == nullptr);
    auto dump = dump_segment(golden(file), 1);
    REQUIRE(dump.has_value());
    CHECK(dump->find("\"price\":0.00") != std::string::npos);
  }
}

TEST_CASE("a rolled-up file of version 2 is read") {
  std::string path = golden("v2/rolled_up.seg");
  REQUIRE(verify_segment(path).has_value());
  auto segment = *open_segment(path);
  const Rollup* rollup = *segment->rollup();
  REQUIRE(rollup != nullptr);
  CHECK(rollup->spec == *rolled_up_options().rollup);
  CHECK(segment->num_rows() == 40);
  int64_t sum = 0;
  size_t at = *segment->schema().find("price#sum");
  for (const Row& row : read_rows(*segment)) sum += get<int64_t>(row[at]);
  CHECK(sum == 39 * 40 / 2 * 199);
  auto cubes = *segment->cubes();
  REQUIRE(cubes != nullptr);
  CHECK(cubes->front().table->num_rows() == 2);
}

TEST_CASE("a version that is not known is refused by its number") {
  TemporaryFolder folder;
  std::string bytes = read_file(golden("v2/model_rows.seg"));
  std::string path = folder.path() + "/a.seg";
  bytes[8] = 9;
  bytes[bytes.size() - 28] = 9;
  write_file(path, bytes);
  auto refused = open_segment(path);
  REQUIRE(!refused.has_value());
  CHECK(refused.error().code == ErrorCode::kUnsupported);
  CHECK(refused.error().message ==
        path + ": segment file of unknown version 9");
  bytes[8] = 1;  // another one than the trailer's
  bytes[bytes.size() - 28] = 2;
  write_file(path, bytes);
  CHECK(open_segment(path).error().code == ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace freshet
