// The keys in segments are read whole while segments are being merged.
#include "ingest/key_loader.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <atomic>
#include <thread>

#include "segments/live_segment.h"
#include "tests/ingest/outcome.h"
#include "tests/ingest/scratch_folder.h"

using namespace freshet;

namespace {

constexpr int kSegments = 60;
constexpr int64_t kDayMs = int64_t{24} * 3600 * 1000;

std::shared_ptr<const Schema> schema() {
  auto schema = std::make_shared<Schema>();
  schema->columns = {{"__time", {ColumnKind::kTimestamp, 0}, false},
                     {"id", {ColumnKind::kLong, 0}, false}};
  return schema;
}

// Row `id` alone in a segment of its own.
void seal_row(SegmentStore& store, int64_t id) {
  auto live = LiveSegment::create(fmt::format("live_{}", id), schema(),
                                  {Timestamp{0}, Timestamp{kDayMs}});
  ColumnBatch batch(schema());
  batch.set_long(0, id);
  batch.set_long(1, id);
  batch.commit_row();
  live->append(batch);
  live->freeze();
  store.add_live("keys", live);
  Seal seal;
  seal.dataset = "keys";
  seal.live = {live};
  REQUIRE(ok(store.seal(seal)));
}

}  // namespace

TEST_CASE("keys are read whole while segments are merged") {
  ScratchFolder folder;
  auto store = SegmentStore::open(folder.path());
  REQUIRE(ok(store));
  for (int64_t id = 0; id < kSegments; ++id) seal_row(**store, id);
  std::atomic<bool> merged = false;
  std::atomic<int> loads = 0;
  std::thread merger([&] {
    for (int i = 1; i < kSegments; ++i) {
      // Not faster than the loads, so that merges fall into many of them.
      while (loads < i / 2) std::this_thread::yield();
      auto sealed = (*store)->timeline("keys")->sealed;
      Merge merge;
      merge.dataset = "keys";
      merge.segments = {sealed[0]->id(), sealed[1]->id()};
      CHECK(ok((*store)->merge(merge)));
    }
    merged = true;
  });
  KeyLoad load;
  load.dataset = "keys";
  load.schema = schema();
  load.settings.columns = {1};
  for (; !merged; ++loads) {
    KeyHasher hasher;
    int keys = 0;
    Status read =
        load_keys(**store, load, hasher,
                  [&](const std::string&, const KeyedRow&) { ++keys; });
    CHECK(ok(read));
    CHECK(keys == kSegments);
  }
  merger.join();
  CHECK(loads > 3);
}
