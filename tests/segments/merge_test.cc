// Merging and hiding beyond what the random operations of store_test reach:
// the plan, rows hidden in the midst of a write, the thread, many segments.
#include <doctest/doctest.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <set>
#include <thread>

#include "segments/merger.h"
#include "segments/paced_files.h"
#include "segments/sealed_segment.h"
#include "tests/segments/store_scenario.h"

namespace freshet {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

MergeCandidate candidate(int id, int64_t hour, uint64_t rows, uint64_t hidden) {
  Interval granule{Timestamp{hour * kHour}, Timestamp{(hour + 1) * kHour}};
  return {std::to_string(id), granule, rows, hidden, rows * 10};
}

// Of candidates that have all columns alike.
const Schema* same_schema(const MergeCandidate&) {
  static const Schema kNone;
  return &kNone;
}

TEST_CASE("a plan keeps to its rules") {
  MergeTarget target{1000, 100'000};
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    std::vector<MergeCandidate> all;
    for (int i = 0; i < 30; ++i) {
      uint64_t rows = 1 + random() % (random() % 4 == 0 ? 1500 : 100);
      uint64_t hidden = random() % 5 == 0 ? random() % (rows + 1) : 0;
      all.push_back(
          candidate(i, static_cast<int64_t>(random() % 3), rows, hidden));
    }
    std::set<std::string> planned;
    for (const auto& set : plan_merges(all, target, same_schema)) {
      uint64_t rows = 0, largest = 0;
      std::set<int64_t> granules;
      int last = -1;
      for (const std::string& id : set) {
        CHECK(planned.insert(id).second);
        const MergeCandidate& one = all[static_cast<size_t>(std::stoi(id))];
        rows += one.rows - one.hidden;
        largest = std::max(largest, one.rows - one.hidden);
        granules.insert(one.granule.start.ms);
        for (int i = last + 1; last >= 0 && i < std::stoi(id); ++i) {
          CHECK(!(all[static_cast<size_t>(i)].granule == one.granule));
        }
        last = std::stoi(id);
      }
      CHECK(granules.size() == 1);
      if (set.size() == 1) {
        const auto& one = all[static_cast<size_t>(std::stoi(set[0]))];
        CHECK(one.hidden * 5 > one.rows);
      } else {
        CHECK(rows <= target.rows);
        CHECK(largest <= rows - largest);
        CHECK(set.size() >= (*granules.begin() == 2 * kHour ? 4 : 2));
      }
    }
    for (const auto& one : all) {
      if (one.hidden * 5 > one.rows) CHECK(planned.contains(one.id));
    }
  }
}

TEST_CASE("small seals end as few segments, each row rewritten a few times") {
  std::vector<MergeCandidate> all;
  uint64_t written = 0, next = 0;
  for (int i = 0; i < 1000; ++i) {
    all.push_back(candidate(static_cast<int>(next++), 0, 1000, 0));
    for (const auto& set :
         plan_merges(all, {1'000'000, 1 << 30}, same_schema)) {
      auto first = std::find_if(all.begin(), all.end(), [&](const auto& one) {
        return one.id == set[0];
      });
      uint64_t rows = 0;
      for (size_t k = 0; k < set.size(); ++k)
        rows += first[static_cast<long>(k)].rows;
      auto at = all.erase(first, first + static_cast<long>(set.size()));
      all.insert(at, candidate(static_cast<int>(next++), 0, rows, 0));
      written += rows;
    }
  }
  MESSAGE(all.size(), " segments, rewritten ",
          static_cast<double>(written) / 1e6, " times");
  CHECK(all.size() < 25);
  CHECK(written < 10'000'000);
}

TEST_CASE("rows hidden in the midst of a merge are hidden in what it makes") {
  for (bool by_store : {false, true}) {
    Scenario scenario(by_store ? 3 : 4);
    for (int i = 0; i < 12; ++i) {
      scenario.append(500);
      REQUIRE(scenario.seal().has_value());
      scenario.sealed();
    }
    REQUIRE(scenario.hide().has_value());
    int hides = 0;
    Merge merge;
    merge.dataset = "sales";
    auto records = *scenario.store->metadata().segments("sales");
    for (const auto& record : records) {
      if (record.granule == records[0].granule) {
        merge.segments.push_back(record.id);
      }
    }
    if (by_store) merge.options.sort_by = {"store"};
    merge.pace = [&](uint64_t) -> Status {
      if (++hides <= 20) TRY(scenario.hide());
      return {};
    };
    auto merged = scenario.store->merge(merge);
    REQUIRE_MESSAGE(merged.has_value(), merged.error().message);
    CHECK(hides > 0);
    CHECK(scenario.difference() == "");
    scenario.open();
    CHECK(scenario.difference() == "");
    // The last run without a race takes the hidden rows out of the file.
    scenario.store->timeline("sales");
    merge.pace = nullptr;
    merge.segments = {};
    for (const auto now = scenario.store->timeline("sales");
         const auto& segment : now->sealed) {
      if (segment->time_range().start.ms / kHour ==
          records[0].granule.start.ms / kHour) {
        merge.segments.push_back(segment->id());
      }
    }
    REQUIRE(scenario.store->merge(merge).has_value());
    CHECK(scenario.difference() == "");
  }
}

TEST_CASE("rows hidden in the midst of a seal are hidden in what it makes") {
  TemporaryFolder folder;
  std::function<Status()> in_between = [] { return Status(); };
  Pace pace = [&](uint64_t) { return in_between(); };
  PacedFiles files(real_file_system(), pace);
  auto store = SegmentStore::open(folder.path(), files);
  REQUIRE(store.has_value());
  std::mt19937_64 random(7);
  auto live = LiveSegment::create(
      "live_1", model_schema(), {Timestamp{kStart}, Timestamp{kStart + kHour}});
  (*store)->add_live("sales", live);
  ColumnBatch batch(live->schema());
  std::vector<Row> rows;
  for (int i = 0; i < 5000; ++i) {
    rows.push_back(random_row(random, kStart));
    append_row(batch, rows.back());
  }
  live->append(batch);
  live->freeze();
  std::vector<uint32_t> hidden;
  for (uint32_t i = 0; i < 5000; i += 1 + random() % 5) hidden.push_back(i);
  REQUIRE((*store)->hide("sales", {{"live_1", {0, 7, 4999}}}, {}).value() == 3);
  in_between = [&]() -> Status {
    TRY((*store)->hide("sales", {{"live_1", hidden}}, {}));
    return {};
  };
  Seal seal;
  seal.dataset = "sales";
  seal.live = {live};
  seal.options.sort_by = {"store", "qty"};
  auto stats = (*store)->seal(seal);
  REQUIRE_MESSAGE(stats.has_value(), stats.error().message);
  CHECK(stats->rows == 4997);  // the three before it began are not written
  for (uint32_t row : {0u, 7u, 4999u}) hidden.push_back(row);
  std::set<uint32_t> gone(hidden.begin(), hidden.end());
  std::vector<Row> expected;
  for (uint32_t i = 0; i < 5000; ++i) {
    if (!gone.contains(i)) expected.push_back(rows[i]);
  }
  std::sort(expected.begin(), expected.end());
  CHECK(visible_rows(**store) == expected);
  // The segment that rows were looked up in is gone: look again.
  auto refused = (*store)->hide("sales", {{"live_1", {1}}}, {});
  REQUIRE(!refused.has_value());
  CHECK(refused.error().code == ErrorCode::kConflict);
  store->reset();
  store = SegmentStore::open(folder.path(), files);
  CHECK(visible_rows(**store) == expected);
}

TEST_CASE("a masked segment has another content hash and no wrong range") {
  Scenario scenario(5);
  scenario.append(300);
  REQUIRE(scenario.seal().has_value());
  scenario.sealed();
  auto before = scenario.store->timeline("sales")->sealed[0];
  CHECK(before->hidden_rows() == nullptr);
  while (scenario.store->timeline("sales")->hidden.empty()) {
    REQUIRE(scenario.hide().has_value());
  }
  auto after = scenario.store->timeline("sales")->sealed[0];
  CHECK(after->content_hash() != before->content_hash());
  CHECK(after->num_visible_rows() < before->num_visible_rows());
  CHECK(before->num_visible_rows() == before->num_rows());  // as it was
}

TEST_CASE("segments that differ in columns are merged, in types are not") {
  TemporaryFolder folder;
  auto store = SegmentStore::open(folder.path());
  REQUIRE(store.has_value());
  int64_t next = 0;
  auto add = [&](std::vector<ColumnSpec> columns) {
    auto schema = std::make_shared<Schema>();
    schema->columns = {{"__time", {ColumnKind::kTimestamp, 0}, false}};
    for (auto& column : columns) schema->columns.push_back(column);
    auto live =
        LiveSegment::create("live_" + std::to_string(next), schema,
                            {Timestamp{kStart}, Timestamp{kStart + kHour}});
    ColumnBatch batch(schema);
    for (int i = 0; i < 5000; ++i) {
      batch.set_long(0, kStart + next++);
      for (size_t c = 1; c < schema->columns.size(); ++c) {
        if (schema->columns[c].type.kind == ColumnKind::kString) {
          batch.set_string(c, batch.keep("v" + std::to_string(i % 7)));
        } else if (schema->columns[c].type.kind == ColumnKind::kDouble) {
          batch.set_double(c, i);
        } else {
          batch.set_long(c, i);
        }
      }
      batch.commit_row();
    }
    live->append(batch);
    live->freeze();
    (*store)->add_live("sales", live);
    Seal seal;
    seal.dataset = "sales";
    seal.live = {live};
    REQUIRE((*store)->seal(seal).has_value());
  };
  ColumnSpec a{"a", {ColumnKind::kString, 0}, false};
  ColumnSpec b{"b", {ColumnKind::kLong, 0}, false};
  ColumnSpec other{"b", {ColumnKind::kDouble, 0}, false};
  add({a});
  add({b});
  add({b, a});
  Merge merge;
  merge.dataset = "sales";
  for (const auto now = (*store)->timeline("sales");
       const auto& segment : now->sealed) {
    merge.segments.push_back(segment->id());
  }
  auto merged = (*store)->merge(merge);
  REQUIRE_MESSAGE(merged.has_value(), merged.error().message);
  auto segment = (*store)->timeline("sales")->sealed[0];
  std::vector<Row> rows = read_rows(*segment);  // __time, b, a
  REQUIRE(rows.size() == 15000);
  for (size_t i = 0; i < rows.size(); ++i) {
    auto in_part = static_cast<int64_t>(i % 5000);
    bool has_b = i >= 5000, has_a = i < 5000 || i >= 10000;
    REQUIRE(rows[i][1] == (has_b ? Cell(in_part) : Cell()));
    REQUIRE(rows[i][2] ==
            (has_a ? Cell("v" + std::to_string(in_part % 7)) : Cell()));
  }
  add({other});
  merge.segments = {segment->id(),
                    (*store)->timeline("sales")->sealed[1]->id()};
  auto refused = (*store)->merge(merge);
  REQUIRE(!refused.has_value());
  CHECK(refused.error().code == ErrorCode::kInvalid);
  CHECK((*store)->timeline("sales")->sealed.size() == 2);
}

TEST_CASE("readers see whole states while rows are sealed, merged and hidden") {
  TemporaryFolder folder;
  auto store = *SegmentStore::open(folder.path());
  Schema schema;
  schema.columns = {{"__time", {ColumnKind::kTimestamp, 0}, false},
                    {"n", {ColumnKind::kLong, 0}, false},
                    {"s", {ColumnKind::kString, 0}, false}};
  auto shared = std::make_shared<const Schema>(schema);
  std::atomic<bool> done{false};
  std::atomic<uint64_t> faults{0}, reads{0}, appended{0}, merges{0};
  // Each batch has n = 1, 2, ..., 10 and -55: every whole state sums to 0, as
  // long as what is hidden together sums to 0 as well.
  auto read = [&] {
    while (!done) {
      auto timeline = store->timeline("sales");
      int64_t sum = 0;
      auto add = [&](const Segment& segment) {
        auto column = segment.column("n");
        auto texts = segment.column("s");
        if (!column || !texts) return void(++faults);
        std::vector<int64_t> values(kBlockRows);
        std::vector<uint32_t> ids(kBlockRows);
        for (uint32_t b = 0; b < segment.num_blocks(); ++b) {
          (*column)->read_longs(b, values.data());
          (*texts)->read_ids(b, ids.data());
          for (uint32_t i = 0; i < segment.block_rows(b); ++i) {
            const Bitmap* hidden = segment.hidden_rows();
            if (hidden && hidden->contains(b * kBlockRows + i)) continue;
            sum += values[i];
            if ((*texts)->dictionary()->value(ids[i]) !=
                std::to_string(values[i])) {
              ++faults;
            }
          }
        }
        if (!segment.status()) ++faults;
      };
      for (const auto& segment : timeline->sealed) add(*segment);
      for (const auto& live : timeline->live) add(*live->snapshot());
      if (sum != 0) ++faults;
      ++reads;
    }
  };
  std::thread first(read), second(read);
  std::thread merging([&] {
    Merger merger(*store, [&](const std::string&, const auto& result) {
      if (!result && result.error().code != ErrorCode::kConflict) ++faults;
    });
    merger.set_policy("sales", {});
    while (!done) merges += merger.run_once();
  });
  std::thread hiding([&] {
    std::mt19937_64 random(3);
    while (!done) {
      auto timeline = store->timeline("sales");
      if (timeline->sealed.empty()) continue;
      const auto& segment =
          timeline->sealed[random() % timeline->sealed.size()];
      auto column = segment->column("n");
      if (!column) continue;
      std::vector<int64_t> values(kBlockRows);
      (*column)->read_longs(0, values.data());
      // Rows of a time come as 1 ... 10, -55.
      uint32_t start = static_cast<uint32_t>(random() % 20) * 11;
      if (start + 11 > segment->block_rows(0)) continue;
      HideRows hide{segment->id(), {}};
      int64_t sum = 0;
      for (uint32_t i = start; i < start + 11; ++i) {
        hide.rows.push_back(i);
        sum += values[i];
      }
      if (sum != 0) ++faults;
      (void)store->hide("sales", {hide}, {});  // it may be merged meanwhile
      std::this_thread::yield();
    }
  });
  int64_t time = kStart;
  for (int round = 0; round < 30; ++round) {
    auto live =
        LiveSegment::create("live_" + std::to_string(round), shared,
                            {Timestamp{kStart}, Timestamp{kStart + kHour}});
    store->add_live("sales", live);
    ColumnBatch batch(shared);
    for (int k = 0; k < 20; ++k) {
      batch.clear();
      ++time;
      for (int64_t n : {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, -55}) {
        batch.set_long(0, time);
        batch.set_long(1, n);
        batch.set_string(2, batch.keep(std::to_string(n)));
        batch.commit_row();
      }
      live->append(batch);
      appended += 11;
    }
    live->freeze();
    Seal seal;
    seal.dataset = "sales";
    seal.live = {live};
    CHECK(store->seal(seal).has_value());
  }
  for (int i = 0; i < 1500 && (merges < 2 || reads == 0); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  done = true;
  for (std::thread* one : {&first, &second, &merging, &hiding}) one->join();
  CHECK(faults == 0);
  CHECK(reads > 0);
  CHECK(merges >= 2);
}

TEST_CASE("the merger keeps to its rate and can be stopped at once") {
  Scenario scenario(8);
  for (int i = 0; i < 16; ++i) {
    scenario.append(4000);
    REQUIRE(scenario.seal().has_value());
    scenario.sealed();
  }
  std::vector<Row> rows = scenario.expected();
  auto merger = std::make_unique<Merger>(
      *scenario.store, [](const std::string&, const auto&) {});
  MergePolicy slow;
  slow.bytes_per_second = 1000;  // hours
  merger->set_policy("sales", slow);
  merger->start();
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  auto start = Clock::now();
  merger.reset();
  CHECK(seconds_since(start) < 5);
  CHECK(visible_rows(*scenario.store) == rows);
  CHECK(scenario.num_files() ==
        scenario.store->timeline("sales")->sealed.size());
  Merger quick(*scenario.store, [](const std::string&, const auto&) {});
  quick.set_policy("sales", {});
  CHECK(quick.run_once() > 0);
  MergeTotals totals = quick.totals("sales");
  CHECK(totals.merges > 0);
  CHECK(totals.failures == 0);
  MESSAGE("merged ", totals.rows, " rows of 11 columns in ", totals.seconds,
          " s");
  CHECK(visible_rows(*scenario.store) == rows);
  CHECK(quick.run_once() == 0);
}

int64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  int64_t total = 0, resident = 0;
  file >> total >> resident;
  return resident * 4096;
}

TEST_CASE("a store of many segments opens at once and small") {
  const char* wanted = std::getenv("FRESHET_MANY_SEGMENTS");
  int count = wanted ? std::atoi(wanted) : 10'000;
  TemporaryFolder folder;
  auto store = *SegmentStore::open(folder.path());
  std::mt19937_64 random(1);
  auto live = LiveSegment::create("live", model_schema(), {});
  ColumnBatch batch(live->schema());
  for (int i = 0; i < 20; ++i) append_row(batch, random_row(random, kStart));
  live->append(batch);
  std::string sales = folder.path() + "/segments/sales";
  REQUIRE(real_file_system().create_folders(sales).has_value());
  Commit commit;
  commit.dataset = "sales";
  for (int i = 0; i < count; ++i) {
    SegmentRecord record;
    record.id = "sales_20261122T000000Z_" + std::to_string(i + 1);
    record.file = "sales/" + record.id + ".seg";
    record.granule = {Timestamp{kStart}, Timestamp{kStart + kHour}};
    std::string path = folder.path() + "/segments/" + record.file;
    // The first is written; the others have its size, which is what an open
    // looks at.
    if (i == 0) {
      auto file = write_segment(real_file_system(), *live->snapshot(),
                                record.id, path, {});
      REQUIRE(file.has_value());
      record.content_hash = file->content_hash;
      record.bytes = file->bytes;
    } else {
      record = commit.added[0];
      record.id = "sales_20261122T000000Z_" + std::to_string(i + 1);
      record.file = "sales/" + record.id + ".seg";
      REQUIRE(real_file_system()
                  .link(folder.path() + "/segments/" + commit.added[0].file,
                        folder.path() + "/segments/" + record.file)
                  .has_value());
    }
    record.num_rows = 20;
    record.time_range = live->snapshot()->time_range();
    record.sequence = static_cast<uint64_t>(i + 1);
    commit.added.push_back(record);
  }
  REQUIRE(store->metadata().commit(commit).has_value());
  store.reset();
  int64_t before = resident_bytes();
  auto start = Clock::now();
  store = *SegmentStore::open(folder.path());
  double seconds = seconds_since(start);
  int64_t grown = (resident_bytes() - before) / (1 << 20);
  MESSAGE(count, " segments opened in ", seconds * 1000, " ms, ", grown, " MB");
  auto timeline = store->timeline("sales");
  CHECK(timeline->sealed.size() == static_cast<size_t>(count));
  CHECK(seconds < 3);  // 1 s on a machine that does nothing else
  CHECK(grown < 50);
  CHECK(read_rows(*timeline->sealed[0]).size() == 20);
  // A file that is not the one committed is found out when it is read.
  auto column = timeline->sealed[1]->column("store");
  REQUIRE(!column.has_value());
  CHECK(column.error().code == ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace freshet
