// What went bad on the disk is found without a query, and forgotten when the
// right bytes are back.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "segments/file_scrub.h"
#include "segments/scrubber.h"
#include "tests/segments/store_scenario.h"

namespace freshet {
namespace {

namespace fs = std::filesystem;

void flip(const std::string& path, uint64_t at) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(static_cast<std::streamoff>(at));
  char byte = static_cast<char>(file.get());
  file.seekp(static_cast<std::streamoff>(at));
  file.put(static_cast<char>(byte ^ 16));
}

TEST_CASE("a scrub finds any byte that is another") {
  Scenario scenario(21);
  scenario.append(400);
  REQUIRE(scenario.seal().has_value());
  auto segment = scenario.store->timeline("sales")->sealed[0];
  std::string path =
      scenario.folder.path() + "/segments/sales/" + segment->id() + ".seg";
  // On the disk, as against in memory.
  TemporaryFolder disk;
  std::string copy = disk.path() + "/copy.seg";
  fs::copy_file(path, copy);
  for (const std::string& file : {path, copy}) {
    const uint64_t hash = segment->content_hash(), size = fs::file_size(file);
    uint64_t paced = 0;
    auto pace = [&](uint64_t bytes) {
      paced += bytes;
      return Status();
    };
    CHECK(scrub_file(file, hash, pace).has_value());
    CHECK(paced == size);
    CHECK(!scrub_file(file, hash + 1, nullptr).has_value());
    for (uint64_t at = 0; at < size; at += at + 60 < size ? 53 : 1) {
      CAPTURE(at);
      flip(file, at);
      Status found = scrub_file(file, hash, nullptr);
      REQUIRE(!found.has_value());
      CHECK(found.error().code == ErrorCode::kCorrupt);
      CHECK(found.error().message.starts_with(file));
      flip(file, at);
    }
    CHECK(scrub_file(file, hash, nullptr).has_value());
    fs::resize_file(file, size / 2);
    CHECK(scrub_file(file, hash, nullptr).error().code == ErrorCode::kCorrupt);
    fs::resize_file(file, 0);
    CHECK(scrub_file(file, hash, nullptr).error().code == ErrorCode::kCorrupt);
    fs::remove(file);
    CHECK(scrub_file(file, hash, nullptr).error().code == ErrorCode::kNotFound);
  }
}

TEST_CASE("the scrubber tells damage once, and forgets what was mended") {
  Scenario scenario(22);
  scenario.append(300);
  REQUIRE(scenario.seal().has_value());
  scenario.sealed();
  auto sealed = scenario.store->timeline("sales")->sealed;
  std::string bad = sealed[0]->id();
  std::string path = scenario.folder.path() + "/segments/sales/" + bad + ".seg";
  std::vector<std::string> told;
  Scrubber scrubber(*scenario.store, {0, absl::Hours(1)},
                    [&](const Error& error) { told.push_back(error.message); });
  scrubber.run_once();
  CHECK(scrubber.totals().files == sealed.size());
  CHECK(scrubber.totals().passes == 1);
  CHECK(scrubber.damaged().empty());
  CHECK(scenario.difference() == "");
  flip(path, 64);
  for (int i = 0; i < 2; ++i) scrubber.run_once();
  REQUIRE(scrubber.damaged().size() == 1);
  CHECK(scrubber.damaged()[0].starts_with(path));
  CHECK(told == scrubber.damaged());
  CHECK(sealed[0]->fault().has_value());  // and its column is refused
  CHECK(scenario.store->damaged().size() == 1);
  flip(path, 64);
  scrubber.run_once();
  CHECK(scrubber.damaged().empty());
  CHECK(scenario.store->damaged().empty());
  CHECK(scenario.difference() == "");
  CHECK(told.size() == 1);
  // What is dropped is damaged no more.
  flip(path, 64);
  scrubber.run_once();
  CHECK(scrubber.damaged().size() == 1);
  REQUIRE(scenario.drop_before(kStart + 100 * kHour).has_value());
  scrubber.run_once();
  CHECK(scrubber.damaged().empty());
}

}  // namespace
}  // namespace freshet
