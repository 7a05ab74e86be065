// Values that a change event leaves out: whose they are, over batches, seals,
// merges and restarts; and deletes that are remembered.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <functional>
#include <map>

#include "ingest/ingestion.h"
#include "ingest/remembered_deletes.h"
#include "tests/ingest/blocked_folder.h"
#include "tests/ingest/memory_source.h"
#include "tests/ingest/outcome.h"
#include "tests/ingest/scratch_folder.h"

using namespace freshet;

namespace {

constexpr int64_t kStart = 1'792'000'000'000;
constexpr const char* kLeftOut = "__debezium_unavailable_value";

// id, version, text, number; derived: length of text.
IngestionSettings settings() {
  auto schema = std::make_shared<Schema>();
  schema->columns = {{"__time", {ColumnKind::kTimestamp, 0}, false},
                     {"id", {ColumnKind::kLong, 0}, false},
                     {"version", {ColumnKind::kLong, 0}, false},
                     {"text", {ColumnKind::kString, 0}, false},
                     {"length", {ColumnKind::kLong, 0}, false},
                     {"rate", {ColumnKind::kDouble, 0}, false}};
  IngestionSettings s;
  s.dataset = "notes";
  s.decoder.schema = schema;
  s.decoder.format = "debezium";
  s.decoder.time = {"$.ts_ms", "millis"};
  s.decoder.fields = {{1, "id", "", false},
                      {2, "version", "", false},
                      {3, "text", "", false},
                      {5, "rate", "", false}};
  s.key.columns = {1};
  s.key.on_duplicate = KeySettings::OnDuplicate::kReplace;
  s.key.order_by = 2;
  return s;
}

std::string change(int64_t id, int64_t version, const std::string& text,
                   const std::string& rate = "1.5") {
  return fmt::format(
      R"({{"op":"u","ts_ms":{},"after":{{"id":{},"version":{},"text":{},
      "rate":{}}}}})",
      kStart, id, version, text, rate);
}
std::string in_quotes(std::string_view text) {
  return fmt::format("\"{}\"", text);
}
std::string removal(int64_t id, int64_t version) {
  return fmt::format(
      R"({{"op":"d","ts_ms":{},"before":{{"id":{},"version":{}}}}})", kStart,
      id, version);
}

// "length" is that of "text"; drops rows of version 99; may store texts as
// their length in stars.
class TestTransform final : public Transform {
 public:
  explicit TestTransform(bool stars) : stars_(stars) {}
  void apply(ColumnBatch& batch, std::vector<uint8_t>& keep,
             std::vector<RowError>&) const override {
    auto& text = batch.columns()[3];
    auto& length = batch.columns()[4];
    for (size_t i = 0; i < keep.size(); ++i) {
      keep[i] = batch.columns()[2].longs[i] != 99;
      if (text.nulls[i]) continue;
      if (!stars_) {
        length.num_nulls -= length.nulls[i];
        length.nulls[i] = 0;
        length.longs[i] = static_cast<int64_t>(text.strings[i].size());
      } else {
        text.strings[i] = batch.keep(std::string(text.strings[i].size(), '*'));
      }
    }
  }
  bool reads(size_t column) const override { return !stars_ && column == 3; }
  bool stored_as_read(size_t column) const override {
    return !stars_ || column != 3;
  }

 private:
  const bool stars_;
};

