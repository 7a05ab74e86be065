// Rows stored before a column became wider: their keys, their order and the
// values that others take from them stay what they were.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <limits>

#include "ingest/key_hash.h"
#include "segments/live_segment.h"
#include "tests/ingest/sales_stream.h"
#include "tests/ingest/scratch_folder.h"

using namespace freshet;

namespace {

constexpr int64_t kStart = 1'792'000'000'000;
constexpr ColumnType kLong{ColumnKind::kLong, 0};
constexpr ColumnType kReal{ColumnKind::kDouble, 0};
constexpr ColumnType kCents{ColumnKind::kDecimal, 2};
constexpr ColumnType kFine{ColumnKind::kDecimal, 4};

std::shared_ptr<const Schema> schema_of(std::vector<ColumnType> types) {
  auto schema = std::make_shared<Schema>();
  schema->columns = {{"__time", {ColumnKind::kTimestamp, 0}, false}};
  for (size_t i = 0; i < types.size(); ++i) {
    schema->columns.push_back({fmt::format("c{}", i + 1), types[i], false});
  }
  return schema;
}

// One row of values that are there; a text is read as its column's.
void add(ColumnBatch& batch, const std::vector<std::string>& texts) {
  batch.set_long(0, kStart);
  for (size_t c = 1; c <= texts.size(); ++c) {
    ColumnType type = batch.schema().columns[c].type;
    if (type.kind == ColumnKind::kDouble) {
      batch.set_double(c, std::stod(texts[c - 1]));
    } else {
      batch.set_long(c, *parse_decimal(texts[c - 1], type.scale));
    }
  }
  batch.commit_row();
}

std::shared_ptr<const Segment> stored(
    const std::shared_ptr<const Schema>& schema,
    const std::vector<std::vector<std::string>>& rows) {
  ColumnBatch batch(schema);
  for (const auto& row : rows) add(batch, row);
  auto live = LiveSegment::create(
      "x", schema, {Timestamp{kStart}, Timestamp{kStart + kDay}});
  live->append(batch);
  return live->snapshot();
}

}  // namespace

TEST_CASE("widened: keys and orders are those of the type of now") {
  auto before = schema_of({kLong, kLong, kCents, kCents, kLong});
  auto after = schema_of({kCents, kReal, kFine, kReal, kLong});
  const std::vector<std::string> texts = {"-7", "12", "3.25", "12.34", "9"};
  auto segment = stored(before, {{"1", "1", "1", "1", "1"}, texts});
  ColumnBatch batch(after);
  add(batch, texts);
  KeyHasher hasher;
  for (size_t c = 1; c < after->columns.size(); ++c) {
    CAPTURE(c);
    std::vector<size_t> columns = {c};
    auto keys = SegmentKeys::open(*segment, *after, columns);
    REQUIRE(ok(keys));
    auto read = keys->read(0);
    auto fresh = key_values(batch, columns);
    REQUIRE(hasher.hash(read, 1).has_value());
    CHECK(hasher.hash(read, 1) == hasher.hash(fresh, 0));
    CHECK(hasher.hash(read, 0) != hasher.hash(fresh, 0));
    CHECK(order_of(read[0], 1) == order_of(fresh[0], 0));
  }
}

TEST_CASE("widened: what may not become another type is null") {
  auto segment = stored(schema_of({kReal, kFine, {ColumnKind::kBool, 0}}),
                        {{"1", "1", "1"}});
  auto after = schema_of({kLong, kCents, kLong});
  for (size_t c = 1; c < after->columns.size(); ++c) {
    std::vector<size_t> columns = {c};
    auto keys = SegmentKeys::open(*segment, *after, columns);
    REQUIRE(ok(keys));
    CHECK_FALSE(KeyHasher().hash(keys->read(0), 0).has_value());
  }
}

// 92233720368547758.07 is the greatest decimal(2).
TEST_CASE("widened: a number beyond the type of now is no other one's key") {
  const std::string huge = "100000000000000000", wrapped = "0";
  auto segment = stored(schema_of({kLong, kLong}),
                        {{huge, "1"}, {"-" + huge, "1"}, {wrapped, "1"}});
  auto after = schema_of({kCents, kLong});
  std::vector<size_t> columns = {1, 2};
  auto keys = SegmentKeys::open(*segment, *after, columns);
  REQUIRE(ok(keys));
  auto read = keys->read(0);
  KeyHasher hasher;
  CHECK_FALSE(hasher.hash(read, 0).has_value());
  CHECK_FALSE(hasher.hash(read, 1).has_value());
  CHECK(hasher.hash(read, 2).has_value());
  CHECK(order_of(read[0], 0) == std::numeric_limits<int64_t>::max());
  CHECK(order_of(read[0], 1) == kNoOrder + 1);
}

