// Backups of a store while the n-th operation on the disk fails, and after
// power cuts.
#include "segments/backup.h"

#include <doctest/doctest.h>

#include <filesystem>

#include "segments/backup_list.h"
#include "tests/segments/backup_scenario.h"

namespace freshet {
namespace {

namespace fs = std::filesystem;

TEST_CASE("an object that is missing or damaged in a backup is named") {
  Scenario scenario(5);
  std::string backup = backed_up(scenario);
  REQUIRE(verify_backup(backup, "").has_value());
  fs::path largest;
  for (const auto& entry :
       fs::recursive_directory_iterator(backup + "/objects")) {
    if (!entry.is_regular_file()) continue;
    if (largest.empty() || entry.file_size() > fs::file_size(largest)) {
      largest = entry.path();
    }
  }
  fs::remove(largest);
  for (Error error :
       {verify_backup(backup, "").error(),
        restore_backup(backup, "", scenario.folder.path() + "/r").error()}) {
    CHECK(error.code == ErrorCode::kCorrupt);
    CHECK(error.message.starts_with("missing in the backup: segments/sales/"));
    CHECK(error.message.ends_with(largest.string()));
  }
}

// Whichever operation fails, what was backed up before is there, whole, and so
// is what was answered to be.
TEST_CASE("a backup that fails leaves the earlier ones, and can be repeated") {
  for (int mode = 0; mode < 4; ++mode) {
    bool persistent = mode % 2 != 0, power_cut = mode / 2 != 0;
    uint64_t n = 1;
    for (; n < 2000; n += n < 60 ? 1 : 7) {
      CAPTURE(n);
      CAPTURE(mode);
      Scenario scenario(n % 5);
      FaultFileSystem disk;
      std::string backup = scenario.folder.path() + "/backup";
      fill(scenario);
      std::string first = checkpoint(scenario, "first");
      bool has_first = n % 3 != 0;
      if (has_first) {
        REQUIRE(create_backup(first, backup, disk).has_value());
      }
      scenario.append(40);
      REQUIRE(scenario.seal().has_value());
      scenario.sealed();
      std::vector<Row> rows = scenario.expected();
      std::string second = checkpoint(scenario, "second");
      disk.fail_at(n, persistent);
      auto made = create_backup(second, backup, disk);
      bool reached = disk.failed();
      if (!made) {
        CHECK(made.error().message.find("injected") != std::string::npos);
      }
      disk.fail_at(0);
      if (power_cut) disk.lose_unsynced();
      uint64_t least = has_first + made.has_value();
      if (least > 0) {
        auto verified = verify_backup(backup, "");
        REQUIRE_MESSAGE(verified.has_value(), verified.error().message);
        CHECK(verified->backups >= least);
      }
      auto again = create_backup(second, backup, disk);
      REQUIRE_MESSAGE(again.has_value(), again.error().message);
      if (power_cut) disk.lose_unsynced();
      std::string restored = scenario.folder.path() + "/restored";
      REQUIRE(restore_backup(backup, again->id, restored).has_value());
      CHECK(rows_of(restored) == rows);
      if (!reached) break;
    }
    CHECK(n > 40);
    CHECK(n < 2000);
  }
}

TEST_CASE("a list names nothing outside its folder") {
  auto read_back = [](std::string path) {
    BackupFile file{std::string(32, 'a'), 1, "-", std::move(path)};
    return decode_backup_list("list", encode_backup_list({file})).has_value();
  };
  CHECK(read_back("segments/sales/a..b.seg"));
  CHECK(read_back("CURRENT"));
  for (const char* path : {"", "/", "/a", "a/", "a//b", ".", "..", "../a",
                           "a/../b", "a/..", "./a", "a\nb"}) {
    CHECK_MESSAGE(!read_back(path), path);
  }
}

}  // namespace
}  // namespace freshet
