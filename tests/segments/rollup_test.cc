// Rows that are rolled up against a naive grouping of the same rows: sealed,
// merged, merged again, with cubes, rows hidden, restarts; files and plans.
#include "segments/rollup.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "segments/live_segment.h"
#include "segments/merger.h"
#include "segments/quantile_sketch.h"
#include "segments/sealed_segment.h"
#include "segments/segment_store.h"
#include "tests/segments/naive_cube.h"

namespace freshet {
namespace {

using Random = std::mt19937_64;

constexpr int64_t kHour = 3'600'000;
constexpr int64_t kStart = 1'795'000'000'000 / kHour * kHour;

std::shared_ptr<LiveSegment> live_of(const std::vector<Row>& rows,
                                     const std::string& id = "live_1") {
  auto live = LiveSegment::create(
      id, cube_rows_schema(), {Timestamp{kStart}, Timestamp{kStart + kHour}});
  ColumnBatch batch(live->schema());
  for (const Row& row : rows) append_row(batch, row);
  live->append(batch);
  return live;
}

// Quantile sketches of merged rows are of other bytes than those of the rows;
// what they say is checked elsewhere.
CubeMeasure without_quantiles(CubeMeasure measure) {
  measure.states &= ~uint32_t{kCubeQuantiles};
  return measure;
}

void check_table(const Segment& table, const CubeSpec& spec,
                 const std::vector<Row>& rows) {
  auto groups = naive_groups(spec, rows);
  CHECK(table.num_visible_rows() == groups.size());
  for (const Row& cells : read_rows(table)) {
    Row key(cells.begin(),
            cells.begin() + static_cast<ptrdiff_t>(1 + spec.dimensions.size()));
    auto at = groups.find(key_text(key));
    REQUIRE(at != groups.end());
    TableRow row(table, cells);
    CHECK(row("#rows") == Cell(static_cast<int64_t>(at->second.size())));
    for (const CubeMeasure& measure : spec.measures) {
      check_measure(row, without_quantiles(measure), *cube_rows_schema(),
                    nullptr, at->second);
    }
    groups.erase(at);
  }
  CHECK(groups.empty());
}

std::shared_ptr<const Segment> sealed(const TemporaryFolder& folder,
                                      const std::string& name,
                                      const Segment& rows,
                                      const SealOptions& options) {
  std::string path = folder.path() + "/" + name;
  auto written = write_segment(real_file_system(), rows, name, path, options);
  REQUIRE_MESSAGE(written.has_value(), written.error().message);
  Status verified = verify_segment(path);
  REQUIRE_MESSAGE(verified.has_value(), verified.error().message);
  return *open_segment(path);
}

TEST_CASE("a rolled-up segment has the states of its rows") {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    CubeSpec spec = random_rollup(random);
    std::vector<Row> rows =
        rollup_rows(random, spec, 1 + random() % 2000, kStart);
    TemporaryFolder folder;
    SealOptions options;
    options.rollup = spec;
    for (const std::string& name : spec.dimensions) {
      if (random() % 2) options.sort_by.push_back(name);
    }
    auto segment = sealed(folder, "a", *live_of(rows)->snapshot(), options);
    check_table(*segment, spec, rows);
    const Rollup* rollup = *segment->rollup();
    REQUIRE(rollup != nullptr);
    CHECK(rollup->spec == spec);
    auto made = rollup_of(spec, *cube_rows_schema());
    REQUIRE_MESSAGE(made.has_value(), made.error().message);
    CHECK(to_text(rollup) == to_text(&*made));
    CHECK(dump_segment(folder.path() + "/a", 1)->find("rolled up by ") !=
          std::string::npos);
    // Written again it stays what it is, byte by byte.
    SealOptions as_is;
    as_is.sort_by = options.sort_by;
    auto again = sealed(folder, "a2", *segment, as_is);
    CHECK(read_rows(*again).size() == read_rows(*segment).size());
    CHECK(to_text(*again->rollup()) == to_text(rollup));
  }
}

// The quantile sketch of all rows of a measure, from its states.
QuantileSketch quantiles_of(const Segment& table, const std::string& measure) {
  QuantileSketch all;
  for (const Row& row : read_rows(table)) {
    auto bytes = std::get<std::string>(TableRow(table, row)(measure));
    all.merge(*QuantileSketch::from_bytes(bytes));
  }
  return all;
}

TEST_CASE("cubes of rolled-up rows are those of the rows") {
  int built = 0;
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    CubeSpec spec = random_rollup(random);
    spec.measures.clear();
    spec.dimensions = {"store", "channel", "web"};
    for (const char* name : {"grade", "net", "big", "real", "member", "none"}) {
      auto schema = cube_rows_schema();
      ColumnType type = schema->columns[*schema->find(name)].type;
      spec.measures.push_back({name, possible_rollup_states(type)});
    }
    std::vector<Row> rows = rollup_rows(random, spec, 3000, kStart);
    CubeSpec cube;
    cube.name = "by_channel";
    cube.granularity = *Granularity::parse("hour");
    cube.dimensions = {"channel"};
    for (const CubeMeasure& m : spec.measures) {
      auto schema = cube_rows_schema();
      ColumnType type = schema->columns[*schema->find(m.column)].type;
      cube.measures.push_back(
          {m.column, m.states & possible_cube_states(type)});
    }
    // Of a dimension: what does not depend on how many rows are behind one.
    cube.measures.push_back({"store", kCubeDistinct | kCubeApproxDistinct});
    CubeSpec wrong = cube;
    wrong.name = "wrong";
    wrong.measures = {{"web", kCubeFirst}};
    SealOptions options{{"store"}, {cube, wrong}, spec};
    TemporaryFolder folder;
    auto segment = sealed(folder, "a", *live_of(rows)->snapshot(), options);
    auto cubes = *segment->cubes();
    if (cubes == nullptr) continue;  // rolled up to as few rows itself
    ++built;
    REQUIRE(cubes->size() == 1);  // without the wrong one
    const Segment& table = *cubes->front().table;
    auto groups = naive_groups(cube, rows);
    CHECK(table.num_rows() == groups.size());
    for (const Row& cells : read_rows(table)) {
      auto at = groups.find(key_text({cells[0], cells[1]}));
      REQUIRE(at != groups.end());
      TableRow row(table, cells);
      CHECK(row("#rows") == Cell(static_cast<int64_t>(at->second.size())));
      for (const CubeMeasure& measure : cubes->front().spec.measures) {
        check_measure(row, without_quantiles(measure), *cube_rows_schema(),
                      segment.get(), at->second);
      }
    }
    CHECK(quantiles_of(table, "net#quantiles").size() ==
          quantiles_of(*segment, "net#quantiles").size());
  }
  CHECK(built > 10);
}