// "version|text|length|rate" by id.
std::map<int64_t, std::string> contents(const SegmentStore& store) {
  std::map<int64_t, std::string> rows;
  auto add = [&](const Segment& segment) {
    auto longs = [&](const char* name, uint32_t row) {
      const Column* column = *segment.column(name);
      std::vector<int64_t> values(kBlockRows);
      column->read_longs(0, values.data());
      uint64_t words[kBlockRows / 64];
      if (column->read_nulls(0, words) && (words[row / 64] >> row % 64 & 1)) {
        return std::string("-");
      }
      return std::to_string(values[row]);
    };
    for (uint32_t row = 0; row < segment.num_rows(); ++row) {
      const Bitmap* hidden = segment.hidden_rows();
      if (hidden && hidden->contains(row)) continue;
      const Column* texts = *segment.column("text");
      std::vector<uint32_t> ids(kBlockRows);
      texts->read_ids(0, ids.data());
      std::vector<double> rates(kBlockRows);
      (*segment.column("rate"))->read_doubles(0, rates.data());
      std::string text =
          ids[row] == kNullId
              ? "-"
              : std::string(texts->dictionary()->value(ids[row]));
      auto id = std::stoll(longs("id", row));
      std::string all = fmt::format("{}|{}|{}|{}", longs("version", row), text,
                                    longs("length", row), rates[row]);
      REQUIRE_MESSAGE(rows.emplace(id, all).second, id);
    }
  };
  auto timeline = store.timeline("notes");
  for (const auto& segment : timeline->sealed) add(*segment);
  for (const auto& live : timeline->live) add(*live->snapshot());
  return rows;
}

struct Stream {
  ScratchFolder folder;
  MemoryLog log{1};
  IngestionSettings s = settings();
  std::unique_ptr<SegmentStore> store;
  std::unique_ptr<Ingestion> ingestion;

