// What is kept of live segments: only the rows that came since are read, and
// the answers are those of reading everything, whatever is appended, hidden,
// sealed or merged meanwhile.
#include <doctest/doctest.h>

#include <random>
#include <set>

#include "query_data.h"
#include "segments/masked_segment.h"
#include "server/query/partial_cache.h"

namespace freshet::test {
namespace {

using F = Aggregate::Function;

// A dataset as its ingestion changes it: rows that come, are hidden, sealed.
class Stream {
 public:
  Stream() {
    data_.schema = sales_schema();
    begin_live();
  }

  void append(uint32_t count) {
    std::vector<Row> rows;
    for (uint32_t i = 0; i < count; ++i) rows.push_back(next_row());
    rows_.insert(rows_.end(), rows.begin(), rows.end());
    ColumnBatch batch(data_.schema);
    fill(batch, rows);
    live_->append(batch);
  }

  // Rows of the live segment that a newer one replaced.
  void hide(uint32_t first, uint32_t count) {
    for (uint32_t i = 0; i < count; ++i) {
      if (first + i < live_->num_rows()) hidden_.insert(first + i);
    }
  }

  void seal() {
    std::vector<Row> rows;
    for (uint32_t i = 0; i < rows_.size(); ++i) {
      if (!hidden_.contains(i)) rows.push_back(rows_[i]);
    }
    if (!rows.empty()) {
      sealed_.push_back(sealed_segment(data_.schema, rows));
      kept_.push_back(rows);
    }
    begin_live();
  }

  // All that is sealed becomes one segment.
  void merge() {
    std::vector<Row> all;
    for (const auto& rows : kept_) {
      all.insert(all.end(), rows.begin(), rows.end());
    }
    if (all.empty()) return;
    sealed_ = {sealed_segment(data_.schema, all)};
    kept_ = {all};
  }

  DatasetSnapshot snapshot() const {
    auto timeline = std::make_shared<Timeline>();
    timeline->sealed = sealed_;
    std::shared_ptr<const LiveSegment> live = live_;
    if (!hidden_.empty()) {
      std::vector<uint32_t> rows(hidden_.begin(), hidden_.end());
      live = with_hidden(
          live, std::make_shared<const Bitmap>(Bitmap::of_sorted(rows)));
    }
    timeline->live = {live};
    DatasetSnapshot data = data_;
    data.timeline = timeline;
    return data;
  }

  uint32_t live_rows() const { return live_->num_rows(); }
  int64_t clock() const { return clock_; }

 private:
  void begin_live() {
    live_ = live_segment(data_.schema, {});
    rows_.clear();
    hidden_.clear();
  }

  Row next_row() {
    auto pick = [&](int64_t below) {
      return static_cast<int64_t>(random_() % static_cast<uint64_t>(below));
    };
    clock_ += pick(3) * 100;
    // Some events are late; many have the time of another.
    Timestamp time{clock_ - (pick(20) == 0 ? 1000 * pick(500) : 0)};
    Value t = pick(4) == 0 ? Value() : Value("t" + std::to_string(pick(2000)));
    return {Value(time),
            Value("s" + std::to_string(pick(9))),
            t,
            Value(pick(1000)),
            Value(static_cast<double>(pick(64)) / 4),
            Value(Decimal{pick(100000), 2}),
            Value(pick(2) == 0)};
  }

  void fill(ColumnBatch& batch, const std::vector<Row>& rows) {
    for (const Row& row : rows) {
      batch.set_long(0, row[0].as_timestamp()->ms);
      batch.set_string(1, batch.keep(*row[1].as_string()));
      if (row[2].as_string()) {
        batch.set_string(2, batch.keep(*row[2].as_string()));
      }
      batch.set_long(3, *row[3].as_long());
      batch.set_double(4, *row[4].as_double());
      batch.set_long(5, static_cast<int64_t>(row[5].as_decimal()->units));
      batch.set_long(6, *row[6].as_bool());
      batch.commit_row();
    }
  }

