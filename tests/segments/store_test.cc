// SegmentStore: against a model, under faults, and with damaged files.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <thread>

#include "segments/merger.h"
#include "tests/segments/store_scenario.h"

namespace freshet {
namespace {

namespace fs = std::filesystem;

// Whatever is done, the store has the model's rows; long enough that segments
// are merged of merged ones, and rows hidden of those.
TEST_CASE("random operations agree with a vector of rows") {
  uint64_t operations = 0;
  std::map<std::string, uint64_t> done;
  // The last one is another at each run.
  uint64_t fresh = std::random_device()();
  MESSAGE("seeds 1 to 5, ", fresh);
  for (uint64_t seed : {uint64_t{1}, uint64_t{2}, uint64_t{3}, uint64_t{4},
                        uint64_t{5}, fresh}) {
    CAPTURE(seed);
    Scenario scenario(seed);
    for (int step = 0; step < 2000; ++step, ++operations) {
      CAPTURE(step);
      uint64_t choice = scenario.below(100);
      if (choice < 60) {
        scenario.append(scenario.below(800) == 0
                            ? 5000
                            : static_cast<uint32_t>(scenario.below(30)));
      } else if (choice < 70) {
        auto stats = scenario.seal();
        REQUIRE_MESSAGE(stats.has_value(), stats.error().message);
        CHECK(stats->rows == scenario.uncommitted.size());
        scenario.sealed();
        ++done["seal"];
      } else if (choice < 78) {
        auto merged = scenario.merge();
        REQUIRE_MESSAGE(merged.has_value(), merged.error().message);
        done["merge"] += merged->segments_read > 0;
      } else if (choice < 86) {
        auto hidden = scenario.upsert();
        REQUIRE_MESSAGE(hidden.has_value(), hidden.error().message);
        done["upsert"] += *hidden;
      } else if (choice < 94) {
        auto hidden = scenario.hide();
        REQUIRE_MESSAGE(hidden.has_value(), hidden.error().message);
        done["hide"] += *hidden > 0;
      } else if (choice < 96) {
        scenario.lose_uncommitted();
        scenario.open(scenario.below(2) == 0);
        ++done["restart"];
      } else if (choice < 97) {
        scenario.drop_before(
            kStart + static_cast<int64_t>(1 + scenario.below(3)) * kHour);
        ++done["retention"];
      }
      if (choice >= 70 || step % 10 == 0) {
        std::string difference = scenario.difference();
        REQUIRE_MESSAGE(difference == "", difference);
      }
    }
    for (const auto& s : scenario.store->timeline("sales")->sealed) {
      CHECK(check_consistency(*s, scenario.random) == "");
    }
  }
  CHECK(operations >= 10'000);
  for (const char* one :
       {"seal", "merge", "hide", "upsert", "restart", "retention"}) {
    CHECK_MESSAGE(done[one] >= 50, one);
  }
}

// A scenario with every change of the store, of which the n-th operation on
// the disk fails; then, as after a power cut, with what was never synced gone.
TEST_CASE("whatever operation fails, committed rows stay and no others show") {
  for (int mode = 0; mode < 4; ++mode) {
    bool persistent = mode % 2 != 0, power_cut = mode / 2 != 0;
    uint64_t n = 1;
    for (; n < 200; ++n) {
      CAPTURE(n);
      CAPTURE(persistent);
      CAPTURE(power_cut);
      Scenario scenario(n);
      for (uint32_t rows : {50, 20, 30, 25, 40}) {
        scenario.append(rows);
        REQUIRE(scenario.seal().has_value());
        scenario.sealed();
      }
      REQUIRE(scenario.hide().has_value());
      scenario.append(60);
      scenario.append(70);
      scenario.files.fail_at(n, persistent);
      auto merged = scenario.merge();
      scenario.drop_before(kStart + kHour);
      auto stats = scenario.seal();
      bool reached = scenario.files.failed();
      // While running: all rows are there, whether or not it went well.
      CHECK(scenario.difference() == "");
      for (Error error : {merged ? Error() : merged.error(),
                          stats ? Error() : stats.error()}) {
        if (error.message.empty()) continue;
        CHECK(error.message.find("injected") != std::string::npos);
      }
      scenario.files.fail_at(0);
      if (stats) {
        scenario.sealed();
      } else if (n % 2 == 0) {  // the call may be repeated
        REQUIRE(scenario.seal().has_value());
        scenario.sealed();
      } else {
        scenario.lose_uncommitted();
      }
      scenario.open(power_cut);
      CHECK(scenario.difference() == "");
      CHECK(scenario.store->damaged().empty());
      // No orphan is left.
      CHECK(scenario.num_files() ==
            scenario.store->timeline("sales")->sealed.size());
      if (!reached) break;
    }
    CHECK(n > 10);
    CHECK(n < 200);
  }
}

TEST_CASE("orphans go later, and never a file that was committed since") {
  Scenario scenario(12);
  scenario.append(100);
  REQUIRE(scenario.seal().has_value());
  scenario.sealed();
  std::string data = scenario.folder.path();
  std::string folder = data + "/segments/sales/";
  std::string id = scenario.store->timeline("sales")->sealed[0]->id();
  scenario.store.reset();
  // What a load that was killed leaves: the next ids in all granules.
  std::string granule = id.substr(0, id.rfind('_') + 1);
  uint64_t number = std::stoull(id.substr(id.rfind('_') + 1));
  for (uint64_t i = 1; i <= 50; ++i) {
    std::string name = granule + std::to_string(number + i);
    fs::copy_file(folder + id + ".seg", folder + name + ".seg");
    std::ofstream(folder + name + ".seg.tmp") << "half";
  }
  scenario.store =
      *SegmentStore::open(data, scenario.files, SegmentStore::Orphans::kLeave);
  CHECK(scenario.num_files() == 101);
  CHECK(scenario.difference() == "");
  scenario.append(100);
  REQUIRE(scenario.seal().has_value());
  scenario.sealed();
  int asked = 0;
  CHECK(*scenario.store->remove_orphans([&] { return ++asked > 10; }) == 10);
  scenario.open();
  CHECK(scenario.num_files() ==
        scenario.store->timeline("sales")->sealed.size());
  CHECK(scenario.difference() == "");
}

TEST_CASE("orphans are removed while segments are committed") {
  Scenario scenario(13);
  scenario.append(100);
  REQUIRE(scenario.seal().has_value());
  scenario.sealed();
  std::string data = scenario.folder.path();
  std::string folder = data + "/segments/sales/";
  std::string id = scenario.store->timeline("sales")->sealed[0]->id();
  scenario.store.reset();
  std::string granule = id.substr(0, id.rfind('_') + 1);
  uint64_t number = std::stoull(id.substr(id.rfind('_') + 1));
  for (uint64_t i = 1; i <= 8; ++i) {
    fs::copy_file(folder + id + ".seg",
                  folder + granule + std::to_string(number + i) + ".seg");
  }
  scenario.store =
      *SegmentStore::open(data, scenario.files, SegmentStore::Orphans::kLeave);
  scenario.append(300);
  REQUIRE(scenario.seal().has_value());
  scenario.sealed();
  CHECK(*scenario.store->remove_orphans({}) == 8);
  CHECK(scenario.num_files() ==
        scenario.store->timeline("sales")->sealed.size());
  scenario.open();
  CHECK(scenario.store->damaged().empty());
  CHECK(scenario.difference() == "");
}

TEST_CASE("a damaged or lost file is missing, the others answer") {
  Scenario scenario(9);
  scenario.append(100);
  REQUIRE(scenario.seal().has_value());
  scenario.sealed();
  size_t first = scenario.committed.size();
  scenario.append(100);
  REQUIRE(scenario.seal().has_value());
  auto sealed = scenario.store->timeline("sales")->sealed;
  REQUIRE(sealed.size() == 2);
  CHECK(sealed[0]->num_rows() == first);
  std::string lost = sealed[0]->id();
  scenario.store.reset();
  std::filesystem::resize_file(
      scenario.folder.path() + "/segments/sales/" + lost + ".seg", 1000);
  scenario.open();
  auto timeline = scenario.store->timeline("sales");
  REQUIRE(timeline->missing.size() == 1);
  CHECK(timeline->missing[0].id == lost);
  CHECK(timeline->missing[0].error.code == ErrorCode::kCorrupt);
  CHECK(timeline->sealed.size() == 1);
  REQUIRE(scenario.store->damaged().size() == 1);
  CHECK(scenario.store->damaged()[0].find(lost) != std::string::npos);
}

TEST_CASE("a data folder in use or not a folder is refused clearly") {
  TemporaryFolder folder;
  auto store = SegmentStore::open(folder.path());
  REQUIRE(store.has_value());
  auto second = SegmentStore::open(folder.path());
  REQUIRE(!second.has_value());
  CHECK(second.error().code == ErrorCode::kConflict);
  CHECK(second.error().message ==
        "data folder is in use by another process: " + folder.path());
  std::ofstream(folder.path() + "/file") << "x";
  auto not_folder = SegmentStore::open(folder.path() + "/file");
  REQUIRE(!not_folder.has_value());
  CHECK(not_folder.error().code == ErrorCode::kIo);
}

TEST_CASE("offsets advance by compare-and-set, and all or nothing") {
  TemporaryFolder folder;
  auto store = MetadataStore::open(folder.path());
  REQUIRE(store.has_value());
  Commit commit;
  commit.dataset = "sales";
  commit.offsets = {{"log/0", std::nullopt, {10, 9, 77, 5}}};
  commit.puts = {{"dead/1", "a"}};
  REQUIRE((*store)->commit(commit).has_value());
  commit.puts = {{"dead/2", "b"}};
  auto refused = (*store)->commit(commit);
  REQUIRE(!refused.has_value());
  CHECK(refused.error().code == ErrorCode::kConflict);
  CHECK(refused.error().message.find("stored 10") != std::string::npos);
  CHECK(!(*store)->get("dead/2")->has_value());
  commit.offsets[0].expected_next = 10;
  commit.offsets[0].record.next = 20;
  REQUIRE((*store)->commit(commit).has_value());
  auto offsets = *(*store)->offsets("sales");
  REQUIRE(offsets.size() == 1);
  CHECK(offsets[0].first == "log/0");
  CHECK(offsets[0].second == OffsetRecord{20, 9, 77, 5});
  std::vector<std::string> keys;
  REQUIRE((*store)
              ->scan("dead/", "dead/1",
                     [&](std::string_view key, std::string_view) {
                       keys.emplace_back(key);
                       return true;
                     })
              .has_value());
  CHECK(keys == std::vector<std::string>{"dead/2"});
  REQUIRE((*store)->put("segment/sales/x", "\x09zzz").has_value());
  CHECK((*store)->segments("sales").error().code == ErrorCode::kUnsupported);
  REQUIRE((*store)->put("segment/sales/x", "\x01zzz").has_value());
  CHECK((*store)->segments("sales").error().code == ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace freshet
