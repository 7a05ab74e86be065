// A segment file that changes under queries: each answer is right or the
// file's checksum error, and right again once the bytes are.
#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <random>
#include <thread>

#include "query_data.h"
#include "segments/sealed_segment.h"
#include "server/query/partial_cache.h"

namespace freshet::test {
namespace {

namespace fs = std::filesystem;
using F = Aggregate::Function;

constexpr int64_t kMinute = 60'000;

std::vector<Row> some_rows() {
  std::mt19937_64 random(7);
  std::vector<Row> rows;
  for (int64_t i = 0; i < 9000; ++i) {
    // A store in 100 rows of the first block, then no more: an index pays.
    std::string store =
        i < 4000 && i % 40 == 0 ? "rare" : "s" + std::to_string(random() % 11);
    rows.push_back({Value(Timestamp{i * kMinute}), Value(std::move(store)),
                    Value("t" + std::to_string(random() % 300)),
                    Value(static_cast<int64_t>(random() % 1000)),
                    Value(i % 50 == 0 ? 1.0 / 3 : static_cast<double>(i)),
                    Value(Decimal{static_cast<int64_t>(random() % 99999), 2}),
                    Value(random() % 2 == 0)});
  }
  return rows;
}

ExpressionPtr equals(const char* name, const char* text) {
  return call("=", {column(name), literal(Value(text))});
}

// Sums by two keys, by buckets of time, by an index, from a cube, and rows.
std::vector<Query> questions() {
  Query sums;
  sums.groups = {{"s", column("s")}, {"b", column("b")}};
  for (const char* name : {"n", "d", "m"}) {
    Aggregate sum;
    sum.name = name;
    sum.function = F::kSum;
    sum.argument = column(name);
    sums.aggregates.push_back(sum);
  }
  sums.order_by = {{"s", false, {}}, {"b", false, {}}};
  sums.use_cubes = false;
  Query by_number = sums;
  by_number.groups = {{"n", column("n")}, {"b", column("b")}};
  by_number.order_by = {{"n", false, {}}, {"b", false, {}}};
  by_number.aggregates.erase(by_number.aggregates.begin());
  Query rare = sums;
  rare.filter = equals("s", "rare");
  Query cube = sums;
  cube.use_cubes = true;
  cube.groups = {{"s", column("s")}};
  cube.aggregates.resize(1);
  cube.order_by = {{"s", false, {}}};
  Query scan;
  scan.kind = Query::Kind::kScan;
  scan.filter = equals("t", "t17");
  std::vector<Query> all = {sums, by_number, rare, cube, scan};
  for (Query& query : all) query.use_cache = query.populate_cache = false;
  return all;
}

struct File {
  fs::path folder = fs::temp_directory_path() /
                    ("freshet-changed-" + std::to_string(::getpid()));
  std::string path = folder / "a.seg";
  DatasetSnapshot data;
  OneDataset catalog{"sales", {}};
  std::unique_ptr<Runner> runner = Runner::create(catalog, 2);

  File() {
    fs::create_directories(folder);
    auto live = live_segment(sales_schema(), some_rows());
    SealOptions options;
    CubeSpec cube;
    cube.name = "by_s";
    cube.granularity = *Granularity::parse("all");
    cube.dimensions = {"s"};
    cube.measures = {{"n", kCubeSum}};
    options.cubes = {cube};
    auto written = write_segment(real_file_system(), *live->snapshot(), "a",
                                 path, options);
    REQUIRE_MESSAGE(written.has_value(), written.error().message);
    auto timeline = std::make_shared<Timeline>();
    timeline->sealed = {*open_segment(path)};
    data.schema = sales_schema();
    data.timeline = timeline;
  }
  ~File() { fs::remove_all(folder); }

  void flip(uint64_t at, char bits) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(at));
    char byte = static_cast<char>(file.get());
    file.seekp(static_cast<std::streamoff>(at));
    file.put(static_cast<char>(byte ^ bits));
  }
};

TEST_CASE("no flipped byte of a file that is in use makes a wrong answer") {
  File file;
  const std::vector<Query> queries = questions();
  std::vector<std::vector<std::vector<Value>>> right;
  for (const Query& query : queries) {
    auto result = file.runner->run_on(query, file.data);
    REQUIRE_MESSAGE(result.has_value(), result.error().message);
    CHECK(!result->rows.empty());
    right.push_back(result->rows);
  }
  CHECK(
      file.runner->run_on(queries[3], file.data)->provenance.served_by.at(0) ==
      "cube by_s");
  std::mt19937_64 random(12);
  const uint64_t size = fs::file_size(file.path);
  int errors = 0;
  for (uint64_t at = 0; at < size; at += 1 + random() % (size / 100)) {
    CAPTURE(at);
    char bits = static_cast<char>(1 << random() % 8);
    file.flip(at, bits);
    for (size_t i = 0; i < queries.size(); ++i) {
      auto result = file.runner->run_on(queries[i], file.data);
      if (result) {
        CHECK(result->rows == right[i]);
        continue;
      }
      ++errors;
      CHECK(result.error().code == ErrorCode::kCorrupt);
      CHECK(result.error().message.find(file.path) != std::string::npos);
    }
    file.flip(at, bits);
    for (size_t i = 0; i < queries.size(); ++i) {
      auto result = file.runner->run_on(queries[i], file.data);
      REQUIRE_MESSAGE(result.has_value(), result.error().message);
      CHECK(result->rows == right[i]);
    }
  }
  CHECK(errors > 100);
}

// As a backup by hard links, or chmod and touch over all of a folder do.
TEST_CASE("files that others link, touch and chmod at once answer at once") {
  File file;
  auto timeline = std::make_shared<Timeline>();
  for (int i = 0; i < 30; ++i) {
    fs::path copy = file.folder / (std::to_string(i) + ".seg");
    fs::copy_file(file.path, copy);
    timeline->sealed.push_back(*open_segment(copy));
  }
  file.data.timeline = timeline;
  const Query query = questions()[0];
  auto right = file.runner->run_on(query, file.data);
  REQUIRE_MESSAGE(right.has_value(), right.error().message);
  for (int round = 0; round < 3; ++round) {
    CAPTURE(round);
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    for (const auto& segment : timeline->sealed) {
      (void)segment->status();  // the stamp is believed by now
    }
    for (int i = 0; i < 30; ++i) {
      fs::path copy = file.folder / (std::to_string(i) + ".seg");
      if (round == 0) fs::create_hard_link(copy, copy.string() + ".linked");
      if (round == 1)
        fs::last_write_time(copy, fs::file_time_type::clock::now());
      if (round == 2) fs::permissions(copy, fs::perms::owner_read);
    }
    auto result = file.runner->run_on(query, file.data);
    REQUIRE_MESSAGE(result.has_value(), result.error().message);
    CHECK(result->rows == right->rows);
  }
}

}  // namespace
}  // namespace freshet::test
