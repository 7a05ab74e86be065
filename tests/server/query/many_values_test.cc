// Many groups and many distinct values: exact, in memory that is accounted
// for. Ten million rows; a million where every access is checked.
#include <doctest/doctest.h>
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "query_data.h"
#include "segments/sealed_segment.h"
#include "segments/segment_writer.h"
#include "tests/support/sanitized.h"

namespace freshet::test {
namespace {

using F = Aggregate::Function;

constexpr int64_t kRows = kSanitized ? 1'000'000 : 10'000'000;
constexpr int64_t kSegments = 5;
constexpr int64_t kKeys = kRows / 10;
constexpr int64_t kStride = 7919;  // has no factor of kRows: a permutation

// s: one of kKeys texts; t: a text, n: a number that no other row has; m: 0.01.
std::shared_ptr<LiveSegment> made_rows(int64_t from, int64_t to,
                                       const std::string& id) {
  auto schema = sales_schema();
  auto live = LiveSegment::create(id, schema, Interval{});
  ColumnBatch batch(schema);
  for (int64_t i = from; i < to; ++i) {
    int64_t value = i * kStride % kRows;
    batch.set_long(0, i);
    batch.set_string(1, batch.keep(fmt::format("key {}", value % kKeys)));
    batch.set_string(2, batch.keep(fmt::format("{:x}", value)));
    batch.set_long(3, value);
    batch.set_long(5, 1);
    batch.commit_row();
    if (batch.num_rows() == 50'000) {
      live->append(batch);
      batch.clear();
    }
  }
  live->append(batch);
  return live;
}

std::shared_ptr<const Segment> sealed(const LiveSegment& live,
                                      const std::string& id) {
  std::string path =
      (std::filesystem::temp_directory_path() / (id + ".seg")).string();
  auto written =
      write_segment(real_file_system(), *live.snapshot(), id, path, {});
  REQUIRE_MESSAGE(written.has_value(), written.error().message);
  auto opened = open_segment(path);
  REQUIRE_MESSAGE(opened.has_value(), opened.error().message);
  std::filesystem::remove(path);
  return *opened;
}

DatasetSnapshot made_data() {
  auto timeline = std::make_shared<Timeline>();
  for (int64_t i = 0; i < kSegments; ++i) {
    std::string id = fmt::format("many_{}_{}", getpid(), i);
    auto live =
        made_rows(i * kRows / kSegments, (i + 1) * kRows / kSegments, id);
    if (i + 1 == kSegments) {
      timeline->live = {live};
      continue;
    }
    live->freeze();
    timeline->sealed.push_back(sealed(*live, id));
  }
  DatasetSnapshot data;
  data.schema = sales_schema();
  data.timeline = timeline;
  return data;
}

TEST_CASE("ten million distinct values and a million groups") {
  static const DatasetSnapshot data = made_data();
  OneDataset catalog("many", data);
  auto runner = Runner::create(catalog, 2);
  Query query;

  SUBCASE("distinct numbers and texts, exact and about") {
    query.aggregates = {aggregate(F::kCountDistinct, column("n"), "n"),
                        aggregate(F::kCountDistinct, column("s"), "s"),
                        aggregate(F::kApproxDistinct, column("n"), "about n"),
                        aggregate(F::kApproxDistinct, column("t"), "about t")};
    auto result = runner->run_on(query, data);
    REQUIRE_MESSAGE(result.has_value(), result.error().message);
    const Row& row = result->rows.at(0);
    CHECK(*row[0].as_long() == kRows);
    CHECK(*row[1].as_long() == kKeys);
    for (size_t i : {2, 3}) {  // five standard errors
      double off = static_cast<double>(*row[i].as_long()) / kRows - 1;
      CHECK(std::abs(off) < 5 * 0.0081);
    }
  }
  SUBCASE("as many distinct texts: exact, or the limit by its name") {
    query.aggregates = {aggregate(F::kCountDistinct, column("t"), "t")};
    query.limits.max_memory_bytes = uint64_t{4} << 30;
    auto result = runner->run_on(query, data);
    REQUIRE_MESSAGE(result.has_value(), result.error().message);
    CHECK(*result->rows.at(0)[0].as_long() == kRows);
    query.limits.max_memory_bytes = 4 << 20;
    auto refused = runner->run_on(query, data);
    REQUIRE(!refused.has_value());
    CHECK(refused.error().code == ErrorCode::kLimit);
    CHECK(refused.error().message.find("max_memory_bytes") !=
          std::string::npos);
  }
  SUBCASE("a group for each key") {
    query.groups = {{"s", column("s")}};
    query.aggregates = {aggregate(F::kCount, nullptr, "c"),
                        aggregate(F::kSum, column("n"), "n"),
                        aggregate(F::kSum, column("m"), "m"),
                        aggregate(F::kMax, column("n"), "top")};
    auto result = runner->run_on(query, data);
    REQUIRE_MESSAGE(result.has_value(), result.error().message);
    REQUIRE(result->rows.size() == kKeys);
    // Key k has the numbers k, k + kKeys, ..., k + 9 kKeys.
    int64_t wrong = 0;
    std::vector<bool> seen(kKeys);
    for (const Row& row : result->rows) {
      int64_t key = std::stoll(row[0].as_string()->substr(4));
      seen[key] = true;
      wrong += *row[1].as_long() != 10 ||
               *row[2].as_long() != 10 * key + 45 * kKeys ||
               row[3].to_text() != "0.10" ||
               *row[4].as_long() != key + 9 * kKeys;
    }
    CHECK(wrong == 0);
    CHECK(std::find(seen.begin(), seen.end(), false) == seen.end());

    query.order_by = {{"top", true, {}}};
    query.limit = 3;
    result = runner->run_on(query, data);
    REQUIRE_MESSAGE(result.has_value(), result.error().message);
    REQUIRE(result->rows.size() == 3);
    for (int64_t i = 0; i < 3; ++i) {
      CHECK(*result->rows[i][4].as_long() == kRows - 1 - i);
    }
  }
  SUBCASE("a group for each row, the first of which are wanted") {
    query.groups = {{"n", column("n")}};
    query.aggregates = {aggregate(F::kSum, column("n"), "x")};
    query.order_by = {{"x", true, {}}};
    query.limit = 2;
    query.limits.max_memory_bytes = uint64_t{4} << 30;
    auto result = runner->run_on(query, data);
    REQUIRE_MESSAGE(result.has_value(), result.error().message);
    REQUIRE(result->rows.size() == 2);
    CHECK(*result->rows[0][1].as_long() == kRows - 1);
    CHECK(*result->rows[1][1].as_long() == kRows - 2);
    query.limits.max_groups = kRows - 1;
    auto refused = runner->run_on(query, data);
    REQUIRE(!refused.has_value());
    CHECK(refused.error().message.find("max_groups") != std::string::npos);
  }
}

}  // namespace
}  // namespace freshet::test