  void start() {
    if (store == nullptr) {
      auto opened = SegmentStore::open(folder.path());
      REQUIRE(ok(opened));
      store = std::move(*opened);
    }
    ingestion =
        Ingestion::start(s, std::make_unique<MemorySource>(log), *store);
  }
  void crash() {
    ingestion.reset();
    store.reset();
    start();
  }
  // Until all of it is read.
  void send(const std::vector<std::string>& values) {
    for (const std::string& value : values) log.add(0, value);
    settle();
  }
  void settle() {
    int64_t all = 0;
    {
      MutexLock lock(log.mutex);
      all = static_cast<int64_t>(log.partitions[0].size());
    }
    for (int i = 0; i < 2000; ++i) {
      auto progress = ingestion->progress();
      if (!progress.partitions.empty() && progress.partitions[0].next == all) {
        return;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    FAIL(ingestion->progress().error);
  }
  void merge() {
    Merge merge;
    merge.dataset = "notes";
    for (const auto now = store->timeline("notes");
         const auto& segment : now->sealed) {
      merge.segments.push_back(segment->id());
    }
    REQUIRE(ok(store->merge(merge)));
  }
};

using Rows = std::map<int64_t, std::string>;

}  // namespace

TEST_CASE("kept cells: the row that is replaced has the value") {
  Stream stream;
  stream.s.transform = std::make_shared<TestTransform>(false);
  stream.start();
  // In one batch, beside a row that has nothing left out.
  stream.send({change(1, 1, in_quotes("one")), change(2, 1, "null"),
               change(1, 2, in_quotes(kLeftOut)),
               change(2, 2, in_quotes(kLeftOut))});
  CHECK(contents(*stream.store) == Rows{{1, "2|one|3|1.5"}, {2, "2|-|-|1.5"}});
  // From a live row, a sealed one, a merged one.
  stream.send({change(1, 3, in_quotes(kLeftOut), "2.5")});
  CHECK(contents(*stream.store)[1] == "3|one|3|2.5");
  REQUIRE(ok(stream.ingestion->seal()));
  stream.send({change(1, 4, in_quotes(kLeftOut), in_quotes(kLeftOut))});
  CHECK(contents(*stream.store)[1] == "4|one|3|2.5");
  REQUIRE(ok(stream.ingestion->seal()));
  stream.merge();
  stream.send({change(1, 5, in_quotes(kLeftOut))});
  CHECK(contents(*stream.store)[1] == "5|one|3|1.5");
  stream.crash();  // version 5 is read again
  stream.settle();
  stream.send(
      {change(1, 6, in_quotes(kLeftOut)), change(3, 1, in_quotes("x"))});
  CHECK(contents(*stream.store) ==
        Rows{{1, "6|one|3|1.5"}, {2, "2|-|-|1.5"}, {3, "1|x|1|1.5"}});
  CHECK(stream.ingestion->progress().rejected.empty());
}

TEST_CASE("kept cells: of a column that became wider since") {
  Stream stream;
  auto& columns = stream.s.decoder.schema;
  auto before = std::make_shared<Schema>(*columns);
  before->columns[5].type = {ColumnKind::kDecimal, 2};  // rate
  auto now = columns;
  columns = before;
  stream.start();
  stream.send({change(1, 1, in_quotes("one"))});
  REQUIRE(ok(stream.ingestion->stop()));
  columns = now;
  stream.start();
  stream.send({change(1, 2, in_quotes("two"), in_quotes(kLeftOut))});
  CHECK(stream.ingestion->progress().rejected.empty());
  CHECK(contents(*stream.store) == Rows{{1, "2|two|-|1.5"}});
}

TEST_CASE("kept cells: by a key of several columns, spilled to disk") {
  Stream stream;
  stream.s.key.memory_bytes = 1;
  stream.start();
  std::vector<std::string> events;
  for (int i = 0; i < 200; ++i) {
    events.push_back(change(i, 1, in_quotes(fmt::format("t{}", i))));
  }
  stream.send(events);
  REQUIRE(ok(stream.ingestion->seal()));
  events.clear();
  for (int i = 0; i < 200; ++i) {
    events.push_back(change(i, 2, in_quotes(kLeftOut)));
  }
  stream.send(events);
  Rows rows = contents(*stream.store);
  REQUIRE(rows.size() == 200);
  for (const auto& [id, row] : rows) {
    CHECK(row == fmt::format("2|t{}|-|1.5", id));
  }
}

TEST_CASE("kept cells: without a row to take them from, a dead letter") {
  Stream stream;
  stream.s.transform = std::make_shared<TestTransform>(false);
  stream.start();
  stream.send(
      {change(1, 1, in_quotes(kLeftOut)), change(1, 2, in_quotes(kLeftOut)),
       change(2, 1, in_quotes("two")), removal(2, 2),
       change(2, 3, in_quotes(kLeftOut)), change(3, 5, in_quotes("three")),
       change(3, 4, in_quotes(kLeftOut)),  // outdated
       change(4, 1, in_quotes("four")),
       change(4, 99, in_quotes(kLeftOut))});  // filtered
  CHECK(contents(*stream.store) == Rows{{3, "5|three|5|1.5"}});
  IngestionProgress progress = stream.ingestion->progress();
  CHECK(progress.rejected ==
        std::map<std::string, uint64_t>{{"expression", 3}});
  CHECK(progress.outdated == 1);
  REQUIRE(ok(stream.ingestion->seal()));
  auto page = list_dead_letters(stream.store->metadata(), "notes", "", 10);
  REQUIRE(ok(page));
  CHECK(page->letters[0].message ==
        "the value was not sent since it did not change, and no stored row of "
        "the key has it: text");
}

TEST_CASE("kept cells: of a column that is stored otherwise than it is read") {
  Stream stream;
  stream.s.transform = std::make_shared<TestTransform>(true);
  stream.start();
  stream.send(
      {change(1, 1, in_quotes("abcd")), change(1, 2, in_quotes(kLeftOut))});
  CHECK(contents(*stream.store) == Rows{{1, "2|****|-|1.5"}});
  REQUIRE(ok(stream.ingestion->seal()));
  stream.send({change(1, 3, in_quotes(kLeftOut))});
  CHECK(contents(*stream.store) == Rows{{1, "3|****|-|1.5"}});
  // A row that the filter drops needs no value.
  stream.send({change(7, 99, in_quotes(kLeftOut))});
  CHECK(stream.ingestion->progress().rejected.empty());
}

TEST_CASE("kept cells: the key, or the order, was left out") {
  Stream stream;
  stream.s.decoder.schema = [] {
    auto schema = std::make_shared<Schema>(*settings().decoder.schema);
    schema->columns[1].type = {ColumnKind::kString, 0};
    return schema;
  }();
  stream.start();
  stream.send({fmt::format(
      R"({{"op":"u","ts_ms":{},"after":{{"id":"{}","version":1}}}})", kStart,
      kLeftOut)});
  CHECK(stream.ingestion->progress().rejected ==
        std::map<std::string, uint64_t>{{"expression", 1}});
}

TEST_CASE("deletes: an older version after a restart stays away") {
  Stream stream;
  stream.start();
  stream.send({change(1, 5, in_quotes("a")), removal(1, 6), removal(2, 3)});
  stream.crash();  // before the deletes were durable
  stream.settle();
  stream.send({change(1, 5, in_quotes("a"))});
  REQUIRE(ok(stream.ingestion->seal()));
  stream.crash();
  stream.send({change(1, 5, in_quotes("a")), change(2, 2, in_quotes("b")),
               change(3, 1, in_quotes("c"))});
  CHECK(contents(*stream.store) == Rows{{3, "1|c|-|1.5"}});
  CHECK(stream.ingestion->progress().outdated == 3);
  stream.send({change(1, 6, in_quotes("again"))});  // as new as the delete
  REQUIRE(ok(stream.ingestion->stop()));
  stream.crash();
  CHECK(contents(*stream.store) ==
        Rows{{1, "6|again|-|1.5"}, {3, "1|c|-|1.5"}});
}

TEST_CASE("deletes: one is needed until what says otherwise is durable") {
  Stream stream;
  stream.s.late_ms = 100;
  stream.start();
  stream.send({change(1, 5, in_quotes("a")), removal(1, 6)});
  REQUIRE(ok(stream.ingestion->seal()));
  BlockedFolder segments(stream.folder.path() + "/segments");
  stream.send({change(1, 5, in_quotes("late")),
               fmt::format(R"({{"op":"u","ts_ms":{},"after":{{"id":2,
                   "version":1,"rate":1.5}}}})",
                           kStart + 1000)});
  CHECK(!ok(stream.ingestion->seal()));  // the watermark is not durable
  stream.ingestion.reset();
  segments.give_back();
  stream.crash();
  stream.settle();
  CHECK(contents(*stream.store) == Rows{{2, "1|-|-|1.5"}});
}