// A store of one dataset that is rolled up, and all rows that count.
struct Store {
  explicit Store(uint64_t seed) : random(seed), spec(random_rollup(random)) {
    if (std::ranges::find(spec.dimensions, "store") == spec.dimensions.end()) {
      std::erase_if(spec.measures,
                    [](const auto& m) { return m.column == "store"; });
      spec.dimensions.push_back("store");
    }
    for (CubeMeasure& m : spec.measures) {
      if (m.column == "big") m.states |= kCubeSum;
    }
    open();
  }

  void open() {
    store.reset();
    store = *SegmentStore::open(folder.path());
  }

  void append(uint64_t count) {
    std::vector<Row> more = rollup_rows(random, spec, count, kStart);
    if (!live) {
      live = live_of(more, "live_" + std::to_string(++lives));
      store->add_live("sales", live);
    } else {
      ColumnBatch batch(live->schema());
      for (const Row& row : more) append_row(batch, row);
      live->append(batch);
    }
    unsealed.insert(unsealed.end(), more.begin(), more.end());
  }

  Result<SealStats> seal() {
    if (!live) return SealStats();
    live->freeze();
    Seal seal;
    seal.dataset = "sales";
    seal.live = {live};
    seal.options.rollup = spec;
    if (random() % 2) seal.options.sort_by = {"store"};
    return store->seal(seal);
  }
  void is_sealed() {
    live.reset();
    rows.insert(rows.end(), unsealed.begin(), unsealed.end());
    unsealed.clear();
  }

  Result<MergeStats> merge() {
    Merge merge;
    merge.dataset = "sales";
    for (const auto now = store->timeline("sales");
         const auto& segment : now->sealed) {
      if (merge.segments.size() < 2 + random() % 4) {
        merge.segments.push_back(segment->id());
      }
    }
    if (merge.segments.empty()) return MergeStats();
    return store->merge(merge);
  }

  // All rows of a store, as a privacy request would; "" is null.
  Result<uint64_t> hide(const std::string& value) {
    std::vector<HideRows> hide;
    auto timeline = store->timeline("sales");
    std::vector<std::shared_ptr<const Segment>> all = timeline->sealed;
    for (const auto& one : timeline->live) all.push_back(one->snapshot());
    for (const auto& segment : all) {
      HideRows one{segment->id(), {}};
      size_t at = *segment->schema().find("store");
      std::vector<Row> cells = read_rows(*segment);
      for (uint32_t i = 0; i < cells.size(); ++i) {
        if (is(cells[i][at], value)) one.rows.push_back(i);
      }
      if (!one.rows.empty()) hide.push_back(std::move(one));
    }
    auto hidden = store->hide("sales", hide, {});
    if (!hidden) return hidden;
    for (auto* list : {&rows, &unsealed}) {
      std::erase_if(*list, [&](const Row& row) { return is(row[1], value); });
    }
    return hidden;
  }

