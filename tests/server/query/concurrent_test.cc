// Rows come in, are sealed and merged while queries run: every answer is of
// one moment. FRESHET_SOAK_SECONDS says for how long (2).
#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <thread>

#include "query_data.h"
#include "segments/segment_store.h"
#include "server/query/partial_cache.h"
#include "server/query/sharing_runner.h"

namespace freshet::test {
namespace {

// Each batch has so many rows, whose `n` come to this sum.
constexpr int kBatchRows = 8;
constexpr int64_t kBatchSum = 80;
constexpr int64_t kDay = 86'400'000;

class StoreCatalog final : public DatasetCatalog {
 public:
  explicit StoreCatalog(const SegmentStore& store) : store_(store) {}
  std::optional<DatasetSnapshot> snapshot(
      std::string_view name) const override {
    DatasetSnapshot out;
    out.schema = schema_;
    out.timeline = store_.timeline(name);
    return out;
  }
  std::vector<std::string> names() const override { return {"sales"}; }

 private:
  const SegmentStore& store_;
  const std::shared_ptr<const Schema> schema_ = sales_schema();
};

// The writer's side: append and seal on one thread, merge on another.
class Writer {
 public:
  explicit Writer(SegmentStore& store) : store_(store) {}

  void append() {
    if (!live_) {
      live_ = LiveSegment::create("live_" + std::to_string(++lives_), schema_,
                                  Interval{Timestamp{0}, Timestamp{kDay}});
      store_.add_live("sales", live_);
    }
    ColumnBatch batch(schema_);
    for (int i = 0; i < kBatchRows; ++i) {
      batch.set_long(0, (batches_ * kBatchRows + i) % kDay);
      batch.set_string(1, batch.keep("s" + std::to_string(i)));
      batch.set_long(3, i == 0 ? kBatchSum - 7 * batches_ : batches_);
      batch.commit_row();
    }
    live_->append(batch);
    ++batches_;
    rows.store(batches_ * kBatchRows, std::memory_order_release);
    if (batches_ % 200 == 0) seal();
  }

  void seal() {
    live_->freeze();
    Seal seal;
    seal.dataset = "sales";
    seal.live = {live_};
    seal.options.sort_by = {"s"};
    auto done = store_.seal(seal);
    if (!done) failures.fetch_add(1);
    live_ = nullptr;
  }

  // The two smallest sealed segments become one.
  void merge() {
    auto timeline = store_.timeline("sales");
    if (timeline->sealed.size() < 2) return;
    std::vector<std::shared_ptr<const Segment>> sealed = timeline->sealed;
    std::sort(sealed.begin(), sealed.end(), [](const auto& a, const auto& b) {
      return a->num_rows() < b->num_rows();
    });
    Merge merge;
    merge.dataset = "sales";
    merge.segments = {sealed[0]->id(), sealed[1]->id()};
    merge.options.sort_by = {"s"};
    if (!store_.merge(merge)) failures.fetch_add(1);
    merges.fetch_add(1);
  }

  std::atomic<int64_t> rows{0};  // appended
  std::atomic<int> failures{0}, merges{0};

 private:
  SegmentStore& store_;
  const std::shared_ptr<const Schema> schema_ = sales_schema();
  std::shared_ptr<LiveSegment> live_;
  int lives_ = 0;
  int64_t batches_ = 0;
};

Query totals(bool by_store) {
  Query query;
  query.dataset = "sales";
  query.aggregates.resize(2);
  query.aggregates[0].name = "rows";
  query.aggregates[1].name = "n";
  query.aggregates[1].function = Aggregate::Function::kSum;
  query.aggregates[1].argument = column("n");
  if (by_store) query.groups = {{"s", column("s")}};
  return query;
}

// Asks until `stop`; what it finds wrong is told by `wrong`.
void ask(Runner& runner, const Writer& writer, int number,
         const std::atomic<bool>& stop, std::atomic<int>& asked,
         std::string& wrong) {
  int64_t least = 0;
  while (!stop && wrong.empty()) {
    const Query query = totals(number % 2 == 0);
    const int64_t before = writer.rows.load(std::memory_order_acquire);
    auto result = runner.run(query);
    if (!result) {
      wrong = result.error().message;
      return;
    }
    int64_t rows = 0, sum = 0;
    const size_t groups = query.groups.size();
    for (const auto& row : result->rows) {
      rows += *row[groups].as_long();
      if (auto n = row[groups + 1].as_long()) sum += *n;
    }
    if (rows % kBatchRows != 0 || sum != rows / kBatchRows * kBatchSum) {
      wrong = "half a batch: " + std::to_string(rows) + " rows with the sum " +
              std::to_string(sum);
    } else if (rows < std::max(before, least)) {
      wrong = "rows were lost: " + std::to_string(rows) + " after " +
              std::to_string(std::max(before, least));
    }
    least = rows;
    ++asked;
  }
}

TEST_CASE("answers are of one moment while rows are sealed and merged") {
  const char* given = std::getenv("FRESHET_SOAK_SECONDS");
  const auto length = std::chrono::seconds(given ? std::atoi(given) : 2);
  const auto folder = std::filesystem::temp_directory_path() /
                      ("freshet_concurrent_" + std::to_string(getpid()));
  auto store = SegmentStore::open(folder.string());
  REQUIRE_MESSAGE(store.has_value(), store.error().message);
  {
    StoreCatalog catalog(**store);
    PartialCache cache(1 << 22);
    SharingRunner runner(Runner::create(catalog, 2, &cache));
    Writer writer(**store);
    std::atomic<bool> stop{false};
    std::atomic<int> asked{0};
    std::vector<std::string> wrong(3);
    std::vector<std::thread> threads;
    threads.emplace_back([&] {
      while (!stop) writer.append();
    });
    threads.emplace_back([&] {
      while (!stop) {
        writer.merge();
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
      }
    });
    for (size_t i = 0; i < wrong.size(); ++i) {
      threads.emplace_back([&, i] {
        ask(runner, writer, static_cast<int>(i), stop, asked, wrong[i]);
      });
    }
    std::this_thread::sleep_for(length);
    stop = true;
    for (std::thread& thread : threads) thread.join();
    for (const std::string& text : wrong) CHECK(text == "");
    CHECK(writer.failures == 0);
    CHECK(asked > 10);
    CHECK(writer.rows > 1000);
    CHECK(writer.merges > 0);
    CHECK(cache.totals().hits > 0);
  }
  store->reset();
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace freshet::test
