// Queries of a batch that read the same rows are one, and no answer differs by
// the company it was asked in.
#include "server/kpi/shared_scans.h"

#include <doctest/doctest.h>

#include <random>

#include "server/query/explanation.h"
#include "tests/server/kpi/kpi_fixture.h"

namespace freshet {
namespace {

constexpr const char* kNow = "2026-11-22T10:00:00Z";

// Keeps what was asked; refuses queries of more aggregates than it may.
class WatchedRunner final : public Runner {
 public:
  explicit WatchedRunner(Runner& runner) : runner_(runner) {}
  Result<QueryResult> run(const Query& query, CancelFlag cancel) override {
    return runner_.run(query, std::move(cancel));
  }
  Result<QueryResult> run_on(const Query& query, const DatasetSnapshot& data,
                             CancelFlag cancel) override {
    asked.push_back(query);
    if (query.aggregates.size() > most_aggregates) {
      return Error{ErrorCode::kLimit, "too much at once", 0, 0};
    }
    return runner_.run_on(query, data, std::move(cancel));
  }
  const DatasetCatalog& catalog() const override { return runner_.catalog(); }
  Result<QueryExplanation> explain(const Query& query,
                                   const DatasetSnapshot& data,
                                   CancelFlag cancel) override {
    return runner_.explain(query, data, std::move(cancel));
  }

  std::vector<Query> asked;
  size_t most_aggregates = 1000;

