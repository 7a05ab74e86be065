// Columns that were renamed: segments of both names, sealed, hidden, merged,
// with cubes and rolled up, are read by the present one.
#include <doctest/doctest.h>

#include <numeric>

#include "segments/live_segment.h"
#include "segments/merger.h"
#include "segments/rollup.h"
#include "segments/segment_store.h"
#include "tests/segments/naive_cube.h"

namespace freshet {
namespace {

constexpr int64_t kHour = 3'600'000;
constexpr int64_t kStart = 1'795'000'000'000 / kHour * kHour;
const DatasetAliases kAliases = {{"store", {"outlet", "shop"}},
                                 {"pieces", {"qty"}}};

// A store whose dataset gets segments of hundred rows each.
struct Renamed {
  TemporaryFolder folder;
  std::unique_ptr<SegmentStore> store = *SegmentStore::open(folder.path());
  int64_t next = 0;

  std::shared_ptr<LiveSegment> live(const char* store_name,
                                    const char* pieces_name) {
    auto schema = std::make_shared<Schema>();
    schema->columns = {{"__time", {ColumnKind::kTimestamp, 0}, false},
                       {store_name, {ColumnKind::kString, 0}, false},
                       {pieces_name, {ColumnKind::kLong, 0}, false}};
    auto made =
        LiveSegment::create("live_" + std::to_string(next), schema,
                            {Timestamp{kStart}, Timestamp{kStart + kHour}});
    ColumnBatch batch(schema);
    for (int i = 0; i < 100; ++i, ++next) {
      batch.set_long(0, kStart + next);
      batch.set_string(1, batch.keep("s" + std::to_string(next % 3)));
      batch.set_long(2, next);
      batch.commit_row();
    }
    made->append(batch);
    made->freeze();
    return made;
  }
  void seal(const char* store_name, const char* pieces_name,
            const SealOptions& options = {}) {
    Seal seal;
    seal.dataset = "sales";
    seal.options = options;
    seal.live = {live(store_name, pieces_name)};
    store->add_live("sales", seal.live[0]);
    REQUIRE(store->seal(seal).has_value());
  }
  std::vector<std::shared_ptr<const Segment>> sealed() const {
    return store->timeline("sales")->sealed;
  }
  // Of the visible rows of all segments.
  int64_t sum_of(const char* name) const {
    int64_t sum = 0;
    for (const auto& segment : sealed()) {
      auto column = segment->column(name);
      REQUIRE(column.has_value());
      if (*column == nullptr) continue;
      std::vector<int64_t> values(kBlockRows);
      (*column)->read_longs(0, values.data());
      for (uint32_t row = 0; row < segment->num_rows(); ++row) {
        const Bitmap* hidden = segment->hidden_rows();
        if (hidden == nullptr || !hidden->contains(row)) sum += values[row];
      }
    }
    return sum;
  }
};

std::string names_of(const Segment& segment) {
  std::string names;
  for (const ColumnSpec& column : segment.schema().columns) {
    names += column.name + " ";
  }
  return names;
}

TEST_CASE("a segment is read by the present names of its columns") {
  Renamed one;
  one.seal("shop", "qty");
  one.seal("outlet", "pieces");
  uint64_t before = one.sealed()[0]->content_hash();
  one.store->set_aliases("sales", kAliases);
  CHECK(names_of(*one.sealed()[0]) == "__time store pieces ");
  CHECK(names_of(*one.sealed()[1]) == "__time store pieces ");
  CHECK(one.sum_of("pieces") == 199 * 100);
  CHECK(one.sum_of("qty") == 99 * 50);  // as planned before
  CHECK(one.sealed()[0]->content_hash() != before);
  // Hidden rows stay so, and may be hidden of what is renamed.
  std::string id = one.sealed()[0]->id();
  REQUIRE(one.store->hide("sales", {{id, {1, 2}}}, {}).has_value());
  CHECK(one.sum_of("pieces") == 199 * 100 - 3);
  one.store->set_aliases("sales", {});
  CHECK(names_of(*one.sealed()[0]) == "__time shop qty ");
  one.store->set_aliases("sales", kAliases);
  CHECK(one.sum_of("pieces") == 199 * 100 - 3);
  CHECK(one.sealed()[0]->num_visible_rows() == 98);
  // A new file with former names, as of a seal that was under way.
  one.seal("shop", "qty");
  CHECK(one.sum_of("pieces") == 299 * 150 - 3);
  // Its own column goes before an alias.
  one.seal("store", "qty");
  one.seal("outlet", "store2");
  CHECK(names_of(*one.sealed()[4]) == "__time store store2 ");
}

TEST_CASE("merged segments have the present names") {
  Renamed one;
  one.seal("shop", "qty");
  one.seal("outlet", "qty");
  one.store->set_aliases("sales", kAliases);
  one.seal("store", "pieces");
  Merge merge;
  merge.dataset = "sales";
  for (const auto& segment : one.sealed()) {
    merge.segments.push_back(segment->id());
  }
  REQUIRE(one.store->merge(merge).has_value());
  one.store->set_aliases("sales", {});
  REQUIRE(one.sealed().size() == 1);
  CHECK(names_of(*one.sealed()[0]) == "__time store pieces ");
  CHECK(one.sum_of("pieces") == 299 * 150);
}

CubeSpec cube_of(const std::string& store, const std::string& pieces) {
  CubeSpec spec;
  spec.name = "stores";
  spec.dimensions = {store};
  spec.granularity = *Granularity::parse("hour");
  spec.measures = {{pieces, kCubeSum}};
  return spec;
}

int64_t sum_in(const Segment& table, const std::string& column) {
  auto found = table.column(column);
  REQUIRE(found.has_value());
  REQUIRE(*found != nullptr);
  std::vector<int64_t> values(kBlockRows);
  (*found)->read_longs(0, values.data());
  return std::accumulate(values.begin(), values.begin() + table.num_rows(),
                         int64_t{0});
}

TEST_CASE("cubes have the present names") {
  Renamed one;
  SealOptions options;
  options.cubes = {cube_of("shop", "qty")};
  one.seal("shop", "qty", options);
  one.store->set_aliases("sales", kAliases);
  auto cubes = one.sealed()[0]->cubes();
  REQUIRE(cubes.has_value());
  REQUIRE((*cubes)->size() == 1);
  const Cube& cube = (*cubes)->front();
  CHECK(to_text(cube.spec) == to_text(cube_of("store", "pieces")));
  CHECK(names_of(*cube.table) ==
        "__time store #rows pieces#count pieces#sum_high pieces#sum ");
  CHECK(sum_in(*cube.table, "pieces#sum") == 99 * 50);
  CHECK(sum_in(*cube.table, "#rows") == 100);
}

TEST_CASE("what is rolled up has the present names, merged with others too") {
  Renamed one;
  SealOptions options;
  CubeSpec spec = cube_of("shop", "qty");
  spec.name = kRollupName;
  options.rollup = spec;
  one.seal("shop", "qty", options);
  one.seal("shop", "qty", options);
  one.store->set_aliases("sales", kAliases);
  spec = cube_of("store", "pieces");
  spec.name = kRollupName;
  options.rollup = spec;
  one.seal("store", "pieces", options);
  for (const auto& segment : one.sealed()) {
    auto rollup = segment->rollup();
    REQUIRE(rollup.has_value());
    CHECK(to_text((*rollup)->spec) == to_text(spec));
    CHECK(names_of(*segment) ==
          "__time store #rows pieces#count pieces#sum_high pieces#sum ");
  }
  Merge merge;
  merge.dataset = "sales";
  for (const auto& segment : one.sealed()) {
    merge.segments.push_back(segment->id());
  }
  auto merged = one.store->merge(merge);
  REQUIRE_MESSAGE(merged.has_value(), merged.error().message);
  REQUIRE(one.sealed().size() == 1);
  CHECK(one.sealed()[0]->num_rows() == 3);
  CHECK(sum_in(*one.sealed()[0], "pieces#sum") == 299 * 150);
}

}  // namespace
}  // namespace freshet
