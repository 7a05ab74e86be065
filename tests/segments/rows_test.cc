// Rows that replace others, against a model: what queries see, what is durable,
// where rows have come to.
#include <doctest/doctest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <set>

#include "segments/masked_segment.h"
#include "segments/segment_store.h"
#include "tests/support/row_model.h"

namespace freshet {
namespace {

constexpr int64_t kHour = 3'600'000;

std::shared_ptr<const Schema> schema() {
  auto schema = std::make_shared<Schema>();
  schema->columns = {{"__time", {ColumnKind::kTimestamp, 0}, false},
                     {"value", {ColumnKind::kLong, 0}, false},
                     {"mixed", {ColumnKind::kLong, 0}, false}};
  return schema;
}

std::vector<int64_t> values_of(const Segment& segment) {
  std::vector<int64_t> all;
  const Column* column = *segment.column("value");
  for (uint32_t b = 0; b < segment.num_blocks(); ++b) {
    std::vector<int64_t> values(segment.block_rows(b));
    column->read_longs(b, values.data());
    all.insert(all.end(), values.begin(), values.end());
  }
  return all;
}

struct Generation {
  uint64_t number = 1;
  std::map<int64_t, std::shared_ptr<LiveSegment>> live;  // by hour
  std::set<int64_t> rows;                                // their values
  std::set<int64_t> replaced;                            // hidden by it
};

struct Rows {
  explicit Rows(uint64_t seed) : random(seed) { open(); }

  void open() {
    store.reset();
    auto opened = SegmentStore::open(folder.path());
    REQUIRE_MESSAGE(opened.has_value(), opened.error().message);
    store = std::move(*opened);
    // What is not durable is gone, what it replaced is back.
    for (const Generation& one : unsealed) {
      for (int64_t value : one.rows) visible.erase(value);
      for (int64_t value : one.replaced) visible.insert(value);
    }
    for (const Generation& one : unsealed) {
      for (int64_t value : one.rows) visible.erase(value);
    }
    uint64_t next = unsealed.back().number + 1;
    unsealed.clear();
    unsealed.emplace_back().number = next;
    watch();
    places.clear();
    for (const auto now = store->timeline("d");
         const auto& segment : now->sealed) {
      std::vector<int64_t> values = values_of(*segment);
      for (uint32_t i = 0; i < values.size(); ++i) {
        places[values[i]] = {segment->id(), i};
      }
    }
  }

  void watch() {
    store->watch_rows("d", [this](RowMoves moves) {
      std::map<std::string, const RowMoves::Move*> moved;
      for (const auto& move : moves.moved) moved[move.from] = &move;
      for (auto& [value, place] : places) {
        auto found = moved.find(place.first);
        if (found == moved.end()) {
          if (std::find(moves.dropped.begin(), moves.dropped.end(),
                        place.first) != moves.dropped.end()) {
            place.second = kNoRow;
          }
          continue;
        }
        uint32_t row = place.second;
        if (row != kNoRow) row = found->second->rows.at(row);
        place = {found->second->to, row};
      }
    });
  }

  void replace() {
    Generation& open = unsealed.back();
    RowChange change;
    change.generation = open.number;
    std::map<std::string, std::vector<uint32_t>> hide;
    for (uint64_t n = random() % 20; n > 0 && !visible.empty(); --n) {
      auto one = std::next(visible.begin(),
                           static_cast<int64_t>(random() % visible.size()));
      auto& [segment, row] = places.at(*one);
      hide[segment].push_back(row);
      open.replaced.insert(*one);
      visible.erase(one);
    }
    for (auto& [segment, rows] : hide) {
      std::sort(rows.begin(), rows.end());
      change.hide.push_back({segment, rows});
    }
    for (int64_t hour = 0; hour < 2; ++hour) append(hour, change);
    Status status = store->change_rows("d", change);
    REQUIRE_MESSAGE(status.has_value(), status.error().message);
  }

  void append(int64_t hour, RowChange& change) {
    Generation& open = unsealed.back();
    auto& live = open.live[hour];
    if (!live) {
      live = LiveSegment::create(
          "live_" + std::to_string(++num_lives), schema(),
          {Timestamp{hour * kHour}, Timestamp{(hour + 1) * kHour}});
    }
    ColumnBatch batch(live->schema());
    for (uint64_t n = random() % 30; n > 0; --n) {
      batch.set_long(0, hour * kHour + static_cast<int64_t>(random() % 1000));
      batch.set_long(1, ++last_value);
      batch.set_long(2, static_cast<int64_t>(random() % 1000));
      batch.commit_row();
      places[last_value] = {
          live->id(),
          live->num_rows() + static_cast<uint32_t>(batch.num_rows()) - 1};
      open.rows.insert(last_value);
      visible.insert(last_value);
    }
    live->append(batch);
    // Not published: nobody may see it.
    change.visible.emplace_back(live, live->num_rows());
  }

