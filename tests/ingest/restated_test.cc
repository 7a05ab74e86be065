// Events that change the past are noted: when, and across restarts.
#include <doctest/doctest.h>

#include "tests/ingest/sales_stream.h"
#include "tests/ingest/scratch_folder.h"

using namespace freshet;

namespace {

constexpr int64_t kMinute = 60'000;
// A full day, long ago.
constexpr int64_t kTime = 20'000 * kDay;

bool restated(const Ingestion& ingestion, int64_t from, int64_t to) {
  return ingestion.restated()->covers({Timestamp{from}, Timestamp{to}});
}

}  // namespace

TEST_CASE("late rows restate what was complete, also after a restart") {
  ScratchFolder folder;
  auto store = SegmentStore::open(folder.path());
  REQUIRE(ok(store));
  MemoryLog log(1);
  log.add(0, event(kTime + 30 * kMinute, 1));
  log.add(0, event(kTime + 5 * kMinute, 2));  // nothing was complete yet
  auto ingestion = start(settings(), log, **store);
  REQUIRE(wait_for([&] {
    return next_total(*ingestion) == 2 && ingestion->progress().complete();
  }));
  CHECK_FALSE(restated(*ingestion, kTime, kTime + 30 * kMinute));
  REQUIRE(ingestion->progress().as_of.ms == kTime + 30 * kMinute);

  log.add(0, event(kTime + 10 * kMinute, 3));
  log.add(0, event(kTime + 40 * kMinute, 4));  // on time
  log.add(0, R"({"ts":1,"qty":"bad"})");       // rejected: changes nothing
  REQUIRE(wait_for([&] { return next_total(*ingestion) == 5; }));
  auto check = [&] {
    CHECK(restated(*ingestion, kTime + 10 * kMinute, kTime + 11 * kMinute));
    CHECK(restated(*ingestion, kTime, kTime + 15 * kMinute));
    CHECK_FALSE(restated(*ingestion, kTime, kTime + 60 * kMinute));
    CHECK_FALSE(restated(*ingestion, kTime + 11 * kMinute, kTime + kDay));
    CHECK_FALSE(restated(*ingestion, 0, kTime));
  };
  check();
  REQUIRE(ok(ingestion->stop()));
  ingestion = start(settings(), log, **store);
  check();
  // What was claimed before the restart holds from the first row on.
  log.add(0, event(kTime + 20 * kMinute, 5));
  REQUIRE(wait_for([&] { return next_total(*ingestion) == 6; }));
  CHECK(restated(*ingestion, kTime + 20 * kMinute, kTime + 21 * kMinute));
}

TEST_CASE("a repeat that is dropped restates nothing, a replayed letter does") {
  ScratchFolder folder;
  auto store = SegmentStore::open(folder.path());
  REQUIRE(ok(store));
  MemoryLog log(1);
  IngestionSettings s = settings();
  s.key.columns = {2};
  log.add(0, event(kTime + 5 * kMinute, 1));
  log.add(0, R"({"ts":1,"qty":"bad"})");
  log.add(0, event(kTime + 30 * kMinute, 2));
  auto ingestion = start(s, log, **store);
  REQUIRE(wait_for([&] {
    return next_total(*ingestion) == 3 && ingestion->progress().complete();
  }));
  log.add(0, event(kTime + 5 * kMinute, 1));
  REQUIRE(wait_for([&] { return next_total(*ingestion) == 4; }));
  CHECK_FALSE(restated(*ingestion, kTime, kTime + 10 * kMinute));
  REQUIRE(ok(ingestion->seal()));
  auto outcome = ingestion->replay({{"m/0/1", event(kTime + 6 * kMinute, 3)}});
  REQUIRE(ok(outcome));
  CHECK(outcome->replayed == 1);
  CHECK(restated(*ingestion, kTime, kTime + 10 * kMinute));
}
