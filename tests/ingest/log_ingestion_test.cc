// A stream over the embedded log: what its progress claims of events that were
// acknowledged.
#include <doctest/doctest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "ingest/embedded_log.h"
#include "tests/ingest/sales_stream.h"
#include "tests/ingest/scratch_folder.h"

using namespace freshet;

namespace {

constexpr int64_t kTime = 1795344067120 - 30 * kDay;

std::unique_ptr<Ingestion> start_over(EmbeddedLog& log, SegmentStore& store) {
  REQUIRE(ok(log.declare("sales", 2, -1)));
  auto source = log.open_source("sales");
  REQUIRE(ok(source));
  return Ingestion::start(settings(), std::move(*source), store);
}

// True once `count` events are acknowledged.
bool post(EmbeddedLog& log, size_t count) {
  std::vector<std::string> events;
  for (size_t i = 0; i < count; ++i) events.push_back(event(kTime, 1));
  std::vector<EmbeddedLog::Record> records;
  for (const std::string& one : events) records.push_back({{}, one});
  return log.append("sales", records, "").has_value();
}

int64_t sum_of(const IngestionProgress& progress,
               int64_t (*of)(const PartitionProgress&)) {
  int64_t sum = 0;
  for (const PartitionProgress& one : progress.partitions) sum += of(one);
  return sum;
}

size_t live_rows(const SegmentStore& store) {
  size_t rows = 0;
  auto timeline = store.timeline("sales");
  for (const auto& live : timeline->live) {
    rows += live->snapshot()->num_rows();
  }
  return rows;
}

}  // namespace

TEST_CASE("what was acknowledged is in the rows of an answer called complete") {
  ScratchFolder folder;
  auto log = EmbeddedLog::open(folder.path() + "/log");
  REQUIRE(ok(log));
  auto store = SegmentStore::open(folder.path() + "/store");
  REQUIRE(ok(store));
  auto ingestion = start_over(**log, **store);
  REQUIRE(wait_for([&] { return ingestion->progress().complete(); }));

  constexpr int kPosters = 3, kPosts = 150;
  std::atomic<int64_t> acknowledged = 0;
  std::atomic<int> faults = 0, claims = 0;
  std::vector<std::thread> posters;
  for (int p = 0; p < kPosters; ++p) {
    posters.emplace_back([&, p] {
      for (int i = 0; i < kPosts; ++i) {
        size_t count = static_cast<size_t>(1 + (i * 7 + p) % 40);
        if (!post(**log, count)) ++faults;
        int64_t before = acknowledged += static_cast<int64_t>(count);
        IngestionProgress progress = ingestion->progress();
        int64_t high = sum_of(
            progress, [](const PartitionProgress& one) { return one.high; });
        int64_t lag = sum_of(
            progress, [](const PartitionProgress& one) { return one.lag(); });
        if (high < before) ++faults;
        bool claimed = lag == 0 || progress.caught_up || progress.complete();
        claims += claimed;
        auto rows = static_cast<int64_t>(live_rows(**store));
        if (claimed && rows < before) ++faults;
      }
    });
  }
  for (std::thread& poster : posters) poster.join();
  CHECK(faults == 0);
  REQUIRE(wait_for([&] { return ingestion->progress().complete(); }));
  CHECK(static_cast<int64_t>(live_rows(**store)) == acknowledged);
  INFO("claims: " << claims);

  // Catching up at the start is another matter.
  ingestion->pause();
  REQUIRE(wait_for(
      [&] { return ingestion->progress().state == IngestionState::kPaused; }));
  REQUIRE(post(**log, 5));
  IngestionProgress progress = ingestion->progress();
  CHECK(!progress.caught_up);
  CHECK(sum_of(progress,
               [](const PartitionProgress& one) { return one.lag(); }) == 5);
  REQUIRE(ok(ingestion->stop()));
}