  std::mt19937_64 random_{7};
  int64_t clock_ = 1'700'000'000'000;
  DatasetSnapshot data_;
  std::shared_ptr<LiveSegment> live_;
  std::vector<Row> rows_;  // of the live segment
  std::set<uint32_t> hidden_;
  std::vector<std::shared_ptr<const Segment>> sealed_;
  std::vector<std::vector<Row>> kept_;  // of each sealed one
};

Aggregate aggregate(F function, const char* argument, const char* name) {
  Aggregate out;
  out.function = function;
  if (argument) out.argument = column(argument);
  out.name = name;
  return out;
}

Query totals() {
  Query query;
  query.aggregates = {aggregate(F::kCount, nullptr, "rows"),
                      aggregate(F::kSum, "m", "m"),
                      aggregate(F::kSum, "d", "d"),
                      aggregate(F::kMin, "n", "least"),
                      aggregate(F::kMax, "t", "greatest"),
                      aggregate(F::kCountDistinct, "t", "t"),
                      aggregate(F::kFirst, "n", "first"),
                      aggregate(F::kLast, "t", "last"),
                      aggregate(F::kApproxDistinct, "t", "about"),
                      aggregate(F::kLastPerKeySum, "m", "level")};
  query.aggregates.back().keys = {column("s"), column("b")};
  query.aggregates[1].filter =
      call(">", {column("n"), literal(Value(int64_t{500}))});
  return query;
}

// Long texts, most of them of one row: their states are dear to keep.
Aggregate many_texts(const char* name) {
  Aggregate out;
  out.function = F::kCountDistinct;
  out.argument = call(
      "concat",
      {literal(Value(std::string(80, 'x'))),
       call("time_format",
            {column("__time"), literal(Value("yyyy-MM-dd'T'HH:mm:ss.SSS"))})});
  out.name = name;
  return out;
}

// What a running total is kept of.
Query counts() {
  Query query;
  query.aggregates = {
      aggregate(F::kCount, nullptr, "rows"),  aggregate(F::kSum, "m", "m"),
      aggregate(F::kMax, "t", "greatest"),    aggregate(F::kMin, "d", "least"),
      aggregate(F::kCountDistinct, "t", "t"), many_texts("times")};
  query.aggregates[4].filter =
      call(">", {column("n"), literal(Value(int64_t{500}))});
  return query;
}

std::vector<Query> shapes(int64_t now) {
  std::vector<Query> out(12, totals());
  for (size_t i = 6; i < out.size(); ++i) out[i] = counts();
  out[7].filter = call("=", {column("s"), literal(Value("s1"))});
  out[7].interval = {Timestamp{1'700'000'100'000}, Timestamp{now + 1}};
  out[8].filter = call("=", {column("t"), literal(Value("t7"))});
  out[9].interval = {Timestamp{1'700'000'100'000},
                     Timestamp{1'700'002'000'000}};
  out[10].groups = {{"s", column("s")}};
  out[10].order_by = {{"s", false, {}}};
  out[11].groups = {{"text", column("t")}, {"b", column("b")}};
  out[11].order_by = {{"text", false, {}}, {"b", false, {}}};
  out[1].groups = {{"s", column("s")}};
  out[1].order_by = {{"s", false, {}}};
  out[2].filter = call("=", {column("t"), literal(Value("t7"))});
  out[3].interval = {Timestamp{now - 400'000}, Timestamp{now - 100'000}};
  out[3].groups = {{"s", column("s")}, {"b", column("b")}};
  out[3].order_by = {{"s", false, {}}, {"b", false, {}}};
  // No row at all.
  out[4].filter = call("=", {column("s"), literal(Value("none"))});
  // States that grow with the rows.
  out[5].aggregates.push_back(aggregate(F::kQuantile, "n", "median"));
  out[5].aggregates.back().parameter = 0.5;
  out[5].aggregates.push_back(aggregate(F::kCountDistinct, "__time", "times"));
  return out;
}

struct Runners {
  PartialCache cache{8 << 20};
  OneDataset catalog{"sales", {}};
  std::unique_ptr<Runner> keeping = Runner::create(catalog, 2, &cache);
  std::unique_ptr<Runner> plain = Runner::create(catalog, 2);