 private:
  Runner& runner_;
};

KpiRequest of_day(const std::string& kpi) {
  KpiRequest request;
  request.kpi = kpi;
  request.from = "2026-11-22";
  request.to = "2026-11-23";
  return request;
}

void fill(KpiFixture& f) {
  f.sales({{"2026-11-15T08:30:00Z", "A", "t0", 4000, 2000},
           {"2026-11-22T08:10:00Z", "A", "t1", 1050, 500},
           {"2026-11-22T08:50:00Z", "A", "t1", 950, 500},
           {"2026-11-22T09:20:00Z", "B", "t2", 10000, 9000}},
          "2026-11-22T09:40:00Z");
}

// What a reader of the answer sees, but for what it cost.
std::string told(const Result<KpiAnswer>& answer) {
  if (!answer) return answer.error().message;
  KpiAnswer copy = *answer;
  copy.provenance.elapsed_ms = 0;
  copy.provenance.rows_scanned = copy.provenance.rows_matched = 0;
  return to_json(copy);
}

TEST_CASE("KPIs over the same rows are one query") {
  KpiFixture f;
  fill(f);
  WatchedRunner runner(f.runner());
  auto kpis = Kpis::create(runner, [&] { return f.model(); });
  // sum(net) | sum(cost) | both, divided | again | the same of other KPIs
  auto answers =
      kpis->answer_all({of_day("net_sales"), of_day("cost"), of_day("margin"),
                        of_day("net_sales"), of_day("markup")});
  CHECK(runner.asked.size() == 1);
  CHECK(runner.asked[0].aggregates.size() == 2);
  CHECK(answers[0]->value.to_text() == "120.00");
  CHECK(answers[1]->value.to_text() == "100.00");
  CHECK(answers[2]->value.to_double() == doctest::Approx(20.0 / 120));
  CHECK(answers[3]->value.to_text() == "120.00");
  CHECK(answers[4]->value.to_double() == doctest::Approx(1.2));
  for (const auto& answer : answers) {
    CHECK(answer->provenance.rows_matched == 3);
    CHECK(answer->provenance.offsets.size() == 1);
  }
}

std::shared_ptr<Model> with_cubes(const KpiFixture& f,
                                  const std::vector<CubeSpec>& cubes) {
  auto model = std::make_shared<Model>(*f.model());
  for (DatasetModel& dataset : model->datasets) dataset.cubes = cubes;
  return model;
}

TEST_CASE("other rows, groups and kinds of aggregates are other queries") {
  KpiFixture f;
  fill(f);
  WatchedRunner runner(f.runner());
  auto model = with_cubes(f, {});
  auto kpis = Kpis::create(runner, [&] { return model; });
  std::vector<KpiRequest> requests = {of_day("net_sales"), of_day("cost")};
  SUBCASE("another range") { requests[1].to = "2026-11-22T09:00:00Z"; }
  SUBCASE("a filter") { requests[1].filter = "store:A"; }
  SUBCASE("groups") {
    requests[0].by = requests[1].by = {"store"};
    requests[1].by = {"__hour"};
  }
  SUBCASE("distinct values, of which more is kept") {
    requests[1].kpi = "receipts";
  }
  SUBCASE("all values are looked at") { requests[1].kpi = "large_line"; }
  SUBCASE("another dataset") { requests[1].kpi = "returned"; }
  if (requests[1].kpi == "returned") {
    f.returns({{"2026-11-22T08:10:00Z", "A", "2026-11-15T08:30:00Z", 700}},
              "2026-11-22T09:40:00Z");
  }
  auto answers = kpis->answer_all(requests);
  for (const auto& answer : answers) REQUIRE(answer.has_value());
  CHECK(runner.asked.size() == 2);
  for (const Query& query : runner.asked) CHECK(query.aggregates.size() == 1);
}

TEST_CASE("what fails together is asked alone") {
  KpiFixture f;
  fill(f);
  WatchedRunner runner(f.runner());
  runner.most_aggregates = 1;
  auto kpis = Kpis::create(runner, [&] { return f.model(); });
  auto answers =
      kpis->answer_all({of_day("net_sales"), of_day("cost"), of_day("margin")});
  CHECK(answers[0]->value.to_text() == "120.00");
  CHECK(answers[1]->value.to_text() == "100.00");
  REQUIRE(!answers[2].has_value());  // needs both sums itself
  CHECK(answers[2].error().code == ErrorCode::kLimit);
  CHECK(runner.asked.size() == 4);
}

TEST_CASE("a cube's measures stay with those that the cube has") {
  KpiFixture f;
  CubeSpec cube;
  cube.name = "by_store";
  cube.dimensions = {"store"};
  cube.granularity = Granularity(Granularity::Unit::kMillis, 3'600'000);
  cube.measures = {{"net", kCubeSum}};
  auto model = with_cubes(f, {cube});
  fill(f);
  WatchedRunner runner(f.runner());
  auto kpis = Kpis::create(runner, [&] { return model; });
  // The cube has no costs: net sales, and those of stores, are left alone.
  auto answers = kpis->answer_all({of_day("net_sales"), of_day("cost"),
                                   of_day("margin"), of_day("a_less_b")});
  for (const auto& answer : answers) REQUIRE(answer.has_value());
  REQUIRE(runner.asked.size() == 2);
  auto names_cost = [](const Query& query) {
    return std::any_of(query.aggregates.begin(), query.aggregates.end(),
                       [](const Aggregate& a) {
                         return to_text(*a.argument).find("cost") !=
                                std::string::npos;
                       });
  };
  CHECK(names_cost(runner.asked[0]) != names_cost(runner.asked[1]));
  CHECK(answers[3]->value.to_text() == "-80.00");
}

// Every KPI of the fixture, in random company.
TEST_CASE("an answer of a batch is the answer alone") {
  const uint32_t seed = std::random_device{}();
  std::mt19937 random(seed);
  auto below = [&](size_t n) { return random() % n; };
  KpiFixture f;
  std::vector<SaleRow> sales;
  std::vector<StockRow> stock;
  std::vector<ReturnRow> returns;
  const std::string names[] = {"A", "B", "C", "null"};
  auto time = [&](int days) {
    return to_iso8601(Timestamp{
        at(kNow).ms - static_cast<int64_t>(below(86'400'000)) -
        int64_t{86'400'000} * static_cast<int64_t>(below(size_t(days)))});
  };
  for (int i = 0; i < 600; ++i) {
    sales.push_back({time(i < 300 ? 16 : 400), names[below(4)],
                     "t" + std::to_string(below(200)), int64_t(below(9000)),
                     int64_t(below(5000))});
    stock.push_back(
        {time(40), names[below(3)], names[below(3)], int64_t(below(90))});
    returns.push_back(
        {time(20), names[below(3)], time(40), int64_t(below(4000))});
  }
  f.sales(sales, kNow);
  f.stock(stock, kNow);
  f.returns(returns, kNow);
  const std::string ranges[] = {"today", "yesterday", "last_7d", "mtd", "-90m"};
  const std::string compares[] = {"", "previous", "same_day_last_week"};
  const std::string grains[] = {"", "", "hour", "day"};
  const std::string filters[] = {"", "store:A,C", "__hour:9,10"};
  size_t answered = 0, queries_alone = 0, queries_together = 0;
  for (int round = 0; round < 60; ++round) {
    KpiRequest common;
    common.range = ranges[below(5)];
    common.compare = compares[below(3)];
    common.filter = filters[below(3)];
    common.tz = "Europe/Madrid";
    std::vector<KpiRequest> requests;
    for (size_t i = 0; i < 2 + below(12); ++i) {
      KpiRequest one = common;
      one.kpi = f.model()->kpis[below(f.model()->kpis.size())].name;
      one.grain = grains[below(4)];
      if (below(3) == 0) one.by = {"store"};
      if (below(8) == 0) one.by = {"__hour"};
      if (below(4) == 0) one.top = 2;
      if (below(8) == 0) one.range = ranges[below(5)];
      requests.push_back(one);
    }
    WatchedRunner together(f.runner()), alone(f.runner());
    FrozenDatasets frozen(together);
    SharedScans scans(*f.model());
    std::vector<std::unique_ptr<KpiAnswerer>> answerers;
    for (const KpiRequest& request : requests) {
      answerers.push_back(std::make_unique<KpiAnswerer>(
          together, f.model(), request, at(kNow), Limits{}, nullptr, &frozen,
          nullptr, &scans));
      answerers.back()->foresee();
    }
    for (size_t i = 0; i < requests.size(); ++i) {
      INFO("seed " << seed << " round " << round << " " << requests[i].kpi);
      FrozenDatasets own(alone);
      auto one = KpiAnswerer(alone, f.model(), requests[i], at(kNow), Limits{},
                             nullptr, &own, nullptr)
                     .answer();
      CHECK(told(answerers[i]->answer()) == told(one));
      answered += one.has_value();
    }
    queries_alone += alone.asked.size();
    queries_together += together.asked.size();
  }
  // The test would be blind without them.
  CHECK(answered > 100);
  CHECK(queries_together < queries_alone);
  MESSAGE(queries_alone << " queries alone, " << queries_together
                        << " together");
}

}  // namespace
}  // namespace freshet