  void seal_front() {
    if (unsealed.size() == 1)
      unsealed.emplace_back().number = unsealed.back().number + 1;
    Generation& front = unsealed.front();
    Seal seal;
    seal.dataset = "d";
    seal.generation = front.number;
    if (random() % 2) seal.options.sort_by = {"mixed"};
    for (auto& [hour, live] : front.live) {
      live->freeze();
      seal.live.push_back(live);
    }
    auto sealed = store->seal(seal);
    REQUIRE_MESSAGE(sealed.has_value(), sealed.error().message);
    unsealed.pop_front();
  }

  void freeze() {
    if (unsealed.size() < 3) {
      uint64_t next = unsealed.back().number + 1;
      unsealed.emplace_back().number = next;
    }
  }

  void merge() {
    Merge merge;
    merge.dataset = "d";
    int64_t hour = static_cast<int64_t>(random() % 2);
    for (const SegmentRecord& record : *store->metadata().segments("d")) {
      if (record.granule.start.ms == hour * kHour) {
        merge.segments.push_back(record.id);
      }
    }
    if (merge.segments.empty()) return;
    if (random() % 2) merge.options.sort_by = {"mixed"};
    auto merged = store->merge(merge);
    REQUIRE_MESSAGE(merged.has_value(), merged.error().message);
  }

  // A deletion for good, of rows that may be replaced already, too.
  void hide() {
    if (places.empty()) return;
    auto one = std::next(places.begin(),
                         static_cast<int64_t>(random() % places.size()));
    auto [segment, row] = one->second;
    if (row == kNoRow) return;
    auto hidden = store->hide("d", {{segment, {row}}}, {});
    REQUIRE_MESSAGE(hidden.has_value(), hidden.error().message);
    CHECK(*hidden == visible.erase(one->first));
    for (Generation& open : unsealed) {
      open.replaced.erase(one->first);  // does not come back
    }
  }

  void check() {
    std::set<int64_t> seen;
    auto timeline = store->timeline("d");
    auto add = [&](const Segment& segment) {
      std::vector<int64_t> values = values_of(segment);
      for (uint32_t i = 0; i < values.size(); ++i) {
        const Bitmap* hidden = segment.hidden_rows();
        if (hidden && hidden->contains(i)) continue;
        REQUIRE(seen.insert(values[i]).second);
        auto place = std::pair(segment.id(), i);
        REQUIRE(places.at(values[i]) == place);
      }
    };
    for (const auto& segment : timeline->sealed) add(*segment);
    for (const auto& live : timeline->live) add(*live->snapshot());
    REQUIRE(seen == visible);
  }

  TemporaryFolder folder{true};
  std::mt19937_64 random;
  std::unique_ptr<SegmentStore> store;
  std::deque<Generation> unsealed{1};  // the last one is open
  std::set<int64_t> visible;
  std::map<int64_t, std::pair<std::string, uint32_t>> places;
  int64_t last_value = 0;
  int num_lives = 0;
};

}  // namespace

TEST_CASE("replaced rows: what is seen, what is durable, where rows are") {
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    CAPTURE(seed);
    Rows rows(seed);
    for (int step = 0; step < 120; ++step) {
      CAPTURE(step);
      switch (rows.random() % 12) {
        case 0:
          rows.open();
          break;
        case 1:
        case 2:
          rows.merge();
          break;
        case 3:
          rows.freeze();
          break;
        case 4:
        case 5:
          rows.seal_front();
          break;
        case 6:
          rows.hide();
          break;
        case 7:
          if (rows.random() % 4 == 0) {
            rows.store->drop_live("d");
            rows.open();
          }
          break;
        default:
          rows.replace();
      }
      rows.check();
    }
  }
}

TEST_CASE("rows that are appended but not published are not seen") {
  TemporaryFolder folder(true);
  auto store = *SegmentStore::open(folder.path());
  auto live =
      LiveSegment::create("live_1", schema(), {Timestamp{0}, Timestamp{kHour}});
  ColumnBatch batch(live->schema());
  for (int64_t i = 0; i < 5; ++i) {
    batch.set_long(1, i);
    batch.commit_row();
  }
  live->append(batch);
  CHECK(store->change_rows("d", {1, {{live, 5}}, {}}).has_value());
  live->append(batch);
  auto seen = store->timeline("d")->live.at(0);
  CHECK(seen->num_rows() == 5);
  CHECK(values_of(*seen->snapshot()).size() == 5);
  CHECK(store->change_rows("d", {1, {{live, 10}}, {{"live_1", {3, 4}}}})
            .has_value());
  auto now = store->timeline("d")->live.at(0)->snapshot();
  CHECK(now->num_rows() == 10);
  CHECK(now->num_visible_rows() == 8);
  // Whoever has the older timeline still has the older rows.
  CHECK(seen->snapshot()->num_visible_rows() == 5);
  CHECK(store->change_rows("d", {1, {}, {{"live_9", {0}}}}).error().code ==
        ErrorCode::kConflict);
  CHECK(store->change_rows("d", {1, {}, {{"live_1", {10}}}}).error().code ==
        ErrorCode::kInvalid);
}

}  // namespace freshet