TEST_CASE("deletes: one without an order counts as the newest") {
  Stream stream;
  stream.start();
  stream.send({change(1, 5, in_quotes("a")),
               R"({"op":"d","ts_ms":1792000000000,"before":{"id":1}})",
               change(2, 1, in_quotes("b")), change(1, 4, in_quotes("late"))});
  CHECK(contents(*stream.store) == Rows{{2, "1|b|-|1.5"}});
}

namespace {

std::vector<std::string> kept(const IngestionSettings& s, MetadataStore& store,
                              uint64_t most = 1000) {
  RememberedDeletes deletes(s, store, most);
  std::vector<std::string> all;
  Status read = deletes.load([&](const RememberedDeletes::Delete& one) {
    all.push_back(fmt::format("{} {} {}", one.key, one.order, one.time.ms));
    return Status();
  });
  if (!read) all = {read.error().message};
  return all;
}

void commit(RememberedDeletes& deletes, MetadataStore& store) {
  for (const auto& [key, value] : deletes.take()) {
    REQUIRE(ok(store.put(key, value)));
  }
}

void forget(RememberedDeletes& deletes, MetadataStore& store,
            Timestamp horizon) {
  REQUIRE(ok(store.change({}, deletes.forget(horizon))));
}

}  // namespace

TEST_CASE("deletes: kept as long as lateness and the limit say") {
  ScratchFolder folder;
  auto store = MetadataStore::open(folder.path());
  REQUIRE(ok(store));
  IngestionSettings s = settings();
  s.late_ms = 100;
  RememberedDeletes deletes(s, **store, 4);
  REQUIRE(ok(deletes.load([](const auto&) { return Status(); })));
  CHECK(deletes.take().empty());
  for (int64_t i = 0; i < 6; ++i) {
    deletes.add({"k" + std::to_string(i), i, Timestamp{1000 + i}});
    CHECK(deletes.bytes() > 0);
    if (i % 2) commit(deletes, **store);
    CHECK((deletes.bytes() == 0) == (i % 2 == 1));
  }
  CHECK(kept(s, **store) == std::vector<std::string>{"k0 0 1000", "k1 1 1001",
                                                     "k2 2 1002", "k3 3 1003",
                                                     "k4 4 1004", "k5 5 1005"});
  // The oldest record goes, since there are six and four are kept.
  forget(deletes, **store, kMinTimestamp);
  CHECK(kept(s, **store).size() == 4);
  // A record goes with the last of its deletes.
  Timestamp now{5000};
  CHECK(deletes.horizon(kMinTimestamp, now) == kMinTimestamp);
  CHECK(deletes.horizon(Timestamp{1103}, now) == Timestamp{1003});
  forget(deletes, **store, Timestamp{1003});
  CHECK(kept(s, **store).size() == 4);
  forget(deletes, **store, Timestamp{1004});
  CHECK(kept(s, **store) == std::vector<std::string>{"k4 4 1004", "k5 5 1005"});
  s.retention_ms = 1000;
  RememberedDeletes other(s, **store);
  CHECK(other.horizon(Timestamp{1103}, now) == Timestamp{4000});
  s.late_policy = IngestionSettings::LatePolicy::kAccept;
  s.retention_ms = -1;
  CHECK(RememberedDeletes(s, **store).horizon(Timestamp{1103}, now) ==
        kMinTimestamp);
}

