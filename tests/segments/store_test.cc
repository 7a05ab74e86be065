// SegmentStore: against a model, under faults, and with damaged files.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>

#include "segments/segment_store.h"
#include "tests/support/fault_file_system.h"
#include "tests/support/row_model.h"

namespace freshet {
namespace {

constexpr int64_t kHour = 3'600'000;
constexpr int64_t kStart = 1'795'000'000'000 / kHour * kHour;

std::vector<Row> visible_rows(const SegmentStore& store) {
  auto timeline = store.timeline("sales");
  std::vector<Row> rows;
  auto add = [&](const Segment& segment) {
    std::vector<Row> part = read_rows(segment);
    rows.insert(rows.end(), part.begin(), part.end());
  };
  for (const auto& segment : timeline->sealed) add(*segment);
  for (const auto& live : timeline->live) add(*live->snapshot());
  std::sort(rows.begin(), rows.end());
  return rows;
}

std::vector<Row> sorted(std::vector<Row> rows) {
  std::sort(rows.begin(), rows.end());
  return rows;
}

// A store and what must be in it.
struct Scenario {
  explicit Scenario(uint64_t seed) : random(seed) { open(); }

  void open() {
    store.reset();
    auto opened = SegmentStore::open(folder.path(), files);
    REQUIRE_MESSAGE(opened.has_value(), opened.error().message);
    store = std::move(*opened);
  }
  void append(uint32_t rows) {
    int64_t hour = static_cast<int64_t>(random() % 4);
    std::shared_ptr<LiveSegment>& segment = live[hour];
    Interval granule{Timestamp{kStart + hour * kHour},
                     Timestamp{kStart + (hour + 1) * kHour}};
    if (!segment) {
      segment =
          LiveSegment::create("live_" + std::to_string(hour), schema, granule);
      store->add_live("sales", segment);
    }
    ColumnBatch batch(schema);
    for (uint32_t i = 0; i < rows; ++i) {
      uncommitted.push_back(random_row(random, granule.start.ms));
      append_row(batch, uncommitted.back());
    }
    segment->append(batch);
    next_offset += rows;
  }
  Result<SealStats> seal() {
    Seal seal;
    seal.dataset = "sales";
    for (const auto& [hour, segment] : live) {
      segment->freeze();
      seal.live.push_back(segment);
    }
    seal.options.sort_by = random() % 2 ? std::vector<std::string>{"store"}
                                        : std::vector<std::string>{};
    Commit::Advance advance;
    advance.partition = "log/0";
    if (committed_offset > 0) advance.expected_next = committed_offset;
    advance.record.next = next_offset;
    if (next_offset > committed_offset) seal.offsets.push_back(advance);
    return store->seal(seal);
  }
  void sealed() {
    live.clear();
    committed.insert(committed.end(), uncommitted.begin(), uncommitted.end());
    uncommitted.clear();
    committed_offset = next_offset;
  }
  void lose_uncommitted() {
    live.clear();
    uncommitted.clear();
    next_offset = committed_offset;
  }
  std::vector<Row> expected() const {
    std::vector<Row> rows = committed;
    rows.insert(rows.end(), uncommitted.begin(), uncommitted.end());
    return sorted(std::move(rows));
  }

  TemporaryFolder folder;
  FaultFileSystem files;
  std::mt19937_64 random;
  std::shared_ptr<const Schema> schema = model_schema();
  std::unique_ptr<SegmentStore> store;
  std::map<int64_t, std::shared_ptr<LiveSegment>> live;
  std::vector<Row> committed, uncommitted;
  int64_t next_offset = 0, committed_offset = 0;
};

void drop_before(Scenario& scenario, int64_t cutoff) {
  // A segment goes whole: only when its last row is before the cutoff.
  auto before = scenario.store->timeline("sales");
  std::vector<Row> kept;
  uint32_t expected = 0;
  for (const auto& segment : before->sealed) {
    bool drop = segment->time_range().end.ms <= cutoff;
    expected += drop;
    std::vector<Row> rows = read_rows(*segment);
    if (!drop) kept.insert(kept.end(), rows.begin(), rows.end());
  }
  auto dropped = scenario.store->drop_before("sales", Timestamp{cutoff});
  REQUIRE(dropped.has_value());
  CHECK(*dropped == expected);
  scenario.committed = kept;
  // The old timeline still reads what was dropped.
  for (const auto& segment : before->sealed) {
    CHECK(read_rows(*segment).size() == segment->num_rows());
  }
}

TEST_CASE("random operations agree with a vector of rows") {
  for (uint64_t seed : {1, 2, 3}) {
    CAPTURE(seed);
    Scenario scenario(seed);
    for (int step = 0; step < 40; ++step) {
      CAPTURE(step);
      uint64_t choice = scenario.random() % 10;
      if (choice < 5) {
        scenario.append(scenario.random() % 10 == 0
                            ? 5000
                            : static_cast<uint32_t>(scenario.random() % 300));
      } else if (choice < 7) {
        auto stats = scenario.seal();
        REQUIRE_MESSAGE(stats.has_value(), stats.error().message);
        CHECK(stats->rows == scenario.uncommitted.size());
        scenario.sealed();
      } else if (choice == 7) {
        scenario.lose_uncommitted();
        scenario.open();
      } else if (choice == 8) {
        drop_before(
            scenario,
            kStart + static_cast<int64_t>(scenario.random() % 3) * kHour);
      }
      REQUIRE(visible_rows(*scenario.store) == scenario.expected());
    }
    for (const auto& s : scenario.store->timeline("sales")->sealed) {
      CHECK(check_consistency(*s, scenario.random) == "");
    }
  }
}

TEST_CASE("whatever operation fails, committed rows stay and no others show") {
  for (bool persistent : {false, true}) {
    uint64_t n = 1;
    for (; n < 200; ++n) {
      CAPTURE(n);
      CAPTURE(persistent);
      Scenario scenario(n);
      scenario.append(50);
      REQUIRE(scenario.seal().has_value());
      scenario.sealed();
      scenario.append(60);
      scenario.append(70);
      scenario.files.fail_at(n, persistent);
      auto stats = scenario.seal();
      bool reached = scenario.files.failed();
      // While running: all rows are there, whether or not it was sealed.
      CHECK(visible_rows(*scenario.store) == scenario.expected());
      if (!stats) {
        CHECK(stats.error().message.find("injected") != std::string::npos);
        scenario.files.fail_at(0);
        if (n % 2 == 0) {  // the call may be repeated
          REQUIRE(scenario.seal().has_value());
          scenario.sealed();
        } else {
          scenario.lose_uncommitted();
        }
      } else {
        scenario.sealed();
      }
      scenario.files.fail_at(0);
      scenario.open();
      CHECK(visible_rows(*scenario.store) == scenario.expected());
      // No orphan is left.
      size_t num_files = 0;
      for (auto& file : std::filesystem::directory_iterator(
               scenario.folder.path() + "/segments/sales")) {
        num_files += file.is_regular_file();
      }
      CHECK(num_files == scenario.store->timeline("sales")->sealed.size());
      if (!reached) break;
    }
    CHECK(n > 8);
    CHECK(n < 200);
  }
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
