// Offsets set by a person: what is skipped and repeated, and that it is so.
#include "ingest/offset_reset.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "ingest/dead_letters.h"
#include "ingest/embedded_log.h"
#include "tests/ingest/sales_stream.h"
#include "tests/ingest/scratch_folder.h"

using namespace freshet;
using To = OffsetReset::To;

namespace {

constexpr int64_t kTime = 1795344067120 - 30 * kDay;

std::map<PartitionName, int64_t> positions(SegmentStore& store) {
  std::map<PartitionName, int64_t> next;
  auto stored = store.metadata().offsets("sales");
  REQUIRE(ok(stored));
  for (const auto& [name, record] : *stored) next[name] = record.next;
  return next;
}

// As the application does it, with the stream stopped.
std::vector<ResetStep> apply(MemoryLog& log, SegmentStore& store,
                             const OffsetReset& reset) {
  MemorySource source(log);
  auto steps = plan_reset(source, positions(store), reset);
  REQUIRE(ok(steps));
  REQUIRE(ok(commit_reset(store.metadata(), "sales", *steps)));
  return *steps;
}

std::multiset<int64_t> read_on(MemoryLog& log, SegmentStore& store,
                               IngestionSettings s, int64_t total) {
  auto ingestion = start(std::move(s), log, store);
  CHECK(wait_for([&] { return next_total(*ingestion) == total; }));
  CHECK(ingestion->progress().state == IngestionState::kRunning);
  REQUIRE(ok(ingestion->stop()));
  return quantities(store);
}

}  // namespace

TEST_CASE("a plan says what is skipped, read again, and lost") {
  MemoryLog log(2);
  for (int64_t i = 0; i < 10; ++i) log.add(0, event(kTime, i));
  for (int64_t i = 0; i < 4; ++i) log.add(1, event(kTime, i));
  {
    MutexLock lock(log.mutex);
    log.low[0] = 3;
  }
  MemorySource source(log);
  std::map<PartitionName, int64_t> next = {{"m/0", 6}};
  auto plan = [&](OffsetReset reset) {
    auto steps = plan_reset(source, next, reset);
    REQUIRE(ok(steps));
    return *steps;
  };
  auto steps = plan({.to = To::kEarliest});
  REQUIRE(steps.size() == 2);
  CHECK(steps[0].from == 6);
  CHECK(steps[0].to == 3);
  CHECK(steps[0].repeated() == 3);
  CHECK(steps[0].skipped() == 0);
  CHECK(steps[1].repeated() == 0);  // never read
  CHECK(steps[1].skipped() == 0);

  steps = plan({.to = To::kLatest, .partitions = {"m/0"}});
  REQUIRE(steps.size() == 1);
  CHECK(steps[0].to == 10);
  CHECK(steps[0].skipped() == 4);

  // The number is enough of a name: there is only one topic.
  steps = plan({.to = To::kOffsets, .offsets = {{"1", 3}}});
  REQUIRE(steps.size() == 1);
  CHECK(steps[0].partition == "m/1");
  CHECK(steps[0].to == 3);
  steps = plan({.to = To::kLatest, .partitions = {"0"}});
  REQUIRE(steps.size() == 1);
  CHECK(steps[0].partition == "m/0");
  auto twice = plan_reset(
      source, next, {.to = To::kOffsets, .offsets = {{"1", 2}, {"m/1", 3}}});
  CHECK(twice.error().message ==
        "the offset of a partition is given twice: m/1");
  auto none =
      plan_reset(source, next, {.to = To::kLatest, .partitions = {"2"}});
  CHECK(none.error().message.find("'m/2'; known are m/0, m/1") !=
        std::string::npos);

  steps = plan({.to = To::kOffsets, .offsets = {{"m/1", 2}}});
  REQUIRE(steps.size() == 1);
  CHECK(steps[0].partition == "m/1");
  CHECK(steps[0].skipped() == 2);

  next["m/0"] = 1;  // retention overran the stream
  steps = plan({.to = To::kEarliest, .partitions = {"m/0"}});
  CHECK(steps[0].lost() == 2);
  CHECK(steps[0].skipped() == 0);

  for (const OffsetReset& bad :
       {OffsetReset{.to = To::kOffsets, .offsets = {{"m/0", 2}}},
        OffsetReset{.to = To::kOffsets, .offsets = {{"m/0", 11}}},
        OffsetReset{.to = To::kOffsets, .offsets = {{"m/7", 0}}},
        OffsetReset{.to = To::kLatest, .partitions = {"m/7"}}}) {
    auto refused = plan_reset(source, next, bad);
    REQUIRE_FALSE(ok(refused));
    CHECK(refused.error().code == ErrorCode::kInvalid);
  }
}