  static bool is(const Cell& cell, const std::string& value) {
    auto* text = std::get_if<std::string>(&cell);
    return text ? *text == value : value.empty();
  }

  // Rows and the sum of `big` by group: over all segments, live and sealed.
  std::map<std::string, std::pair<int64_t, __int128>> seen() {
    std::map<std::string, std::pair<int64_t, __int128>> groups;
    auto add = [&](const Segment& segment) {
      std::vector<Row> cells = read_rows(segment);
      const Bitmap* hidden = segment.hidden_rows();
      const Rollup* rollup = *segment.rollup();
      for (uint32_t i = 0; i < cells.size(); ++i) {
        if (hidden && hidden->contains(i)) continue;
        TableRow row(segment, cells[i]);
        Row key = {cells[i][0]};
        for (const auto& name : spec.dimensions) key.push_back(row(name));
        auto& group = groups[key_text(key)];
        if (rollup == nullptr) {
          ++group.first;
          if (auto* n = std::get_if<int64_t>(&row("big"))) group.second += *n;
          continue;
        }
        group.first += std::get<int64_t>(row("#rows"));
        __int128 high = std::get<int64_t>(row("big#sum_high"));
        group.second += (high << 64) + std::get<int64_t>(row("big#sum"));
      }
    };
    auto timeline = store->timeline("sales");
    for (const auto& segment : timeline->sealed) add(*segment);
    for (const auto& one : timeline->live) add(*one->snapshot());
    return groups;
  }

  std::map<std::string, std::pair<int64_t, __int128>> expected() {
    std::vector<Row> all = rows;
    all.insert(all.end(), unsealed.begin(), unsealed.end());
    std::map<std::string, std::pair<int64_t, __int128>> groups;
    for (const auto& [key, of] : naive_groups(spec, all)) {
      auto& group = groups[key];
      for (const Row& row : of) {
        ++group.first;
        if (auto* n = std::get_if<int64_t>(&row[6])) group.second += *n;
      }
    }
    return groups;
  }

  Random random;
  CubeSpec spec;
  TemporaryFolder folder{true};
  std::unique_ptr<SegmentStore> store;
  std::shared_ptr<LiveSegment> live;
  std::vector<Row> rows, unsealed;  // that count
  int lives = 0;
};

TEST_CASE("random operations on rolled-up rows agree with a list of rows") {
  int merges = 0, hides = 0;
  for (uint64_t seed = 1; seed <= 8; ++seed) {
    CAPTURE(seed);
    Store store(seed);
    for (int step = 0; step < 250; ++step) {
      CAPTURE(step);
      uint64_t choice = store.random() % 100;
      if (choice < 55) {
        store.append(store.random() % 40);
      } else if (choice < 75) {
        auto stats = store.seal();
        REQUIRE_MESSAGE(stats.has_value(), stats.error().message);
        store.is_sealed();
      } else if (choice < 85) {
        auto stats = store.merge();
        REQUIRE_MESSAGE(stats.has_value(), stats.error().message);
        merges += stats->segments_read > 1;
      } else if (choice < 92) {
        auto hidden =
            store.hide(choice % 2 ? "S" + std::to_string(choice % 3) : "");
        REQUIRE_MESSAGE(hidden.has_value(), hidden.error().message);
        hides += *hidden > 0;
      } else if (choice < 95) {
        store.live.reset();
        store.unsealed.clear();
        store.open();
      }
      if (choice >= 55) REQUIRE(store.seen() == store.expected());
    }
    // In the end all of it is one table with every state right.
    REQUIRE(store.seal().has_value());
    store.is_sealed();
    for (int i = 0; i < 60; ++i) REQUIRE(store.merge().has_value());
    auto sealed = store.store->timeline("sales")->sealed;
    if (store.rows.empty()) continue;
    REQUIRE(sealed.size() == 1);
    check_table(*sealed[0], store.spec, store.rows);
  }
  CHECK(merges > 40);
  CHECK(hides > 20);
}

