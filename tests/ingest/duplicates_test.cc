// on_duplicate against a map: repeats, restarts, crashes, seals, merges, late
// rows.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <functional>
#include <map>
#include <random>

#include "ingest/bulk_keys.h"
#include "ingest/bulk_load.h"
#include "ingest/ingestion.h"
#include "ingest/newest_rows.h"
#include "segments/masked_segment.h"
#include "tests/ingest/memory_source.h"
#include "tests/ingest/outcome.h"
#include "tests/ingest/scratch_folder.h"

using namespace freshet;

namespace {

constexpr int64_t kDay = int64_t{24} * 3600 * 1000;
constexpr int64_t kStart = 1'792'000'000'000;

IngestionSettings settings() {
  auto schema = std::make_shared<Schema>();
  schema->columns = {{"__time", {ColumnKind::kTimestamp, 0}, false},
                     {"id", {ColumnKind::kString, 0}, true},
                     {"line", {ColumnKind::kLong, 0}, false},
                     {"version", {ColumnKind::kLong, 0}, false}};
  IngestionSettings settings;
  settings.dataset = "orders";
  settings.decoder.schema = schema;
  settings.decoder.fields = {
      {1, "id", "", false}, {2, "line", "", false}, {3, "version", "", false}};
  settings.key.columns = {1, 2};
  return settings;
}

std::string event(int64_t ms, uint64_t key, int64_t version) {
  return fmt::format(R"({{"ts":{},"id":"K{}","line":{},"version":{}}})", ms,
                     key / 3, key % 3, version);
}

// Version by key of all rows that count; a key that is there twice is an
// error.
std::map<uint64_t, int64_t> contents(const SegmentStore& store) {
  std::map<uint64_t, int64_t> rows;
  auto timeline = store.timeline("orders");
  auto add = [&](const Segment& segment) {
    const Column* ids = *segment.column("id");
    const Column* lines = *segment.column("line");
    const Column* versions = *segment.column("version");
    for (uint32_t b = 0; b < segment.num_blocks(); ++b) {
      std::vector<uint32_t> id(kBlockRows);
      std::vector<int64_t> line(kBlockRows), version(kBlockRows);
      ids->read_ids(b, id.data());
      lines->read_longs(b, line.data());
      versions->read_longs(b, version.data());
      for (uint32_t i = 0; i < segment.block_rows(b); ++i) {
        const Bitmap* hidden = segment.hidden_rows();
        if (hidden && hidden->contains(b * kBlockRows + i)) continue;
        std::string text(ids->dictionary()->value(id[i]));
        uint64_t key =
            std::stoull(text.substr(1)) * 3 + static_cast<uint64_t>(line[i]);
        REQUIRE_MESSAGE(rows.emplace(key, version[i]).second, key);
      }
    }
  };
  for (const auto& segment : timeline->sealed) add(*segment);
  for (const auto& live : timeline->live) add(*live->snapshot());
  return rows;
}

bool wait_for(const std::function<bool()>& done) {
  for (int i = 0; i < 2000; ++i) {
    if (done()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return false;
}

std::unique_ptr<Ingestion> start(IngestionSettings settings, MemoryLog& log,
                                 SegmentStore& store) {
  return Ingestion::start(std::move(settings),
                          std::make_unique<MemorySource>(log), store);
}

int64_t next_total(const Ingestion& ingestion) {
  int64_t total = 0;
  for (const auto& p : ingestion.progress().partitions) total += p.next;
  return total;
}

// Merges a random run of segments of one granule, if there is one.
void merge_some(SegmentStore& store, std::mt19937_64& random) {
  auto records = store.metadata().segments("orders");
  REQUIRE(ok(records));
  std::map<int64_t, std::vector<std::string>> granules;
  for (const auto now = store.timeline("orders");
       const auto& segment : now->sealed) {
    for (const SegmentRecord& record : *records) {
      if (record.id == segment->id()) {
        granules[record.granule.start.ms].push_back(record.id);
      }
    }
  }
  for (auto& [start, ids] : granules) {
    if (random() % 2) continue;
    Merge merge;
    merge.dataset = "orders";
    merge.segments = ids;
    if (random() % 2) merge.options.sort_by = {"id"};
    auto merged = store.merge(merge);
    // Retention and other merges are not at work here.
    CHECK_MESSAGE(ok(merged), merged.error().message);
  }
}

}  // namespace

TEST_CASE("ignore: each key once over repeats, crashes, seals and merges") {
  unsigned seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937_64 random(seed);
  for (uint64_t memory : {uint64_t{256} << 20, uint64_t{1} << 19}) {
    ScratchFolder folder;
    MemoryLog log(1);  // one, so that the first is the first
    std::map<uint64_t, int64_t> expected;
    int64_t sent = 0, repeats = 0;
    for (int life = 0; life < 6; ++life) {
      auto store = SegmentStore::open(folder.path());
      REQUIRE(ok(store));
      IngestionSettings s = settings();
      s.key.memory_bytes = memory;
      s.seal_rows = 100 + random() % 900;
      if (random() % 2) s.seal.sort_by = {"version"};
      auto ingestion = start(s, log, **store);
      for (int i = 0; i < 2000; ++i) {
        uint64_t key = random() % 4000;
        int64_t ms = kStart + static_cast<int64_t>(key % 3) * kDay;
        log.add(0, event(ms, key, ++sent));
        repeats += !expected.emplace(key, sent).second;
        if (random() % 500 == 0) merge_some(**store, random);
      }
      auto enough = static_cast<int64_t>(random() % 2000);
      REQUIRE(wait_for(
          [&] { return next_total(*ingestion) >= sent - 2000 + enough; }));
      merge_some(**store, random);
      if (random() % 2) {
        REQUIRE(ok(ingestion->stop()));
      } else {
        ingestion.reset();  // a crash: what is not sealed is read again
      }
    }
    auto store = SegmentStore::open(folder.path());
    REQUIRE(ok(store));
    IngestionSettings s = settings();
    s.key.memory_bytes = memory;
    auto ingestion = start(s, log, **store);
    REQUIRE(wait_for([&] { return next_total(*ingestion) == sent; }));
    CHECK(contents(**store) == expected);
    REQUIRE(ok(ingestion->seal()));
    CHECK(contents(**store) == expected);
    CHECK(ingestion->progress().duplicates == static_cast<uint64_t>(repeats));
  }
}

TEST_CASE("ignore: a repeat as late as the lateness, but no key for ever") {
  ScratchFolder folder;
  auto store = SegmentStore::open(folder.path());
  REQUIRE(ok(store));
  MemoryLog log(1);
  IngestionSettings s = settings();
  s.late_ms = kDay;
  auto ingestion = start(s, log, **store);
  log.add(0, event(kStart, 1, 1));
  log.add(0, event(kStart + kDay, 2, 1));
  log.add(0, event(kStart + kDay / 2, 1, 2));  // its time is another one
  log.add(0, event(kStart, 1, 3));
  log.add(0, event(kStart - 1, 1, 4));  // too late, no duplicate
  REQUIRE(wait_for([&] { return next_total(*ingestion) == 5; }));
  IngestionProgress progress = ingestion->progress();
  CHECK(progress.duplicates == 2);
  CHECK(progress.rejected["too_late"] == 1);
  CHECK(contents(**store) == std::map<uint64_t, int64_t>{{1, 1}, {2, 1}});
}

TEST_CASE("ignore: rows without a key are no duplicates") {
  ScratchFolder folder;
  auto store = SegmentStore::open(folder.path());
  REQUIRE(ok(store));
  MemoryLog log(1);
  auto ingestion = start(settings(), log, **store);
  for (int i = 0; i < 3; ++i) {
    log.add(0, fmt::format(R"({{"ts":{},"version":{}}})", kStart, i));
  }
  REQUIRE(wait_for([&] { return next_total(*ingestion) == 3; }));
  CHECK(ingestion->progress().rows == 3);
  CHECK(ingestion->progress().duplicates == 0);
}

TEST_CASE("ignore: a key given to a dataset that has repeats already") {
  ScratchFolder folder;
  auto store = SegmentStore::open(folder.path());
  REQUIRE(ok(store));
  MemoryLog log(1);
  IngestionSettings s = settings();
  s.key = {};
  auto ingestion = start(s, log, **store);
  for (uint64_t i = 0; i < 30; ++i) {
    log.add(0, event(kStart, i % 10, static_cast<int64_t>(i)));
  }
  REQUIRE(wait_for([&] { return next_total(*ingestion) == 30; }));
  REQUIRE(ok(ingestion->stop()));
  ingestion = start(settings(), log, **store);
  log.add(0, event(kStart, 3, 99));
  REQUIRE(wait_for([&] { return next_total(*ingestion) == 31; }));
  std::map<uint64_t, int64_t> expected;
  for (uint64_t i = 0; i < 10; ++i) expected[i] = static_cast<int64_t>(i);
  CHECK(contents(**store) == expected);
}

namespace {

// Three segments of one day, each with a version of the ten keys.
void seal_versions(MemoryLog& log, SegmentStore& store) {
  IngestionSettings s = settings();
  s.key = {};
  auto ingestion = start(s, log, store);
  for (int64_t version = 0; version < 3; ++version) {
    for (uint64_t key = 0; key < 10; ++key) {
      log.add(0, event(kStart, key, version));
    }
    REQUIRE(
        wait_for([&] { return next_total(*ingestion) == 10 * (version + 1); }));
    REQUIRE(ok(ingestion->seal()));
  }
  REQUIRE(ok(ingestion->stop()));
}

// For load(): the first two segments are merged while keys are being read.
std::function<bool()> merging(SegmentStore& store) {
  return [&store, asked = 0]() mutable {
    if (++asked != 2) return false;
    Merge merge;
    merge.dataset = "orders";
    const auto now = store.timeline("orders");
    merge.segments = {now->sealed[0]->id(), now->sealed[1]->id()};
    REQUIRE(ok(store.merge(merge)));
    return false;
  };
}

}  // namespace

TEST_CASE("a new key hides repeats in segments that are merged meanwhile") {
  ScratchFolder folder;
  auto store = SegmentStore::open(folder.path());
  REQUIRE(ok(store));
  MemoryLog log(1);
  seal_versions(log, **store);
  IngestionSettings s = settings();
  SUBCASE("ignore") {
    SeenKeys seen(s, **store);
    REQUIRE(ok(seen.load(kMinTimestamp, merging(**store))));
    CHECK(seen.index().keys_in_memory() == 10);
    CHECK(contents(**store).size() == 10);
  }
  SUBCASE("replace") {
    s.key.on_duplicate = KeySettings::OnDuplicate::kReplace;
    s.key.order_by = 3;
    NewestRows rows(s, **store);
    REQUIRE(ok(rows.load(kMinTimestamp, merging(**store))));
    rows.close();
    for (const auto& [key, version] : contents(**store)) CHECK(version == 2);
    CHECK(contents(**store).size() == 10);
  }
  CHECK((*store)->timeline("orders")->sealed.size() == 2);
  auto ended = seen_before_load(s, **store, [] { return true; });
  if (s.key.ignores()) CHECK(ended.error().code == ErrorCode::kCancelled);
}

namespace {

// What a dataset keeps of its events: the newest version by key.
struct Newest {
  std::map<uint64_t, int64_t> rows;   // version
  std::map<uint64_t, int64_t> order;  // of the newest, deleted or not
  void take(uint64_t key, int64_t version, bool is_delete) {
    auto [known, added] = order.emplace(key, version);
    if (!added && version < known->second) return;
    known->second = version;
    rows.erase(key);
    if (!is_delete) rows[key] = version;
  }
};

// Drops rows whose version ends in 7: with `replace` that deletes the row.
class DropSevens final : public Transform {
 public:
  void apply(ColumnBatch& batch, std::vector<uint8_t>& keep,
             std::vector<RowError>&) const override {
    for (size_t i = 0; i < keep.size(); ++i) {
      keep[i] = batch.columns()[3].longs[i] % 10 != 7;
    }
  }
};

IngestionSettings replacing() {
  IngestionSettings s = settings();
  s.key.on_duplicate = KeySettings::OnDuplicate::kReplace;
  s.key.order_by = 3;
  s.transform = std::make_shared<DropSevens>();
  return s;
}

}  // namespace

TEST_CASE("replace: the newest of each key over crashes, seals and merges") {
  unsigned seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937_64 random(seed);
  for (uint64_t memory : {uint64_t{256} << 20, uint64_t{1} << 19}) {
    CAPTURE(memory);
    ScratchFolder folder;
    MemoryLog log(1);
    Newest expected;
    int64_t sent = 0;
    for (int life = 0; life < 6; ++life) {
      CAPTURE(life);
      auto store = SegmentStore::open(folder.path());
      REQUIRE(ok(store));
      IngestionSettings s = replacing();
      s.key.memory_bytes = memory;
      s.seal_rows = 100 + random() % 900;
      if (random() % 2) s.seal.sort_by = {"version"};
      auto ingestion = start(s, log, **store);
      for (int i = 0; i < 2000; ++i) {
        uint64_t key = random() % (random() % 2 ? 300 : 3000);
        int64_t ms = kStart + static_cast<int64_t>(random() % 3) * kDay;
        // Versions grow, but some come late, deletes too.
        int64_t version = ++sent * 10;
        bool is_delete = random() % 8 == 0;
        if (is_delete) version += 7;
        log.add(0, event(ms, key, version));
        expected.take(key, version, is_delete);
        if (random() % 5 == 0) {
          int64_t late = version - (random() % 4 ? 5 : 3);
          log.add(0, event(ms, key, late));
          expected.take(key, late, late % 10 == 7);
        }
        if (random() % 300 == 0) merge_some(**store, random);
      }
      auto enough = static_cast<int64_t>(random() % 2000);
      REQUIRE(wait_for(
          [&] { return next_total(*ingestion) >= sent - 2000 + enough; }));
      merge_some(**store, random);
      contents(**store);  // no key twice, at any time
      if (random() % 2) {
        REQUIRE(ok(ingestion->stop()));
      } else {
        ingestion.reset();  // a crash: what is not sealed is read again
      }
    }
    auto store = SegmentStore::open(folder.path());
    REQUIRE(ok(store));
    IngestionSettings s = replacing();
    s.key.memory_bytes = memory;
    auto ingestion = start(s, log, **store);
    int64_t all = 0;
    {
      MutexLock lock(log.mutex);
      all = static_cast<int64_t>(log.partitions[0].size());
    }
    REQUIRE(wait_for([&] { return next_total(*ingestion) == all; }));
    CHECK(contents(**store) == expected.rows);
    REQUIRE(ok(ingestion->seal()));
    CHECK(contents(**store) == expected.rows);
    merge_some(**store, random);
    CHECK(contents(**store) == expected.rows);
  }
}

TEST_CASE("replace: readers see one version of each key at any time") {
  ScratchFolder folder;
  auto store = SegmentStore::open(folder.path());
  REQUIRE(ok(store));
  MemoryLog log(1);
  IngestionSettings s = replacing();
  s.transform = nullptr;
  s.seal_rows = 300;
  auto ingestion = start(s, log, **store);
  for (uint64_t key = 0; key < 50; ++key) log.add(0, event(kStart, key, 0));
  REQUIRE(wait_for([&] { return contents(**store).size() == 50; }));
  std::atomic<int> looks = 0;
  std::thread writer([&] {
    std::mt19937_64 random(7);
    for (int64_t version = 1; version < 4000; ++version) {
      while (looks < version / 500) std::this_thread::yield();
      log.add(0, event(kStart + static_cast<int64_t>(random() % 2) * kDay,
                       random() % 50, version));
      if (version % 50 == 0) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
      if (version % 1000 == 0) merge_some(**store, random);
    }
  });
  std::map<uint64_t, int64_t> before;
  for (; next_total(*ingestion) < 50 + 3999; ++looks) {
    std::map<uint64_t, int64_t> now = contents(**store);  // none twice
    CHECK(now.size() == 50);                              // none missing
    for (const auto& [key, version] : before) CHECK(now[key] >= version);
    before = std::move(now);
  }
  writer.join();
  CHECK(looks > 3);
}

TEST_CASE("replace: without an order the last to arrive stays") {
  ScratchFolder folder;
  auto store = SegmentStore::open(folder.path());
  REQUIRE(ok(store));
  MemoryLog log(1);
  IngestionSettings s = replacing();
  s.key.order_by.reset();
  auto ingestion = start(s, log, **store);
  log.add(0, event(kStart, 1, 5));
  log.add(0, event(kStart + kDay, 1, 3));
  log.add(0, event(kStart, 2, 4));
  REQUIRE(wait_for([&] { return next_total(*ingestion) == 3; }));
  REQUIRE(ok(ingestion->seal()));
  CHECK(contents(**store) == std::map<uint64_t, int64_t>{{1, 3}, {2, 4}});
  log.add(0, event(kStart, 2, 1));
  log.add(0, event(kStart, 1, 17));  // filtered: the row is gone
  REQUIRE(wait_for([&] { return next_total(*ingestion) == 5; }));
  CHECK(contents(**store) == std::map<uint64_t, int64_t>{{2, 1}});
  IngestionProgress progress = ingestion->progress();
  CHECK(progress.replaced == 2);
  CHECK(progress.deleted == 1);
  CHECK(progress.filtered == 1);
}

TEST_CASE("replace: a load that ended before its rows were judged") {
  ScratchFolder folder;
  auto store = SegmentStore::open(folder.path());
  REQUIRE(ok(store));
  IngestionSettings s = replacing();
  s.transform = nullptr;
  for (int64_t version : {2, 1, 3}) {  // none of which judges
    uint64_t key = 0;
    auto next = [&](std::string& made) {
      made = event(kStart + version * kDay, key, version);
      return key++ < 10;
    };
    REQUIRE(ok(bulk_load_events(s, **store, fmt::to_string(version), next,
                                [](const LoadProgress&) {})));
  }
  MetadataStore& metadata = (*store)->metadata();
  REQUIRE(metadata.get(unjudged_note(s))->has_value());
  REQUIRE(ok(judge_loaded(s, **store)));
  std::map<uint64_t, int64_t> expected;
  for (uint64_t key = 0; key < 10; ++key) expected[key] = 3;
  CHECK(contents(**store) == expected);
  CHECK_FALSE(metadata.get(unjudged_note(s))->has_value());
  REQUIRE(ok(judge_loaded(s, **store)));  // nothing to do
}
