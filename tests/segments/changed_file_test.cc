// Files whose bytes change under those who read them, after all was verified:
// what they answer is right or an error, and right again once the bytes are.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "segments/cube.h"
#include "segments/file_stamp.h"
#include "segments/sealed_segment.h"
#include "tests/segments/store_scenario.h"

namespace freshet {
namespace {

namespace fs = std::filesystem;

std::string sealed_file(const std::string& path, uint32_t rows, uint64_t seed) {
  std::mt19937_64 random(seed);
  auto live = LiveSegment::create("live", model_schema(), {});
  ColumnBatch batch(live->schema());
  for (uint32_t i = 0; i < rows; ++i) {
    append_row(batch, random_row(random, kStart));
  }
  live->append(batch);
  SealOptions options;
  CubeSpec cube;
  cube.name = "hours";
  cube.granularity = *Granularity::parse("hour");
  cube.dimensions = {"store"};
  cube.measures = {{"qty", kCubeSum}};
  options.cubes = {cube};
  REQUIRE(
      write_segment(real_file_system(), *live->snapshot(), "a", path, options)
          .has_value());
  return path;
}

// In place, as a disk or a careless hand would.
void flip(const std::string& path, uint64_t at, char bits) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(static_cast<std::streamoff>(at));
  char byte = static_cast<char>(file.get());
  file.seekp(static_cast<std::streamoff>(at));
  file.put(static_cast<char>(byte ^ bits));
}

void settle() { std::this_thread::sleep_for(std::chrono::milliseconds(30)); }

struct Answer {
  std::vector<Row> rows, cube;
  std::string check;
  bool operator==(const Answer&) const = default;
};

// All rows, and those of the cube, as one who answers from them reads them.
Result<Answer> read_all(const Segment& segment) {
  const uint64_t mark = segment.mark();
  Answer answer;
  for (const ColumnSpec& spec : segment.schema().columns) {
    auto column = segment.column(spec.name);
    if (!column) return column.error();
  }
  answer.rows = read_rows(segment);
  std::mt19937_64 random(1);
  answer.check = check_consistency(segment, random);
  auto cubes = segment.cubes();
  if (!cubes) return cubes.error();
  const Segment& table = *(**cubes)[0].table;
  for (const ColumnSpec& spec : table.schema().columns) {
    auto column = table.column(spec.name);
    if (!column) return column.error();
  }
  answer.cube = read_rows(table);
  TRY(table.status(mark));
  TRY(segment.status(mark));
  return answer;
}

// As a query: once more where the file changed meanwhile.
Result<Answer> ask(const Segment& segment) {
  auto answer = read_all(segment);
  if (!answer && answer.error().code == ErrorCode::kConflict) {
    return read_all(segment);
  }
  return answer;
}

TEST_CASE("a byte flipped after it was verified is an error or no matter") {
  TemporaryFolder folder;
  std::string path = sealed_file(folder.path() + "/a.seg", 300, 3);
  auto segment = *open_segment(path);
  Answer right = *read_all(*segment);
  CHECK(right.check == "");
  CHECK(right.rows.size() == 300);
  std::mt19937_64 random(4);
  int errors = 0, number = 0;
  for (uint64_t at = 0; at < fs::file_size(path); at += 1 + random() % 61) {
    CAPTURE(at);
    char bits = static_cast<char>(1 << random() % 8);
    if (++number % 8 == 0) {
      settle();
      REQUIRE(ask(*segment).has_value());  // and its stamp is believed
    }
    flip(path, at, bits);
    auto answer = ask(*segment);
    if (answer) {
      CHECK(*answer == right);
    } else {
      ++errors;
      CHECK(answer.error().code == ErrorCode::kCorrupt);
      CHECK(answer.error().message.starts_with(path));
      CHECK(segment->fault().has_value());
    }
    flip(path, at, bits);  // and the error goes
    answer = ask(*segment);
    REQUIRE_MESSAGE(answer.has_value(), answer.error().message);
    CHECK(*answer == right);
    CHECK(!segment->fault().has_value());
  }
  CHECK(errors > 100);
}

TEST_CASE("columns that nobody damaged go on") {
  TemporaryFolder folder;
  std::string path = sealed_file(folder.path() + "/a.seg", 5000, 5);
  auto segment = *open_segment(path);
  (void)*read_all(*segment);
  flip(path, 4096 + 8, 1);  // block 0 of __time
  CHECK(!segment->status().has_value());
  const uint64_t mark = segment->mark();
  auto time = segment->column("__time");
  REQUIRE(!time.has_value());
  CHECK(time.error().message.find("column __time: checksum differs: block 0") !=
        std::string::npos);
  CHECK(segment->column("qty").has_value());
  CHECK(segment->status(mark).has_value());
}

TEST_CASE("who read before a change hears of it, though others asked first") {
  TemporaryFolder folder;
  std::string path = sealed_file(folder.path() + "/a.seg", 300, 6);
  auto segment = *open_segment(path);
  Answer right = *read_all(*segment);
  settle();
  const uint64_t mark = segment->mark();
  flip(path, 64, 1);
  CHECK(!ask(*segment).has_value());  // another's question, which looks
  flip(path, 64, 1);
  CHECK(ask(*segment).value() == right);
  Status late = segment->status(mark);
  REQUIRE(!late.has_value());
  CHECK(late.error().code == ErrorCode::kConflict);
}

TEST_CASE("a file put in another's place is read if it is the same") {
  TemporaryFolder folder;
  std::string path = sealed_file(folder.path() + "/a.seg", 2000, 7);
  std::string same = folder.path() + "/same", other = folder.path() + "/other";
  fs::copy_file(path, same);
  sealed_file(other, 2000, 8);
  fs::resize_file(other, fs::file_size(path));
  auto segment = *open_segment(path);
  Answer right = *read_all(*segment);
  settle();
  SUBCASE("another one") {
    fs::rename(other, path);
    CHECK(!ask(*segment).has_value());
    CHECK(segment->fault()->message.find(path) != std::string::npos);
  }
  SUBCASE("damaged in place") { flip(path, 64, 2); }
  SUBCASE("cut short in place") {
    fs::resize_file(path, 4096);
    CHECK(!ask(*segment).has_value());
  }
  SUBCASE("empty") {
    fs::resize_file(path, 0);
    CHECK(!ask(*segment).has_value());
  }
  SUBCASE("removed") {
    fs::remove(path);
    CHECK(ask(*segment).value() == right);
  }
  fs::rename(same, path);
  CHECK(ask(*segment).value() == right);
  CHECK(!segment->fault().has_value());
}

TEST_CASE("another name or an older time does not disturb") {
  TemporaryFolder folder;
  std::string path = sealed_file(folder.path() + "/a.seg", 2000, 9);
  auto segment = *open_segment(path);
  Answer right = *read_all(*segment);
  settle();
  auto before = fs::last_write_time(path);
  flip(path, 64, 2);
  fs::last_write_time(path, before);  // hides the write from modification time
  CHECK(!ask(*segment).has_value());
  flip(path, 64, 2);
  fs::last_write_time(path, before);
  CHECK(ask(*segment).value() == right);
  fs::create_hard_link(path, folder.path() + "/linked");
  CHECK(ask(*segment).value() == right);
}

TEST_CASE("bytes that come and go under threads are never answered") {
  TemporaryFolder folder;
  std::string path = sealed_file(folder.path() + "/a.seg", 6000, 10);
  auto segment = *open_segment(path);
  Answer right = *read_all(*segment);
  std::atomic<bool> done{false};
  std::atomic<int> answers{0}, wrong{0};
  auto read = [&] {
    while (!done) {
      auto answer = read_all(*segment);
      if (!answer) continue;
      ++answers;
      if (!(*answer == right)) ++wrong;
    }
  };
  std::thread first(read), second(read);
  std::mt19937_64 random(11);
  for (int i = 0; i < 60; ++i) {
    uint64_t at = 64 + random() % (fs::file_size(path) - 128);
    flip(path, at, 4);
    std::this_thread::sleep_for(std::chrono::milliseconds(random() % 8));
    flip(path, at, 4);
    int before = answers;
    for (int wait = 0; wait < 500 && answers == before; ++wait) {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }
  for (int wait = 0; wait < 6000 && answers == 0; ++wait) {  // sanitizers
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  done = true;
  first.join();
  second.join();
  CHECK(answers.load() > 0);
  CHECK(wrong.load() == 0);
  CHECK(ask(*segment).value() == right);
}

}  // namespace
}  // namespace freshet
