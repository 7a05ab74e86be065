// A stream of sales over a log in memory, for tests of ingestion.
#pragma once

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <chrono>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "ingest/ingestion.h"
#include "tests/ingest/memory_source.h"
#include "tests/ingest/outcome.h"

namespace freshet {

inline IngestionSettings settings() {
  auto schema = std::make_shared<Schema>();
  schema->columns = {{"__time", {ColumnKind::kTimestamp, 0}, false},
                     {"store", {ColumnKind::kString, 0}, false},
                     {"qty", {ColumnKind::kLong, 0}, false}};
  IngestionSettings settings;
  settings.dataset = "sales";
  settings.decoder.schema = schema;
  settings.decoder.fields = {{1, "store", "", false}, {2, "qty", "", false}};
  return settings;
}

inline constexpr int64_t kDay = int64_t{24} * 3600 * 1000;

inline std::string event(int64_t ms, int64_t qty) {
  return fmt::format(R"({{"ts":{},"store":"S{}","qty":{}}})", ms, qty % 7, qty);
}

// Every qty in the store, live and sealed.
inline std::multiset<int64_t> quantities(const SegmentStore& store) {
  std::multiset<int64_t> all;
  auto timeline = store.timeline("sales");
  auto add = [&](const Segment& segment) {
    auto column = segment.column("qty");
    REQUIRE(ok(column));
    for (uint32_t b = 0; b < segment.num_blocks(); ++b) {
      std::vector<int64_t> values(segment.block_rows(b));
      (*column)->read_longs(b, values.data());
      all.insert(values.begin(), values.end());
    }
  };
  for (const auto& segment : timeline->sealed) add(*segment);
  for (const auto& live : timeline->live) add(*live->snapshot());
  return all;
}

inline bool wait_for(const std::function<bool()>& done) {
  for (int i = 0; i < 6000; ++i) {
    if (done()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return false;
}

inline std::unique_ptr<Ingestion> start(IngestionSettings settings,
                                        MemoryLog& log, SegmentStore& store) {
  return Ingestion::start(std::move(settings),
                          std::make_unique<MemorySource>(log), store);
}

inline int64_t next_total(const Ingestion& ingestion) {
  int64_t total = 0;
  for (const auto& p : ingestion.progress().partitions) total += p.next;
  return total;
}

}  // namespace freshet