TEST_CASE("back: rows are read again, and are not late") {
  ScratchFolder folder;
  auto store = SegmentStore::open(folder.path());
  REQUIRE(ok(store));
  MemoryLog log(1);
  for (int64_t i = 0; i < 8; ++i) log.add(0, event(kTime + i * kDay, i));
  log.add(0, R"({"ts":1,"qty":"bad"})");
  IngestionSettings s = settings();
  s.late_ms = 60'000;
  std::multiset<int64_t> once = {0, 1, 2, 3, 4, 5, 6, 7};
  std::multiset<int64_t> expected = once;
  SUBCASE("without a key they count twice") {
    for (int64_t i = 5; i < 8; ++i) expected.insert(i);
  }
  SUBCASE("with a key they are dropped") { s.key.columns = {2}; }
  CHECK(read_on(log, **store, s, 9) == once);
  auto steps =
      apply(log, **store, {.to = To::kOffsets, .offsets = {{"m/0", 5}}});
  CHECK(steps[0].repeated() == 4);
  // Its letter comes again, and is not there twice, nor counted twice.
  CHECK(count_dead_letters((*store)->metadata(), "sales")->empty());
  CHECK(read_on(log, **store, s, 9) == expected);
  auto counts = count_dead_letters((*store)->metadata(), "sales");
  CHECK(counts->size() == 1);
  CHECK((*counts)["wrong_type"] == 1);
  auto ingestion = start(s, log, **store);
  CHECK(ingestion->progress().rejected.size() == 1);
  CHECK(ingestion->progress().rejected["wrong_type"] == 1);
}

TEST_CASE("forward: what lies between is not read; other partitions stay") {
  ScratchFolder folder;
  auto store = SegmentStore::open(folder.path());
  REQUIRE(ok(store));
  MemoryLog log(2);
  for (int64_t i = 0; i < 4; ++i) log.add(0, event(kTime, i));
  log.add(1, event(kTime, 10));
  CHECK(read_on(log, **store, settings(), 5).size() == 5);
  for (int64_t i = 4; i < 9; ++i) log.add(0, event(kTime, i));
  log.add(1, event(kTime, 11));
  apply(log, **store, {.to = To::kLatest, .partitions = {"m/0"}});
  log.add(0, event(kTime, 9));
  CHECK(read_on(log, **store, settings(), 12) ==
        std::multiset<int64_t>{0, 1, 2, 3, 9, 10, 11});
}

TEST_CASE("a reset mends a partition that stopped") {
  ScratchFolder folder;
  auto store = SegmentStore::open(folder.path());
  REQUIRE(ok(store));
  MemoryLog log(1);
  for (int64_t i = 0; i < 4; ++i) log.add(0, event(kTime, i));
  read_on(log, **store, settings(), 4);
  MemoryLog other(1);  // the topic was recreated
  for (int64_t i = 0; i < 6; ++i) other.add(0, event(kTime, 100 + i));
  {
    auto stopped = start(settings(), other, **store);
    REQUIRE(wait_for(
        [&] { return stopped->progress().state == IngestionState::kFailed; }));
  }
  apply(other, **store, {.to = To::kEarliest});
  auto all = read_on(other, **store, settings(), 6);
  CHECK(all.size() == 10);
}

TEST_CASE("letters of a recreated topic stay, but for those that come again") {
  ScratchFolder folder;
  auto store = SegmentStore::open(folder.path());
  REQUIRE(ok(store));
  MemoryLog log(1), other(1);
  for (int64_t i = 0; i < 9; ++i) {
    log.add(0, i % 4 == 2 ? R"({"ts":1,"qty":"bad"})" : event(kTime, i));
  }
  read_on(log, **store, settings(), 9);
  for (int64_t i = 0; i < 4; ++i) other.add(0, event(kTime, 100 + i));
  auto steps = apply(other, **store, {.to = To::kEarliest});
  CHECK(steps[0].repeated() == 4);
  auto letters = list_dead_letters((*store)->metadata(), "sales", "", 10);
  REQUIRE(ok(letters));
  REQUIRE(letters->letters.size() == 1);
  CHECK(letters->letters[0].offset == 6);
  CHECK(read_on(other, **store, settings(), 4).size() == 11);
  auto ingestion = start(settings(), other, **store);
  CHECK(ingestion->progress().rejected["wrong_type"] == 1);
}

TEST_CASE("the log finds offsets by time, and keeps what is read again") {
  ScratchFolder folder;
  auto log = EmbeddedLog::open(folder.path() + "/log");
  REQUIRE(ok(log));
  REQUIRE(ok((*log)->declare("sales", 1, -1)));
  std::vector<int64_t> times;
  for (int i = 0; i < 5; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(3));
    times.push_back(now().ms);
    std::vector<EmbeddedLog::Record> records(3, {"", "x"});
    REQUIRE(ok((*log)->append("sales", records, "")));
  }
  auto source = (*log)->open_source("sales", true);
  REQUIRE(ok(source));
  for (int i = 0; i < 5; ++i) {
    auto offset = (*source)->offset_at("log/0", Timestamp{times[i]});
    REQUIRE(ok(offset));
    CHECK(*offset == i * 3);
  }
  CHECK(*(*source)->offset_at("log/0", Timestamp{0}) == 0);
  CHECK(*(*source)->offset_at("log/0", Timestamp{now().ms + 1000}) == 15);
  CHECK_FALSE(ok((*source)->offset_at("log/9", Timestamp{0})));

  // Committed to the end, then read from 6 on again: those records stay.
  auto reader = (*log)->open_source("sales");
  REQUIRE(ok(reader));
  (*reader)->report_committed({{"log/0", 15}});
  REQUIRE(ok((*reader)->assign({{"log/0", 6}})));
  std::this_thread::sleep_for(std::chrono::milliseconds(3));
  REQUIRE(ok((*log)->declare("sales", 1, 1)));  // all are too old
  auto bounds = (*source)->partitions();
  REQUIRE(ok(bounds));
  CHECK((*bounds)[0].low == 6);
}
