// Exact counts of distinct values that most segments have alone: the same as a
// set of all of them, whatever segments share, whatever comes, goes, or is
// sealed, by whatever groups.
#include "server/query/distinct_parts.h"

#include <doctest/doctest.h>
#include <fmt/core.h>

#include <map>
#include <optional>
#include <random>
#include <set>

#include "query_data.h"
#include "segments/masked_segment.h"
#include "server/query/partial_cache.h"

namespace freshet::test {
namespace {

using F = Aggregate::Function;

// Segments of receipts: a store and the number of a receipt a row.
class Receipts {
 public:
  // `random`: numbers like those of a UUID, so that the bounds of all segments
  // overlap; else they ascend with time.
  explicit Receipts(bool random) : any_order_(random) {
    data_.schema = sales_schema();
    begin_live();
  }

  void append(uint32_t rows) {
    ColumnBatch batch(data_.schema);
    for (uint32_t i = 0; i < rows; ++i) {
      ++clock_;
      if (number_ == 0 || random_() % 3 == 0) number_ = next_number();
      // Now and then a line that is late by far, or comes twice.
      const uint64_t number = random_() % 500 == 0 && clock_ > 1000
                                  ? number_of(random_() % clock_)
                                  : number_;
      std::optional<std::string> text = fmt::format("R{:020}", number);
      const uint64_t other = random_() % 100;
      if (other == 0) text.reset();
      if (other == 1) text = "";  // a value like others
      const std::string store = fmt::format("s{}", random_() % 5);
      batch.set_long(0, static_cast<int64_t>(clock_));
      batch.set_string(1, batch.keep(store));
      if (text) batch.set_string(2, batch.keep(*text));
      batch.set_long(3, 1);
      batch.commit_row();
      rows_.push_back({store, text});
    }
    live_->append(batch);
  }

  void seal() {
    live_->freeze();
    sealed_.push_back(sealed_copy(*live_->snapshot(), cubes()));
    kept_.push_back(rows_);
    begin_live();
  }

  // The two oldest files become one.
  void merge() {
    if (sealed_.size() < 2) return;
    auto live = live_segment(data_.schema, {});
    ColumnBatch batch(data_.schema);
    kept_[0].insert(kept_[0].end(), kept_[1].begin(), kept_[1].end());
    kept_.erase(kept_.begin() + 1);
    for (size_t i = 0; i < kept_[0].size(); ++i) {
      batch.set_long(0, static_cast<int64_t>(i));
      batch.set_string(1, batch.keep(kept_[0][i].first));
      if (kept_[0][i].second) {
        batch.set_string(2, batch.keep(*kept_[0][i].second));
      }
      batch.set_long(3, 1);
      batch.commit_row();
    }
    live->append(batch);
    live->freeze();
    sealed_.erase(sealed_.begin());
    sealed_[0] = sealed_copy(*live->snapshot(), cubes());
  }

  void drop() {
    if (sealed_.empty()) return;
    sealed_.erase(sealed_.begin());
    kept_.erase(kept_.begin());
  }

  DatasetSnapshot snapshot() const {
    auto timeline = std::make_shared<Timeline>();
    timeline->sealed = sealed_;
    timeline->live = {live_};
    DatasetSnapshot data = data_;
    data.timeline = timeline;
    return data;
  }

  std::map<std::string, int64_t> expected() const {
    std::map<std::string, std::set<std::string>> found;
    auto add = [&](const Rows& rows) {
      for (const auto& [store, number] : rows) {
        found[store];
        if (!number) continue;
        found[store].insert(*number);
        found["all"].insert(*number);
      }
    };
    for (const Rows& rows : kept_) add(rows);
    add(rows_);
    std::map<std::string, int64_t> out;
    for (const auto& [store, numbers] : found) {
      out[store] = static_cast<int64_t>(numbers.size());
    }
    return out;
  }

 private:
  using Rows = std::vector<std::pair<std::string, std::optional<std::string>>>;

  // One file in two has a cube that keeps the numbers.
  SealOptions cubes() {
    SealOptions options;
    if (++files_ % 2 == 0) return options;
    CubeSpec& cube = options.cubes.emplace_back();
    cube.name = "store_hour";
    cube.dimensions = {"s"};
    cube.granularity = *Granularity::parse("hour");
    cube.measures = {{"t", kCubeDistinct}};
    return options;
  }
  void begin_live() {
    live_ = live_segment(data_.schema, {});
    rows_.clear();
  }
  uint64_t number_of(uint64_t step) const {
    return any_order_ ? step * 0x9E3779B97F4A7C15u : step;
  }
  uint64_t next_number() { return number_of(clock_); }

