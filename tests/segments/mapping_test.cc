// Files cut short, removed or unreadable under those who read them.
#include <doctest/doctest.h>
#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "segments/file_scrub.h"
#include "segments/mapped_file.h"
#include "segments/sealed_segment.h"
#include "tests/segments/store_scenario.h"

namespace freshet {
namespace {

namespace fs = std::filesystem;

// A sealed file of `rows` random rows.
std::string sealed_file(const TemporaryFolder& folder, uint32_t rows,
                        uint64_t seed) {
  std::mt19937_64 random(seed);
  auto live = LiveSegment::create("live", model_schema(), {});
  ColumnBatch batch(live->schema());
  for (uint32_t i = 0; i < rows; ++i) {
    append_row(batch, random_row(random, kStart));
  }
  live->append(batch);
  std::string path = folder.path() + "/a.seg";
  auto file =
      write_segment(real_file_system(), *live->snapshot(), "a", path, {});
  REQUIRE(file.has_value());
  return path;
}

template <class T>
Status status_of(const Result<T>& result) {
  return result ? Status() : Status(result.error());
}

TEST_CASE("a mapping cut short reads zeros and says so") {
  TemporaryFolder folder;
  std::string path = sealed_file(folder, 20'000, 1);
  auto file = *MappedFile::open(path);
  CHECK(file->status().has_value());
  char last = file->bytes()[file->size() - 1];
  CHECK(last == '1');
  fs::resize_file(path, 8192);
  CHECK(file->status().has_value());  // nobody has met it yet
  uint64_t sum = 0;
  for (char c : file->bytes(12288, file->size() - 12288)) {
    sum += static_cast<unsigned char>(c);
  }
  CHECK(sum == 0);
  REQUIRE(!file->status().has_value());
  CHECK(file->status().error().code == ErrorCode::kIo);
  CHECK(file->status().error().message.find(path) != std::string::npos);
  // Another mapping is not touched by it, nor is a new one of the same place.
  std::string other = folder.path() + "/b.seg";
  fs::copy_file(path, other);
  auto sound = *MappedFile::open(other);
  CHECK(sound->bytes().starts_with("FRSHSEG1"));
  CHECK(sound->status().has_value());
}

// Where opening a pipe waits for its writer, this never ends.
TEST_CASE("a pipe in the place of a file is refused at once") {
  TemporaryFolder folder;
  std::string path = folder.path() + "/a.seg";
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  const std::vector<Status> all = {
      status_of(MappedFile::open(path)), status_of(open_segment(path)),
      verify_segment(path), scrub_file(path, 0, Pace{})};
  for (const Status& status : all) {
    REQUIRE(!status);
    CHECK(status.error().code == ErrorCode::kCorrupt);
    CHECK(status.error().message.find("not a regular file") !=
          std::string::npos);
    CHECK(status.error().message.find(path) != std::string::npos);
  }
  forget_cached(path);
}

// At any length, with any columns read before: the right rows or an error.
TEST_CASE("a segment cut short under its readers gives an error") {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    CAPTURE(seed);
    TemporaryFolder folder;
    std::mt19937_64 random(seed);
    uint32_t rows = seed % 3 == 0 ? 20'000 : 600;
    std::string path = sealed_file(folder, rows, seed);
    std::vector<Row> right = read_rows(**open_segment(path));
    auto segment = *open_segment(path);
    for (const ColumnSpec& spec : segment->schema().columns) {
      if (random() % 3 != 0) REQUIRE(segment->column(spec.name).has_value());
    }
    fs::resize_file(path, random() % fs::file_size(path));
    std::vector<Row> seen = read_rows(*segment);  // empty on an error
    (void)check_consistency(*segment, random);    // index, gathers, dictionary
    if (segment->status().has_value()) {
      CHECK((seen.empty() || seen == right));
    }
    if (seen != right && !seen.empty()) {
      CHECK(!segment->status().has_value());
    }
  }
}

TEST_CASE("a segment cut short while threads read it gives an error") {
  TemporaryFolder folder;
  std::string path = sealed_file(folder, 50'000, 9);
  auto segment = *open_segment(path);
  std::vector<Row> right = read_rows(*segment);
  std::atomic<int> errors{0}, wrong{0};
  auto read = [&] {
    while (errors == 0) {
      std::vector<Row> seen = read_rows(*segment);
      if (!segment->status()) {
        ++errors;
      } else if (seen != right) {
        ++wrong;
      }
    }
  };
  std::thread first(read), second(read);
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  fs::resize_file(path, 4096);
  first.join();
  second.join();
  CHECK(errors > 0);
  CHECK(wrong == 0);
}

TEST_CASE(
    "a removed file is read on by those who have it, and named to others") {
  Scenario scenario(2);
  scenario.append(500);
  REQUIRE(scenario.seal().has_value());
  scenario.sealed();
  scenario.open();
  auto timeline = scenario.store->timeline("sales");
  std::string id = timeline->sealed[0]->id();
  std::string path = scenario.folder.path() + "/segments/sales/" + id + ".seg";
  fs::rename(path, path + ".away");
  auto column = timeline->sealed[0]->column("qty");
  REQUIRE(!column.has_value());
  CHECK(column.error().code == ErrorCode::kCorrupt);
  CHECK(column.error().message.find(path) != std::string::npos);
  fs::rename(path + ".away", path);  // and it is there again
  CHECK(timeline->sealed[0]->column("qty").has_value());
  fs::remove(path);
  CHECK(scenario.difference() == "");
}

}  // namespace
}  // namespace freshet
