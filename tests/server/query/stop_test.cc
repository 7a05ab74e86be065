// How often the merging and finishing of groups look at their query's control:
// so many rows take a few milliseconds.
#include <doctest/doctest.h>
#include <fmt/core.h>

#include "query_data.h"
#include "server/query/merged_partial.h"

namespace freshet::test {
namespace {

using F = Aggregate::Function;

constexpr uint64_t kGroups = 200'000;
constexpr uint64_t kRowsPerLook = 40'000;

// n and s are other in each row.
DatasetSnapshot made_data() {
  auto schema = sales_schema();
  auto live = LiveSegment::create("stop", schema, Interval{});
  ColumnBatch batch(schema);
  for (uint64_t i = 0; i < kGroups; ++i) {
    batch.set_long(0, static_cast<int64_t>(i));
    batch.set_string(1, batch.keep(fmt::format("key {}", i)));
    batch.set_long(3, static_cast<int64_t>(i));
    batch.set_double(4, 0.5);
    batch.commit_row();
    if (batch.num_rows() == 50'000) {
      live->append(batch);
      batch.clear();
    }
  }
  auto timeline = std::make_shared<Timeline>();
  timeline->live = {live};
  DatasetSnapshot data;
  data.schema = schema;
  data.timeline = timeline;
  return data;
}

struct Looks {
  uint64_t merging = 0, finishing = 0;
};

Looks looks_of(const Query& query, const DatasetSnapshot& data) {
  auto made = QueryPlan::create(query, *data.schema);
  REQUIRE_MESSAGE(made.has_value(), made.error().message);
  const auto plan = std::make_shared<const QueryPlan>(std::move(*made));
  QueryControl scanning(query.limits, nullptr);
  ScanPool pool(1);
  auto segments =
      prepare_segments(*plan, *data.timeline, scanning, pool, nullptr);
  REQUIRE_MESSAGE(segments.has_value(), segments.error().message);
  const auto ranges = split_blocks(*segments, 1);
  REQUIRE(ranges.size() == 1);
  Partial partial(*plan, ranges[0], scanning);
  REQUIRE(partial.scan(std::atomic<bool>(false)).has_value());

  QueryControl merging(query.limits, nullptr), finishing(query.limits, nullptr);
  MergedPartial merged(plan);
  REQUIRE(merged.merge(partial, merging).has_value());
  MergedPartial again(plan);  // as what was kept is merged
  REQUIRE(again.merge(merged, merging).has_value());
  Arena arena;
  REQUIRE(again.finish(finishing, arena).has_value());
  return {merging.looks(), finishing.looks()};
}

TEST_CASE("states of many groups are merged and finished in pieces") {
  const DatasetSnapshot data = made_data();
  for (const char* key : {"n", "s"}) {
    CAPTURE(key);
    Query query;
    query.groups = {{"key", column(key)}};
    const Looks groups = looks_of(query, data);
    CHECK(groups.merging >= 2 * 3 * (kGroups / kRowsPerLook));
    CHECK(groups.finishing >= kGroups / kRowsPerLook);
    for (F function :
         {F::kCount, F::kSum, F::kMin, F::kMax, F::kAvg, F::kCountDistinct,
          F::kFirst, F::kLast, F::kQuantile, F::kLastPerKeySum,
          F::kApproxDistinct, F::kApproxQuantile, F::kVariance, F::kBitAnd,
          F::kTexts, F::kArray}) {
      CAPTURE(static_cast<int>(function));
      for (const char* argument : {"n", "s", "d"}) {
        Aggregate wanted = aggregate(function, column(argument), "x");
        if (function == F::kLastPerKeySum) wanted.keys = {column("s")};
        query.aggregates = {wanted};
        if (!QueryPlan::create(query, *data.schema)) continue;
        const Looks looks = looks_of(query, data);
        CHECK(looks.merging >= groups.merging + 2 * (kGroups / kRowsPerLook));
        // Lanes are made, and then filled.
        CHECK(looks.finishing >=
              groups.finishing + 2 * (kGroups / kRowsPerLook));
      }
    }
  }
}

TEST_CASE("distinct values and quantiles of all rows are merged in pieces") {
  const DatasetSnapshot data = made_data();
  for (F function : {F::kCountDistinct, F::kQuantile, F::kLastPerKeySum}) {
    CAPTURE(static_cast<int>(function));
    Query query;
    Aggregate wanted = aggregate(function, column("n"), "x");
    wanted.parameter = 0.9;
    if (function == F::kLastPerKeySum) wanted.keys = {column("s")};
    query.aggregates = {wanted};
    CHECK(looks_of(query, data).merging >= 2 * (kGroups / kRowsPerLook));
  }
}

}  // namespace
}  // namespace freshet::test