  const bool any_order_;
  std::mt19937_64 random_{5};
  int files_ = 0;
  uint64_t clock_ = 0, number_ = 0;
  DatasetSnapshot data_;
  std::shared_ptr<LiveSegment> live_;
  Rows rows_;  // of the live segment
  std::vector<std::shared_ptr<const Segment>> sealed_;
  std::vector<Rows> kept_;  // of each sealed one
};

Query receipts_by(bool store) {
  Query query;
  Aggregate counted;
  counted.function = F::kCountDistinct;
  counted.argument = column("t");
  counted.name = "receipts";
  query.aggregates = {counted};
  if (store) query.groups = {{"s", column("s")}};
  return query;
}

std::map<std::string, int64_t> answer(Runner& runner, const Query& query,
                                      const DatasetSnapshot& data) {
  auto got = runner.run_on(query, data);
  REQUIRE_MESSAGE(got.has_value(), got.error().message);
  std::map<std::string, int64_t> out;
  for (const auto& row : got->rows) {
    out[row.size() > 1 ? *row[0].as_string() : "all"] = *row.back().as_long();
  }
  return out;
}

void check(Runner& runner, const Receipts& receipts) {
  auto expected = receipts.expected();
  const DatasetSnapshot data = receipts.snapshot();
  CHECK(answer(runner, receipts_by(false), data)["all"] == expected["all"]);
  expected.erase("all");
  CHECK(answer(runner, receipts_by(true), data) == expected);
}

TEST_CASE("receipts of many segments are counted once, whatever happens") {
  for (bool any_order : {false, true}) {
    CAPTURE(any_order);
    OneDataset catalog{"sales", {}};
    PartialCache cache(64 << 20);
    const auto keeping = Runner::create(catalog, 2, &cache);
    PartialCache little(64 << 10);  // no room for filters
    const auto forgetful = Runner::create(catalog, 2, &little);
    const auto plain = Runner::create(catalog, 1);
    Receipts receipts(any_order);
    std::mt19937_64 random(3);
    receipts.append(60'000);
    for (int step = 0; step < 25; ++step) {
      CAPTURE(step);
      check(*keeping, receipts);
      check(*forgetful, receipts);
      if (step % 5 == 0) check(*plain, receipts);
      switch (random() % 6) {
        case 0:
        case 1:
          receipts.seal();
          receipts.append(40'000);
          break;
        case 2:
          receipts.merge();
          break;
        case 3:
          if (step > 15) receipts.drop();
          break;
        default:
          receipts.append(3'000);
      }
    }
    check(*keeping, receipts);
  }
}

TEST_CASE("values that all segments have are soon put together by value") {
  auto schema = sales_schema();
  auto timeline = std::make_shared<Timeline>();
  constexpr uint32_t kValues = 30'000, kSegments = 12;
  for (uint32_t segment = 0; segment < kSegments; ++segment) {
    auto live = live_segment(schema, {});
    ColumnBatch batch(schema);
    for (uint32_t i = 0; i < kValues; ++i) {
      batch.set_long(0, i);
      batch.set_string(1, "s");
      batch.set_string(2, batch.keep(fmt::format("M{}", i * 7919 % kValues)));
      batch.set_long(3, 1);
      batch.commit_row();
    }
    live->append(batch);
    live->freeze();
    timeline->sealed.push_back(sealed_copy(*live->snapshot()));
  }
  DatasetSnapshot data;
  data.schema = schema;
  data.timeline = timeline;
  OneDataset catalog{"sales", {}};
  PartialCache cache(64 << 20);
  const auto runner = Runner::create(catalog, 1, &cache);
  Query query = receipts_by(false);
  for (int turn = 0; turn < 3; ++turn) {
    // Another limit is another query: no whole answer is kept of it.
    query.limit = 10 + turn;
    CHECK(answer(*runner, query, data)["all"] == kValues);
  }
  // Each pair of segments would be 66 times all values.
  SharedValues shared(64 << 20);
  std::vector<SegmentTexts> texts;
  for (const auto& segment : timeline->sealed) {
    texts.push_back(
        {segment->id(), segment, (*segment->column("t"))->dictionary()});
  }
  QueryControl control(Limits{}, nullptr);
  auto found = shared.find("t", texts, UINT64_MAX, control);
  REQUIRE(found.has_value());
  CHECK_FALSE(found->has_value());
  CHECK(control.looks() < 12 * 10 + 100);  // 512 values a look
}

}  // namespace
}  // namespace freshet::test
