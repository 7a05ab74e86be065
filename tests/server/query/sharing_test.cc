// Queries that are asked at the same time run once, as long as that changes
// nothing for who asks.
#include <doctest/doctest.h>

#include <thread>

#include "query_data.h"
#include "segments/mutex.h"
#include "server/query/sharing_runner.h"

namespace freshet::test {
namespace {

// Its runs end when they are let go.
class HeldRunner final : public Runner {
 public:
  explicit HeldRunner(const DatasetCatalog& catalog) : catalog_(catalog) {}

  Result<QueryResult> run(const Query& query, CancelFlag cancel) override {
    return run_on(query, *catalog_.snapshot(query.dataset), std::move(cancel));
  }
  Result<QueryResult> run_on(const Query&, const DatasetSnapshot&,
                             CancelFlag cancel) override {
    int number = ++runs;
    while (let_go < number) {
      if (cancel && cancel->load()) {
        return Error{ErrorCode::kCancelled, "cancelled"};
      }
      std::this_thread::yield();
    }
    QueryResult out;
    out.rows = {{Value(int64_t{number})}};
    return out;
  }
  const DatasetCatalog& catalog() const override { return catalog_; }
  Result<QueryExplanation> explain(const Query&, const DatasetSnapshot&,
                                   CancelFlag) override {
    return QueryExplanation{};
  }

  std::atomic<int> runs{0}, let_go{0};

 private:
  const DatasetCatalog& catalog_;
};

struct Fixture {
  std::shared_ptr<const Schema> schema = sales_schema();
  std::shared_ptr<LiveSegment> live;
  std::unique_ptr<OneDataset> catalog;
  HeldRunner* held = nullptr;
  std::unique_ptr<SharingRunner> runner;
  Query query;

  Fixture() {
    DatasetSnapshot data;
    data.schema = schema;
    live = live_segment(schema, {});
    auto timeline = std::make_shared<Timeline>();
    timeline->live = {live};
    data.timeline = timeline;
    catalog = std::make_unique<OneDataset>("sales", data);
    auto inner = std::make_unique<HeldRunner>(*catalog);
    held = inner.get();
    runner = std::make_unique<SharingRunner>(std::move(inner));
    query.dataset = "sales";
    query.aggregates.resize(1);
    query.aggregates[0].name = "n";
  }
  void append_row() {
    ColumnBatch batch(schema);
    batch.set_long(0, 1);
    batch.commit_row();
    live->append(batch);
  }
  void wait_for_runs(int count) {
    while (held->runs < count) std::this_thread::yield();
  }
};

// A query on a thread of its own.
struct Asked {
  CancelFlag cancel = std::make_shared<std::atomic<bool>>(false);
  std::optional<Result<QueryResult>> answer;
  std::thread thread;

  Asked(Fixture& f, Query query)
      : thread([this, &f, query = std::move(query)] {
          answer = f.runner->run(query, cancel);
        }) {}
  // The number of the run that answered; 0: it failed.
  int64_t run() {
    thread.join();
    return *answer ? *(**answer).rows[0][0].as_long() : 0;
  }
};

// Long enough for a thread to begin to wait.
void pause() { std::this_thread::sleep_for(std::chrono::milliseconds(30)); }

TEST_CASE("one run answers all that ask the same at the time") {
  Fixture f;
  Asked first(f, f.query);
  f.wait_for_runs(1);
  Query named = f.query;
  named.id = "another id is no other query";
  Asked second(f, f.query), third(f, named);
  pause();
  CHECK(f.held->runs == 1);
  f.held->let_go = 100;
  CHECK(first.run() == 1);
  CHECK(second.run() == 1);
  CHECK(third.run() == 1);
  CHECK(f.runner->shared() == 2);
  Asked later(f, f.query);  // nothing runs any more: no answer is kept
  CHECK(later.run() == 2);
}

TEST_CASE("another query, other rows, or a switch make another run") {
  Fixture f;
  Asked first(f, f.query);
  f.wait_for_runs(1);
  Query other = f.query;
  other.limit = 5;
  Asked second(f, other);
  f.wait_for_runs(2);
  Query alone = f.query;
  alone.use_cache = false;
  Asked third(f, alone);
  f.wait_for_runs(3);
  f.append_row();  // who has written it must see it
  Asked fourth(f, f.query);
  f.wait_for_runs(4);
  f.held->let_go = 100;
  for (Asked* asked : {&first, &second, &third, &fourth}) {
    CHECK(asked->run() > 0);
  }
  CHECK(f.runner->shared() == 0);
}

TEST_CASE("a cancel ends one who waits, and only that one") {
  Fixture f;
  Asked first(f, f.query);
  f.wait_for_runs(1);
  Asked second(f, f.query), third(f, f.query);
  pause();
  second.cancel->store(true);
  CHECK(second.run() == 0);
  CHECK(second.answer->error().code == ErrorCode::kCancelled);
  f.held->let_go = 100;
  CHECK(first.run() == 1);
  CHECK(third.run() == 1);
}

TEST_CASE("who waited runs it when the one that ran was cancelled") {
  Fixture f;
  Asked first(f, f.query);
  f.wait_for_runs(1);
  Asked second(f, f.query);
  pause();
  first.cancel->store(true);
  CHECK(first.run() == 0);
  f.wait_for_runs(2);
  f.held->let_go = 100;
  CHECK(second.run() == 2);
}

TEST_CASE("who waits has its own time") {
  Fixture f;
  Asked first(f, f.query);
  f.wait_for_runs(1);
  Query hasty = f.query;
  hasty.limits.timeout_ms = 20;
  Asked second(f, hasty);
  CHECK(second.run() == 0);
  CHECK(second.answer->error().code == ErrorCode::kDeadline);
  f.held->let_go = 100;
  CHECK(first.run() == 1);
}

}  // namespace
}  // namespace freshet::test