TEST_CASE("deletes: their orders are those of the column's type of now") {
  ScratchFolder folder;
  auto store = MetadataStore::open(folder.path());
  REQUIRE(ok(store));
  IngestionSettings s = settings();
  RememberedDeletes deletes(s, **store);
  deletes.add({"k", 3, Timestamp{1}});
  commit(deletes, **store);
  auto typed = [&](ColumnType type) {
    auto schema = std::make_shared<Schema>(*s.decoder.schema);
    schema->columns[2].type = type;  // version
    IngestionSettings other = s;
    other.decoder.schema = schema;
    return other;
  };
  CHECK(kept(typed({ColumnKind::kDecimal, 2}), **store) ==
        std::vector<std::string>{"k 300 1"});
  CHECK(kept(typed({ColumnKind::kDouble, 0}), **store) ==
        std::vector<std::string>{fmt::format("k {} 1", int64_t{0x4008} << 48)});
  // As records without the type were written.
  auto older = [&](std::string value) {
    const std::string type = "by long";
    auto at = value.find(type);
    value.erase(at, type.size());
    value[1] = static_cast<char>(value[1] - type.size());
    return value;
  };
  std::string key, written;
  REQUIRE(ok((*store)->scan("deletes/", "", [&](auto k, auto value) {
    key = k, written = value;
    return true;
  })));
  REQUIRE(ok((*store)->put(key, older(written))));
  CHECK(kept(s, **store) == std::vector<std::string>{"k 3 1"});
  REQUIRE(ok((*store)->put(key, written)));
  CHECK(kept(typed({ColumnKind::kTimestamp, 0}), **store).empty());
}

TEST_CASE("deletes: of another key go, damaged ones are told") {
  ScratchFolder folder;
  auto store = MetadataStore::open(folder.path());
  REQUIRE(ok(store));
  IngestionSettings s = settings();
  RememberedDeletes deletes(s, **store);
  deletes.add({"k", 1, Timestamp{1}});
  auto records = deletes.take();
  REQUIRE(records.size() == 1);
  REQUIRE(ok((*store)->put(records[0].first, records[0].second)));
  IngestionSettings other = s;
  other.key.columns = {1, 3};
  CHECK(kept(other, **store).empty());
  CHECK(kept(s, **store).empty());  // they are gone
  for (std::string value :
       {records[0].second.substr(0, records[0].second.size() - 1),
        std::string(), "\2" + records[0].second}) {
    REQUIRE(ok((*store)->put(records[0].first, value)));
    auto told = kept(s, **store);
    REQUIRE(told.size() == 1);
    CHECK(told[0].find(records[0].first) != std::string::npos);
  }
}
