#include "ingest/row_key_index.h"

#include <doctest/doctest.h>

#include <map>
#include <random>

#include "segments/live_segment.h"
#include "tests/ingest/outcome.h"
#include "tests/ingest/scratch_folder.h"

using namespace freshet;

namespace {

KeyHash key_of(uint64_t number) {
  std::mt19937_64 random(number);
  return {random(), random()};
}

}  // namespace

TEST_CASE("the key index equals a map, in memory and spilled") {
  unsigned seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937_64 random(seed);
  ScratchFolder folder;
  for (uint64_t memory : {uint64_t{1} << 30, uint64_t{2} << 20}) {
    RowKeyIndex index(memory, folder.path() + "/keys");
    std::map<uint64_t, KeyEntry> model;
    for (int step = 0; step < 200'000; ++step) {
      uint64_t number = random() % 100'000;
      auto found = index.find(key_of(number));
      REQUIRE(ok(found));
      auto known = model.find(number);
      REQUIRE((*found != nullptr) == (known != model.end()));
      KeyEntry entry{step, static_cast<uint32_t>(number), 7};
      if (*found == nullptr) {
        index.insert(key_of(number), entry);
      } else {
        REQUIRE(**found == known->second);
        **found = entry;
      }
      model[number] = entry;
      if (step % 1000 == 0) REQUIRE(ok(index.keep_to_limit()));
    }
    REQUIRE(ok(index.keep_to_limit()));
    CHECK(index.memory_bytes() <= memory);
    CHECK((index.keys_spilled() > 0) == (memory < uint64_t{1} << 30));
    for (const auto& [number, entry] : model) {
      auto found = index.find(key_of(number));
      REQUIRE(ok(found));
      REQUIRE(*found != nullptr);
      REQUIRE(**found == entry);
    }
  }
}

TEST_CASE("visited entries are changed or forgotten") {
  ScratchFolder folder;
  RowKeyIndex index(1 << 30, folder.path() + "/keys");
  for (uint64_t i = 0; i < 10'000; ++i) {
    index.insert(key_of(i), {static_cast<int64_t>(i), 0, 0});
  }
  uint64_t before = index.memory_bytes();
  for (size_t table = 0; table < RowKeyIndex::kTables; ++table) {
    index.visit(table, [](KeyEntry& entry) {
      entry.row = 1;
      return entry.order >= 9000;
    });
  }
  CHECK(index.keys_in_memory() == 1000);
  CHECK(index.memory_bytes() < before);
  for (uint64_t i = 0; i < 10'000; ++i) {
    auto found = index.find(key_of(i));
    REQUIRE(ok(found));
    REQUIRE((*found != nullptr) == (i >= 9000));
    if (*found != nullptr) CHECK((*found)->row == 1);
  }
}

TEST_CASE("keys of a batch and of its segment are the same") {
  Schema schema;
  schema.columns = {{"__time", {ColumnKind::kTimestamp, 0}, false},
                    {"s", {ColumnKind::kString, 0}, false},
                    {"d", {ColumnKind::kDouble, 0}, false},
                    {"l", {ColumnKind::kLong, 0}, false}};
  auto shared = std::make_shared<const Schema>(schema);
  ColumnBatch batch(shared);
  std::mt19937_64 random(7);
  for (int i = 0; i < 5000; ++i) {
    batch.set_long(0, i);
    if (random() % 3) batch.set_string(1, batch.keep(std::to_string(i % 97)));
    if (random() % 3) batch.set_double(2, i % 5 - 2.0);
    if (random() % 3) batch.set_long(3, i % 11);
    batch.commit_row();
  }
  auto live = LiveSegment::create("x", shared, {Timestamp{0}, Timestamp{9999}});
  live->append(batch);
  auto segment = live->snapshot();
  KeyHasher hasher;
  std::vector<size_t> columns = {1, 2, 3};
  auto values = key_values(batch, columns);
  auto keys = SegmentKeys::open(*segment, schema, columns);
  REQUIRE(ok(keys));
  int without = 0;
  for (uint32_t row = 0; row < 5000; ++row) {
    auto read = keys->read(row / kBlockRows);
    auto here = hasher.hash(values, row);
    REQUIRE(here == hasher.hash(read, row % kBlockRows));
    CHECK(order_of(values[1], row) == order_of(read[1], row % kBlockRows));
    without += !here;
  }
  CHECK(without > 50);  // all three are null in one of 27 rows
}

TEST_CASE("order of doubles and nulls") {
  std::vector<double> doubles = {-1e300, -2.5, -0.0, 0.0, 1e-9, 3, 1e300};
  KeyValues values{ColumnKind::kDouble, {}, doubles, {}, {}};
  for (size_t i = 1; i < doubles.size(); ++i) {
    CHECK((order_of(values, i - 1) < order_of(values, i)) ==
          (doubles[i - 1] < doubles[i]));
  }
  std::vector<uint8_t> nulls(doubles.size(), 1);
  values.nulls = nulls;
  CHECK(order_of(values, 6) == INT64_MIN);
}
