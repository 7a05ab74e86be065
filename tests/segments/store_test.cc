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
        (void)scenario.drop_before(
            kStart + static_cast<int64_t>(1 + scenario.below(3)) * kHour);
        ++done["retention"];
      }
      if (choice >= 70 || step % 10 == 0) {
        std::string difference = scenario.difference();
        REQUIRE_MESSAGE(difference == "", difference);
      }
    }
    for (const auto now = scenario.store->timeline("sales");
         const auto& s : now->sealed) {
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
// A merge, a drop and a seal, whose n-th operation fails: false if there are
// fewer.
bool survives(uint64_t seed, uint64_t n, bool persistent, bool power_cut) {
  CAPTURE(seed);
  CAPTURE(n);
  CAPTURE(persistent);
  CAPTURE(power_cut);
  Scenario scenario(seed);
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
  auto dropped = scenario.drop_before(kStart + kHour);
  auto stats = scenario.seal();
  bool reached = scenario.files.failed();
  // While running: all rows are there, whether or not it went well.
  CHECK(scenario.difference() == "");
  bool in_doubt = false;  // the metadata's write failed: it may come back
  for (Error error :
       {merged ? Error() : merged.error(), dropped ? Error() : dropped.error(),
        stats ? Error() : stats.error()}) {
    if (error.message.empty()) continue;
    in_doubt |= error.message.find("/metadata/") != std::string::npos;
    CHECK_MESSAGE((error.message.find("injected") != std::string::npos ||
                   (in_doubt && error.message.find("a change of segments "
                                                   "failed") == 0)),
                  error.message);
  }
  scenario.files.fail_at(0);
  bool sealed = stats.has_value();
  if (!stats && n % 2 == 0) {  // the call may be repeated
    auto again = scenario.seal();
    sealed = again.has_value();
    // RocksDB trusts no log that failed once.
    CHECK_MESSAGE((sealed || in_doubt), again.error().message);
  }
  if (sealed) scenario.sealed();
  scenario.open(power_cut);
  if (!sealed && scenario.stored_offset() == scenario.next_offset) {
    CHECK(in_doubt);
    scenario.sealed();
  } else if (!sealed) {
    scenario.lose_uncommitted();
  }
  if (!dropped && scenario.difference() != "") {
    CHECK(in_doubt);
    scenario.drop_from_model();
  }
  CHECK(scenario.difference() == "");
  CHECK(scenario.store->damaged().empty());
  // No orphan is left.
  CHECK(scenario.num_files() ==
        scenario.store->timeline("sales")->sealed.size());
  return reached;
}

TEST_CASE("whatever operation fails, committed rows stay and no others show") {
  for (uint64_t seed : {4, 5, 7}) {
    for (int mode = 0; mode < 4; ++mode) {
      uint64_t n = 1;
      while (survives(seed, n, mode % 2 != 0, mode / 2 != 0)) ++n;
      CHECK(n > 17);  // each of them, and then one more
    }
  }
}

TEST_CASE("whatever operation of an opening fails, the next one has all rows") {
  uint64_t n = 1;
  for (bool failed = true; failed; ++n) {
    CAPTURE(n);
    Scenario scenario(6);
    for (uint32_t rows : {50, 20, 30}) {
      scenario.append(rows);
      REQUIRE(scenario.seal().has_value());
      scenario.sealed();
    }
    scenario.store.reset();
    const std::string folder = scenario.folder.path();
    std::ofstream(folder + "/segments/sales/sales_1_999.seg.tmp") << "half";
    scenario.files.fail_at(n);
    auto opened = SegmentStore::open(folder, scenario.files);
    failed = scenario.files.failed();
    if (!opened) {
      const std::string& said = opened.error().message;
      // RocksDB tells of its first probe of the disk in its own words.
      CHECK_MESSAGE(
          (said.find("injected") != std::string::npos ||
           said.find("Direct I/O is not supported") != std::string::npos),
          said);
    } else {  // what could not be looked at is read when it is asked for
      scenario.store = std::move(*opened);
      CHECK(scenario.difference() == "");
    }
    scenario.files.fail_at(0);
    scenario.open();
    CHECK(scenario.difference() == "");
    CHECK(scenario.num_files() ==
          scenario.store->timeline("sales")->sealed.size());
  }
  CHECK(n > 5);
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

TEST_CASE("a damaged or lost file is an error until it is back") {
  Scenario scenario(9);
  scenario.append(100);
  REQUIRE(scenario.seal().has_value());
  scenario.sealed();
  scenario.append(100);
  REQUIRE(scenario.seal().has_value());
  scenario.sealed();
  const std::string lost = scenario.store->timeline("sales")->sealed[0]->id();
  const std::string path =
      scenario.folder.path() + "/segments/sales/" + lost + ".seg";
  const std::string kept = scenario.folder.path() + "/kept";
  scenario.store.reset();
  for (bool cut : {true, false}) {
    CAPTURE(cut);
    fs::rename(path, kept);
    if (cut) {
      fs::copy_file(kept, path);
      fs::resize_file(path, 1000);
    }
    scenario.open();
    auto sealed = scenario.store->timeline("sales")->sealed;
    REQUIRE(sealed.size() == 2);
    REQUIRE(!sealed[0]->status().has_value());
    CHECK(sealed[0]->status().error().code == ErrorCode::kCorrupt);
    CHECK(sealed[0]->status().error().message.find(path) != std::string::npos);
    CHECK(!sealed[0]->column("__time").has_value());
    CHECK(sealed[1]->status().has_value());
    REQUIRE(scenario.store->damaged().size() == 1);
    CHECK(scenario.store->damaged()[0].find(lost) != std::string::npos);
    fs::rename(kept, path);
    CHECK(scenario.store->damaged().empty());
    CHECK(scenario.difference() == "");
  }
}

TEST_CASE("metadata that is gone or damaged is refused, and no file goes") {
  Scenario scenario(10);
  for (int i = 0; i < 3; ++i) {
    scenario.append(100);
    REQUIRE(scenario.seal().has_value());
    scenario.sealed();
  }
  const size_t files = scenario.num_files();
  const std::string metadata = scenario.folder.path() + "/metadata";
  scenario.store.reset();
  std::string log;
  for (const auto& entry : fs::directory_iterator(metadata)) {
    if (entry.path().extension() != ".log" || entry.file_size() == 0) continue;
    log = entry.path();
  }
  REQUIRE(!log.empty());
  auto flip = [&](uint64_t at) {
    std::fstream file(log, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(at));
    char byte = static_cast<char>(file.get());
    file.seekp(static_cast<std::streamoff>(at));
    file.put(static_cast<char>(byte ^ 1));
  };
  for (uint64_t at = 7; at < fs::file_size(log); at += 97) {
    CAPTURE(at);
    flip(at);
    auto opened = SegmentStore::open(scenario.folder.path());
    REQUIRE(!opened.has_value());
    CHECK(opened.error().code == ErrorCode::kCorrupt);
    CHECK(scenario.num_files() == files);
    flip(at);
  }
  fs::rename(metadata, metadata + ".kept");
  auto opened = SegmentStore::open(scenario.folder.path());
  REQUIRE(!opened.has_value());
  CHECK(opened.error().message.find("metadata is gone") != std::string::npos);
  CHECK(scenario.num_files() == files);
  fs::remove_all(metadata);
  fs::rename(metadata + ".kept", metadata);
  scenario.open();
  CHECK(scenario.difference() == "");
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