  QueryResult run(const Query& query, const DatasetSnapshot& data) {
    auto got = keeping->run_on(query, data);
    auto want = plain->run_on(query, data);
    REQUIRE_MESSAGE(got.has_value(), got.error().message);
    REQUIRE(want.has_value());
    CHECK(got->rows == want->rows);
    CHECK(got->provenance.rows_matched == want->provenance.rows_matched);
    return std::move(*got);
  }
};

TEST_CASE("of live rows those are read that came since") {
  Runners runners;
  Stream stream;
  stream.append(3 * kBlockRows + 100);
  const Query query = totals();
  CHECK(runners.run(query, stream.snapshot()).provenance.rows_scanned ==
        3 * kBlockRows + 100);
  QueryResult again = runners.run(query, stream.snapshot());
  CHECK(again.provenance.rows_scanned == 100);
  CHECK(again.provenance.served_by ==
        std::vector<std::string>{"cache", "live"});
  // 60,000 rows fold in block by block; what is kept goes on growing.
  uint64_t scanned = 0;
  for (int i = 0; i < 30; ++i) {
    stream.append(2000);
    scanned += runners.run(query, stream.snapshot()).provenance.rows_scanned;
  }
  CHECK(scanned < 30 * 3 * kBlockRows);
  CHECK(runners.cache.totals().entries == 1);
}

TEST_CASE("rows hidden since are not in the answer; others do no harm") {
  Runners runners;
  Stream stream;
  stream.append(4 * kBlockRows);
  const Query query = totals();
  runners.run(query, stream.snapshot());
  stream.append(50);
  stream.hide(4 * kBlockRows + 3, 5);  // behind what is kept
  CHECK(runners.run(query, stream.snapshot()).provenance.rows_scanned <= 50);
  stream.hide(17, 1);
  CHECK(runners.run(query, stream.snapshot()).provenance.rows_scanned >
        4 * kBlockRows - 10);
  // With the same rows hidden, what was found then holds.
  CHECK(runners.run(query, stream.snapshot()).provenance.rows_scanned <= 50);
  stream.hide(18, 1);
  runners.run(query, stream.snapshot());
}

TEST_CASE("a shorter look at a live segment takes nothing from a longer one") {
  Runners runners;
  Stream stream;
  stream.append(2 * kBlockRows);
  DatasetSnapshot early = stream.snapshot();
  auto frozen = std::make_shared<Timeline>();
  frozen->sealed = {early.timeline->live[0]->snapshot()};  // as answers do
  early.timeline = frozen;
  stream.append(3 * kBlockRows);
  runners.run(totals(), stream.snapshot());
  runners.run(totals(), early);
  runners.run(totals(), stream.snapshot());
}

TEST_CASE("an answer of many states is kept while its rows stay as they are") {
  Runners runners;
  Stream stream;
  stream.append(6000);
  stream.seal();
  stream.append(6000);
  Query query;
  query.aggregates = {aggregate(F::kCountDistinct, "__time", "times"),
                      aggregate(F::kMax, "n", "most"),
                      aggregate(F::kMin, "s", "first")};
  auto from_all = [](const QueryResult& result) {
    return result.provenance.served_by == std::vector<std::string>{"cache"} &&
           result.provenance.rows_scanned == 0;
  };
  CHECK_FALSE(from_all(runners.run(query, stream.snapshot())));
  CHECK(from_all(runners.run(query, stream.snapshot())));
  // A bound that cuts nothing changes nothing; one that does, does.
  query.interval.end = Timestamp{stream.clock() + 1};
  CHECK(from_all(runners.run(query, stream.snapshot())));
  query.interval.end = Timestamp{stream.clock() - 1000};
  CHECK_FALSE(from_all(runners.run(query, stream.snapshot())));
  query.interval = {};
  query.having =
      call(">", {column("times"), literal(Value(int64_t{1'000'000}))});
  CHECK(runners.run(query, stream.snapshot()).rows.empty());
  query.having = nullptr;
  query.use_cache = false;
  CHECK_FALSE(from_all(runners.run(query, stream.snapshot())));
  query.use_cache = true;
  stream.append(1);
  CHECK_FALSE(from_all(runners.run(query, stream.snapshot())));
  CHECK(from_all(runners.run(query, stream.snapshot())));
  stream.hide(3, 1);
  CHECK_FALSE(from_all(runners.run(query, stream.snapshot())));
  CHECK_FALSE(from_all(runners.run(query, stream.snapshot())));
}

TEST_CASE("values that were counted are not counted again") {
  Runners runners;
  Stream stream;
  stream.append(20'000);
  stream.seal();
  stream.append(3 * kBlockRows + 100);
  // What is asked once may be a range that moves on.
  runners.run(counts(), stream.snapshot());
  stream.append(1);
  runners.run(counts(), stream.snapshot());
  Query by_shop = counts();
  by_shop.aggregates.pop_back();  // that both are kept
  by_shop.groups = {{"s", column("s")}};
  by_shop.order_by = {{"s", false, {}}};
  runners.run(by_shop, stream.snapshot());
  stream.append(1);
  runners.run(by_shop, stream.snapshot());
  uint64_t scanned = 0;
  for (int i = 0; i < 20; ++i) {
    stream.append(100);
    QueryResult result =
        runners.run(i % 2 ? by_shop : counts(), stream.snapshot());
    scanned += result.provenance.rows_scanned;
    CHECK(result.provenance.served_by ==
          std::vector<std::string>{"cache", "live"});
  }
  CHECK(scanned <= 20 * kBlockRows);
  // A range that ends now is one that goes on.
  Query query = counts();
  for (int i = 0; i < 4; ++i) {
    stream.append(100);
    query.interval = {Timestamp{1'600'000'000'000},
                      Timestamp{stream.clock() + 1}};
    scanned = runners.run(query, stream.snapshot()).provenance.rows_scanned;
  }
  CHECK(scanned <= kBlockRows);
}

TEST_CASE("kept and read anew are the same whatever happens to the rows") {
  Runners runners;
  Stream stream;
  std::mt19937_64 random(11);
  uint64_t kept = 0;
  for (int step = 0; step < 60; ++step) {
    CAPTURE(step);
    stream.append(static_cast<uint32_t>(random() % 6000));
    switch (random() % 8) {
      case 0:
        stream.seal();
        break;
      case 1:
        stream.merge();
        break;
      case 2:
      case 3:
        if (stream.live_rows() > 0) {
          stream.hide(static_cast<uint32_t>(random() % stream.live_rows()), 3);
        }
        break;
      default:
        break;
    }
    for (const Query& query : shapes(stream.clock())) {
      QueryResult result = runners.run(query, stream.snapshot());
      runners.run(query, stream.snapshot());
      for (const auto& by : result.provenance.served_by) kept += by == "cache";
    }
  }
  CHECK(kept > 100);
}

}  // namespace
}  // namespace freshet::test
