// What cannot be merged keeps nothing else waiting: segments of different types
// of a column, and damaged ones.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <fstream>

#include "segments/merger.h"
#include "tests/segments/store_scenario.h"

namespace freshet {
namespace {

using Clock = std::chrono::steady_clock;

// A segment of 200 rows with the columns b (of `type`) and a, sealed.
void add_segment(SegmentStore& store, const std::string& dataset, int64_t hour,
                 ColumnType type) {
  static int number = 0;
  auto schema = std::make_shared<Schema>();
  schema->columns = {{"__time", {ColumnKind::kTimestamp, 0}, false},
                     {"b", type, false},
                     {"a", {ColumnKind::kString, 0}, false}};
  int64_t start = kStart + hour * kHour;
  auto live = LiveSegment::create("live_" + std::to_string(++number), schema,
                                  {Timestamp{start}, Timestamp{start + kHour}});
  ColumnBatch batch(schema);
  for (int i = 0; i < 200; ++i) {
    batch.set_long(0, start + i);
    batch.set_long(1, i);
    batch.set_string(2, batch.keep("v" + std::to_string(i % 7)));
    batch.commit_row();
  }
  live->append(batch);
  live->freeze();
  store.add_live(dataset, live);
  Seal seal;
  seal.dataset = dataset;
  seal.live = {live};
  REQUIRE(store.seal(seal).has_value());
}

// How many segments of the hours 0, 1 and 2 there are.
std::string by_hour(SegmentStore& store, const std::string& dataset) {
  size_t count[3] = {};
  const auto now = store.timeline(dataset);
  for (const auto& segment : now->sealed) {
    ++count[(segment->time_range().start.ms - kStart) / kHour];
  }
  return fmt::format("{} {} {}", count[0], count[1], count[2]);
}

TEST_CASE("after a change of a column's type those of each type are merged") {
  TemporaryFolder folder;
  auto store = *SegmentStore::open(folder.path());
  ColumnType narrow{ColumnKind::kLong, 0}, wide{ColumnKind::kDecimal, 2};
  for (int i = 0; i < 5; ++i) add_segment(*store, "sales", 0, narrow);
  for (int i = 0; i < 3; ++i) add_segment(*store, "sales", 0, wide);
  for (int i = 0; i < 3; ++i) add_segment(*store, "sales", 1, wide);
  for (int i = 0; i < 6; ++i) add_segment(*store, "sales", 2, wide);
  Merger merger(*store, [](const std::string&, const auto&) {});
  merger.set_policy("sales", {});
  while (merger.run_once() > 0) {
  }
  CHECK(by_hour(*store, "sales") == "2 1 1");
  CHECK(merger.totals("sales").failures == 0);
  auto now = store->timeline("sales");
  CHECK(now->sealed[0]->schema().columns[1].type == narrow);
  CHECK(now->sealed[1]->schema().columns[1].type == wide);
  CHECK(visible_rows(*store).size() == 17 * 200);
}

TEST_CASE("a set that cannot be merged keeps no other one waiting") {
  bool opened = false;
  for (bool footer : {false, true}) {
    CAPTURE(footer);
    TemporaryFolder folder;
    auto store = *SegmentStore::open(folder.path());
    ColumnType type{ColumnKind::kLong, 0};
    for (int64_t hour : {0, 1, 2}) {
      for (int i = 0; i < 4; ++i) add_segment(*store, "sales", hour, type);
    }
    for (int i = 0; i < 4; ++i) add_segment(*store, "stock", 0, type);
    auto bad = store->timeline("sales")->sealed[1];
    std::string path = folder.path() + "/segments/sales/" + bad->id() + ".seg";
    store.reset();
    auto size = std::filesystem::file_size(path);
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(footer ? size - 40 : 300));
    file.write("damaged!", 8);
    file.close();
    store = *SegmentStore::open(folder.path());
    Merger merger(*store, [](const std::string&, const auto&) {});
    merger.set_policy("sales", {});
    merger.set_policy("stock", {});
    auto start = Clock::now();
    while (merger.run_once() > 0) {
    }
    CHECK(Clock::now() - start < std::chrono::seconds(10));
    // Its own granule: the one before it, it, and the two after it.
    CHECK(by_hour(*store, "sales") == "3 1 1");
    CHECK(by_hour(*store, "stock") == "1 0 0");
    CHECK(merger.totals("sales").failures <= 1);
    opened = opened || merger.totals("sales").failures == 1;
  }
  CHECK(opened);  // one was found out by the merge alone
}

// Readers, a writer that seals, a merger and somebody who hides, at once.

}  // namespace
}  // namespace freshet