namespace {

using OnDuplicate = KeySettings::OnDuplicate;

// store, line and version; `type` is that of line and version.
IngestionSettings keyed(OnDuplicate on_duplicate, ColumnType type) {
  auto schema = std::make_shared<Schema>();
  schema->columns = {{"__time", {ColumnKind::kTimestamp, 0}, false},
                     {"store", {ColumnKind::kString, 0}, false},
                     {"line", type, false},
                     {"version", type, false},
                     {"qty", kLong, false}};
  IngestionSettings s = settings();
  s.decoder.schema = schema;
  s.decoder.fields = {{1, "store", "", false},
                      {2, "line", "", false},
                      {3, "version", "", false},
                      {4, "qty", "", false}};
  s.key.columns = {1, 2};
  s.key.on_duplicate = on_duplicate;
  if (on_duplicate == OnDuplicate::kReplace) s.key.order_by = 3;
  return s;
}

std::string sale(int line, int version, int qty) {
  return fmt::format(R"({{"ts":{},"store":"A","line":{},"version":{},)"
                     R"("qty":{}}})",
                     kStart, line, version, qty);
}

// As quantities(), without rows that are hidden.
std::multiset<int64_t> visible(const SegmentStore& store) {
  std::multiset<int64_t> all;
  auto add = [&](const Segment& segment) {
    std::vector<int64_t> values(kBlockRows);
    (*segment.column("qty"))->read_longs(0, values.data());
    for (uint32_t i = 0; i < segment.num_rows(); ++i) {
      const Bitmap* hidden = segment.hidden_rows();
      if (!hidden || !hidden->contains(i)) all.insert(values[i]);
    }
  };
  auto timeline = store.timeline("sales");
  for (const auto& segment : timeline->sealed) add(*segment);
  for (const auto& live : timeline->live) add(*live->snapshot());
  return all;
}

// Sends to a stream of these settings, and seals.
void send(const IngestionSettings& s, SegmentStore& store, MemoryLog& log,
          const std::vector<std::string>& events) {
  auto ingestion = start(s, log, store);
  for (const std::string& event : events) log.add(0, event);
  int64_t all = 0;
  {
    MutexLock lock(log.mutex);
    all = static_cast<int64_t>(log.partitions[0].size());
  }
  REQUIRE(wait_for([&] { return next_total(*ingestion) == all; }));
  REQUIRE(ok(ingestion->stop()));
}

}  // namespace

TEST_CASE("widened: a key column hides no rows and lets no repeat in") {
  for (OnDuplicate what : {OnDuplicate::kIgnore, OnDuplicate::kReplace}) {
    for (ColumnType wide : {kCents, kReal}) {
      for (std::vector<size_t> key : {std::vector<size_t>{1, 2}, {2}}) {
        CAPTURE(to_string(wide));
        CAPTURE(key.size());
        ScratchFolder folder;
        auto store = SegmentStore::open(folder.path());
        REQUIRE(ok(store));
        MemoryLog log(1);
        IngestionSettings s = keyed(what, kLong);
        s.key.columns = key;
        send(s, **store, log, {sale(1, 1, 1), sale(2, 1, 2), sale(3, 1, 3)});
        s = keyed(what, wide);
        s.key.columns = key;
        send(s, **store, log, {sale(1, 2, 10)});
        bool replaces = what == OnDuplicate::kReplace;
        CHECK(visible(**store) ==
              std::multiset<int64_t>{replaces ? 10 : 1, 2, 3});
      }
    }
  }
}

TEST_CASE("widened: by order_by the newest stored row stays the newest") {
  for (ColumnType wide : {kCents, kReal}) {
    ScratchFolder folder;
    auto store = SegmentStore::open(folder.path());
    REQUIRE(ok(store));
    MemoryLog log(1);
    send(keyed(OnDuplicate::kReplace, kLong), **store, log,
         {sale(1, 10, 1), sale(2, 10, 2)});
    send(keyed(OnDuplicate::kReplace, wide), **store, log,
         {sale(1, 5, 3), sale(2, 11, 4)});
    CHECK(visible(**store) == std::multiset<int64_t>{1, 4});
  }
}
