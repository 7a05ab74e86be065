// Restoring a backup while the n-th operation on the disk fails, and after
// power cuts: to a folder that is absent, and to an empty one.
#include <doctest/doctest.h>

#include <filesystem>

#include "segments/backup.h"
#include "tests/segments/backup_scenario.h"

namespace freshet {
namespace {

namespace fs = std::filesystem;

TEST_CASE("a restore that fails leaves no folder, or all of it") {
  for (int mode = 0; mode < 4; ++mode) {
    bool persistent = mode % 2 != 0, power_cut = mode / 2 != 0;
    Scenario scenario(3);
    FaultFileSystem disk;
    std::string backup = backed_up(scenario);
    std::vector<Row> rows = scenario.expected();
    uint64_t n = 1;
    for (; n < 2000; n += n < 60 ? 1 : 7) {
      CAPTURE(n);
      CAPTURE(mode);
      std::string folder =
          scenario.folder.path() + "/restored" + std::to_string(n);
      disk.fail_at(n, persistent);
      auto made = restore_backup(backup, "", folder, disk);
      bool reached = disk.failed();
      disk.fail_at(0);
      if (power_cut) disk.lose_unsynced();
      if (made) CHECK(rows_of(folder) == rows);
      // While an operation went on failing, the folder may have been left at
      // its name; it is whole then.
      if (!made && fs::exists(folder)) {
        CHECK(persistent);
        CHECK(rows_of(folder) == rows);
      } else if (!made) {
        REQUIRE(restore_backup(backup, "", folder).has_value());
        CHECK(rows_of(folder) == rows);
      }
      fs::remove_all(folder);
      if (!reached) break;
    }
    CHECK(n > 40);
    CHECK(n < 2000);
  }
}

// What a second restore says to a folder that one has left: it takes it, or
// that is whole, or, if even moving things back failed, it says so.
void check_left(const std::string& backup, const std::string& folder,
                const std::vector<Row>& rows, bool persistent) {
  auto again = restore_backup(backup, "", folder);
  if (!again) {
    CHECK(persistent);
    bool whole = SegmentStore::is_data_folder(folder);
    CHECK_MESSAGE(again.error().message.find(whole ? "not an empty folder"
                                                   : "broken off here") !=
                      std::string::npos,
                  again.error().message);
    if (!whole) return;
  }
  CHECK(rows_of(folder) == rows);
}

TEST_CASE("a restore into an empty folder that fails leaves it empty") {
  for (int mode = 0; mode < 4; ++mode) {
    bool persistent = mode % 2 != 0, power_cut = mode / 2 != 0;
    Scenario scenario(4);
    FaultFileSystem disk;
    std::string backup = backed_up(scenario);
    std::vector<Row> rows = scenario.expected();
    uint64_t n = 1;
    for (; n < 2000; ++n) {
      CAPTURE(n);
      CAPTURE(mode);
      std::string folder =
          scenario.folder.path() + "/restored" + std::to_string(n);
      fs::create_directory(folder);
      disk.fail_at(n, persistent);
      auto made = restore_backup(backup, "", folder, disk);
      bool reached = disk.failed();
      disk.fail_at(0);
      if (!made && !persistent) CHECK(fs::is_empty(folder));
      if (power_cut) disk.lose_unsynced();
      if (made) CHECK(rows_of(folder) == rows);
      if (!made) check_left(backup, folder, rows, persistent);
      fs::remove_all(folder);
      if (!reached) break;
    }
    CHECK(n > 40);
    CHECK(n < 2000);
  }
}

}  // namespace
}  // namespace freshet
