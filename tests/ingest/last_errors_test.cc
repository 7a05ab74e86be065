// What went wrong last with a stream, and that a restart knows it again.
#include "ingest/last_errors.h"

#include <doctest/doctest.h>

#include "tests/ingest/sales_stream.h"
#include "tests/ingest/scratch_folder.h"

using namespace freshet;

namespace {

std::string wrong(int64_t qty) {
  return fmt::format(R"({{"ts":1,"store":"S","qty":"{}?"}})", qty);
}

}  // namespace

TEST_CASE("errors come newest first, few, and each once") {
  LastErrors errors;
  CHECK(errors.newest().empty());
  for (int64_t i = 0; i < 30; ++i) {
    errors.add({Timestamp{1000 + i}, "wrong_type", "no", "m/0", i});
  }
  errors.add({Timestamp{2000}, "waiting", "away", {}});
  errors.add({Timestamp{2001}, "wrong_type", "no", "m/0", 40});
  errors.add({Timestamp{2002}, "waiting", "away", {}});
  errors.add({Timestamp{10}, "too_old", "to be kept", "m/0", 0});
  auto newest = errors.newest();
  REQUIRE(newest.size() == LastErrors::kKept);
  CHECK(newest[0].reason == "waiting");
  CHECK(newest[0].time.ms == 2002);
  CHECK(newest[1].offset == 40);
  CHECK(newest[2].offset == 29);
  CHECK(newest[9].offset == 22);
}

TEST_CASE("a stream tells its last rejects, after a restart, too") {
  ScratchFolder folder;
  MemoryLog log(2);
  for (int64_t i = 0; i < 25; ++i) {
    log.add(static_cast<size_t>(i % 2), wrong(i));
  }
  auto offsets = [](const Ingestion& ingestion) {
    std::multiset<std::string> all;
    for (const IngestionError& error : ingestion.last_errors()) {
      CHECK(error.reason == "wrong_type");
      CHECK(error.message.find("qty") != std::string::npos);
      all.insert(fmt::format("{}/{}", error.partition, error.offset));
    }
    return all;
  };
  std::multiset<std::string> before;
  for (bool again : {false, true}) {
    auto store = SegmentStore::open(folder.path());
    REQUIRE(ok(store));
    auto ingestion = start(settings(), log, **store);
    REQUIRE(wait_for([&] { return next_total(*ingestion) == 25; }));
    auto found = offsets(*ingestion);
    CHECK(found.size() == LastErrors::kKept);
    CHECK(found.contains("m/1/11"));
    if (again) CHECK(found.size() == before.size());
    before = found;
    REQUIRE(ok(ingestion->stop()));
  }
  log.add(0, wrong(99));
  auto store = SegmentStore::open(folder.path());
  REQUIRE(ok(store));
  auto ingestion = start(settings(), log, **store);
  REQUIRE(wait_for([&] { return next_total(*ingestion) == 26; }));
  CHECK(ingestion->last_errors()[0].offset == 13);
  CHECK(ingestion->last_errors()[0].message.find("99?") != std::string::npos);
  REQUIRE(ok(ingestion->stop()));
}