// There is no row in the new file that could be hidden for one of many.
TEST_CASE("rows hidden while they are rolled up are not in what is made") {
  TemporaryFolder folder;
  std::function<Status()> in_between = [] { return Status(); };
  Pace pace = [&](uint64_t) { return in_between(); };
  PacedFiles files(real_file_system(), pace);
  auto store = *SegmentStore::open(folder.path(), files);
  Random random(7);
  CubeSpec spec;
  spec.name = kRollupName;
  spec.granularity = *Granularity::parse("all");
  spec.dimensions = {"store"};
  spec.measures = {{"net", kCubeSum}};
  std::vector<Row> rows = rollup_rows(random, spec, 500, kStart);
  auto live = live_of(rows);
  store->add_live("sales", live);
  live->freeze();
  int hides = 0;
  auto hide_next = [&](const std::string& segment) -> Status {
    if (hides >= 2) return {};
    TRY(store->hide("sales", {{segment, {static_cast<uint32_t>(hides++)}}},
                    {}));
    return {};
  };
  in_between = [&] { return hide_next("live_1"); };
  Seal seal;
  seal.dataset = "sales";
  seal.live = {live};
  seal.options.rollup = spec;
  auto stats = store->seal(seal);
  REQUIRE_MESSAGE(stats.has_value(), stats.error().message);
  in_between = [] { return Status(); };
  CHECK(hides == 2);
  rows.erase(rows.begin(), rows.begin() + 2);
  auto sealed = store->timeline("sales")->sealed;
  REQUIRE(sealed.size() == 1);
  check_table(*sealed[0], spec, rows);
  // A merge gives up and comes again.
  Merge merge;
  merge.dataset = "sales";
  merge.segments = {sealed[0]->id()};
  merge.pace = [&](uint64_t) -> Status {
    return hides++ == 2
               ? store->hide("sales", {{sealed[0]->id(), {0}}}, {}).has_value()
                     ? Status()
                     : Status(invalid("not hidden"))
               : Status();
  };
  auto merged = store->merge(merge);
  REQUIRE(!merged.has_value());
  CHECK(merged.error().code == ErrorCode::kConflict);
  REQUIRE(store->merge(merge).has_value());
  CHECK(store->timeline("sales")->sealed[0]->num_rows() ==
        sealed[0]->num_rows() - 1);
  CHECK(real_file_system().list(folder.path() + "/segments/sales")->size() ==
        1);
}

TEST_CASE("rows and rolled-up rows are not merged with each other") {
  TemporaryFolder folder;
  auto store = *SegmentStore::open(folder.path());
  Random random(3);
  CubeSpec minutes = random_rollup(random), hours = minutes;
  minutes.granularity = *Granularity::parse("minute");
  hours.granularity = *Granularity::parse("hour");
  std::vector<std::optional<CubeSpec>> kinds = {
      std::nullopt, std::nullopt, std::nullopt, std::nullopt, minutes,
      minutes,      minutes,      minutes,      hours,        minutes};
  for (size_t i = 0; i < kinds.size(); ++i) {
    auto live = live_of(rollup_rows(random, hours, 400, kStart),
                        "live_" + std::to_string(i));
    store->add_live("sales", live);
    live->freeze();
    Seal seal;
    seal.dataset = "sales";
    seal.live = {live};
    seal.options.rollup = kinds[i];
    REQUIRE(store->seal(seal).has_value());
  }
  Merge merge;
  merge.dataset = "sales";
  for (const auto now = store->timeline("sales");
       const auto& segment : now->sealed) {
    merge.segments.push_back(segment->id());
  }
  auto refused = store->merge(merge);
  REQUIRE(!refused.has_value());
  CHECK(refused.error().code == ErrorCode::kInvalid);
  // The merger knows without opening a file, and does not try.
  store.reset();
  store = *SegmentStore::open(folder.path());
  Merger merger(*store, [](const std::string&, const auto& result) {
    CHECK(result.has_value());
  });
  merger.set_policy("sales", {});
  CHECK(merger.run_once() == 2);
  auto sealed = store->timeline("sales")->sealed;
  REQUIRE(sealed.size() == 4);
  CHECK(*sealed[0]->rollup() == nullptr);
  CHECK(sealed[0]->num_rows() == 1600);
  CHECK((*sealed[1]->rollup())->spec == minutes);
}

TEST_CASE("a rollup fits its columns") {
  Schema schema = *cube_rows_schema();
  CubeSpec spec;
  spec.name = kRollupName;
  spec.dimensions = {"store"};
  spec.measures = {{"real", kCubeSum}};
  CHECK(rollup_schema(spec, schema).has_value());
  CHECK(!cube_schema(spec, schema).has_value());  // doubles are not summed
  spec.measures = {{"member", kCubeDistinct}};
  CHECK(!rollup_schema(spec, schema).has_value());
  spec.measures = {{"net", kCubeSum}};
  spec.dimensions = {"no such"};
  auto live = live_of({});
  CHECK(roll_up(*live->snapshot(), spec).error().code == ErrorCode::kInvalid);
}

}  // namespace
}  // namespace freshet
