// Lookups as ingestion keeps them: rows as bytes, the store, what messages
// become, and the feeds.
#include <doctest/doctest.h>
#include <fmt/core.h>

#include <fstream>
#include <map>
#include <thread>

#include "ingest/lookup_feed.h"
#include "ingest/lookup_rows.h"
#include "segments/mutex.h"
#include "tests/ingest/memory_source.h"
#include "tests/ingest/scratch_folder.h"

using namespace freshet;

namespace {

std::shared_ptr<const Schema> products_schema(const char* second = "category") {
  return std::make_shared<const Schema>(
      Schema{{{"__time", {ColumnKind::kTimestamp, 0}, false},
              {"sku", {ColumnKind::kString, 0}, false},
              {second, {ColumnKind::kString, 0}, false},
              {"cost", {ColumnKind::kDecimal, 2}, false},
              {"weight", {ColumnKind::kDouble, 0}, false}}});
}

LookupSettings settings_of(const std::string& format = "json") {
  LookupSettings settings;
  settings.name = "products";
  settings.decoder.schema = products_schema();
  settings.decoder.time.from_message = true;
  settings.decoder.format = format;
  const Schema& schema = *settings.decoder.schema;
  for (size_t c = 1; c < schema.columns.size(); ++c) {
    FieldSpec field;
    field.column = c;
    field.path = schema.columns[c].name;
    settings.decoder.fields.push_back(field);
  }
  settings.decoder.key = {1};
  return settings;
}

// "a: tools 1.50 -", or "a: gone".
std::string text_of(const LookupEntry& entry,
                    std::shared_ptr<const Schema> schema = products_schema()) {
  if (!entry.row) return entry.key + ": gone";
  ColumnBatch batch(schema);
  Status read = decode_lookup_row(*entry.row, batch);
  if (!read) return read.error().message;
  auto& columns = batch.columns();
  auto text = [&](size_t c) -> std::string {
    if (columns[c].nulls[0]) return "-";
    switch (schema->columns[c].type.kind) {
      case ColumnKind::kString:
        return std::string(columns[c].strings[0]);
      case ColumnKind::kDouble:
        return fmt::format("{}", columns[c].doubles[0]);
      default:
        return decimal_to_string(columns[c].longs[0], 2);
    }
  };
  return fmt::format("{}: {} {} {}", entry.key, text(2), text(3), text(4));
}

struct Sent {
  const char* key;
  const char* value;  // null: a tombstone
};

std::vector<std::string> entries_of(
    const LookupSettings& settings, std::vector<Sent> sent,
    std::vector<std::string>* faults = nullptr) {
  std::vector<RawMessage> messages;
  for (const Sent& one : sent) {
    RawMessage message;
    message.key = one.key;
    message.null_value = one.value == nullptr;
    if (one.value) message.value = one.value;
    messages.push_back(message);
  }
  auto decoder = LookupDecoder::create(settings);
  REQUIRE(decoder.has_value());
  std::vector<LookupEntry> entries;
  std::vector<Rejection> rejections;
  (*decoder)->decode(messages, entries, rejections);
  for (const Rejection& rejection : rejections) {
    if (faults) {
      faults->push_back(fmt::format("{} {}: {}", rejection.message,
                                    rejection.reason, rejection.text));
    }
  }
  if (!faults) CHECK(rejections.empty());
  std::vector<std::string> texts;
  for (const LookupEntry& entry : entries) texts.push_back(text_of(entry));
  return texts;
}

using Texts = std::vector<std::string>;

LookupEntry entry_of(const char* sku, const char* category,
                     std::optional<int64_t> cost = std::nullopt) {
  ColumnBatch batch(products_schema());
  batch.set_string(1, sku);
  if (category) batch.set_string(2, category);
  if (cost) batch.set_long(3, *cost);
  batch.commit_row();
  return {sku, encode_lookup_row(batch, 0), {}};
}

struct Kept {
  ScratchFolder folder;
  std::unique_ptr<MetadataStore> rocks;
  Kept() { open(); }
  void open() {
    rocks.reset();
    rocks = *MetadataStore::open(folder.path() + "/lookups");
  }
  LookupStore store(std::shared_ptr<const Schema> schema = products_schema(),
                    const std::string& source = "http", size_t key = 1) {
    LookupStore made(*rocks, "products", std::move(schema), key, source);
    REQUIRE(made.open().has_value());
    return made;
  }
};

Texts rows_of(const LookupStore& store,
              std::shared_ptr<const Schema> schema = products_schema()) {
  Texts texts;
  Status read = store.read([&](std::string_view key, std::string_view row) {
    texts.push_back(text_of({std::string(key), std::string(row), {}}, schema));
    return Status();
  });
  CHECK(read.has_value());
  return texts;
}

void write(LookupStore& store, LookupChange change) {
  REQUIRE(store.fill_kept(change).has_value());
  REQUIRE(store.write(change).has_value());
}

}  // namespace

TEST_CASE("rows survive as bytes, and bytes at fault are refused") {
  LookupEntry entry = entry_of("a\0b", "x", -150);
  CHECK(text_of(entry) == "a: x -1.50 -");
  ColumnBatch batch(products_schema());
  for (size_t size = 0; size < entry.row->size(); ++size) {
    CHECK_FALSE(
        decode_lookup_row(entry.row->substr(0, size), batch).has_value());
  }
  CHECK_FALSE(decode_lookup_row(*entry.row + "x", batch).has_value());
  std::string odd = *entry.row;
  odd[0] = 7;
  CHECK(decode_lookup_row(odd, batch).error().code == ErrorCode::kCorrupt);
  CHECK(batch.num_rows() == 0);
  CHECK(decode_lookup_row(*entry.row, batch).has_value());
}

TEST_CASE("what messages of a compacted topic become") {
  CHECK(entries_of(settings_of(),
                   {{"a", R"({"sku":"a","category":"tools","cost":1.5})"},
                    {"b", R"({"sku":"b","weight":0.25})"},
                    {"a", nullptr},
                    {R"({"sku":"c"})", nullptr},
                    {"a", R"({"sku":"a","category":"new"})"}}) ==
        Texts{"a: tools 1.50 -", "b: - - 0.25", "a: gone", "c: gone",
              "a: new - -"});
  // The key is in the message's key alone.
  LookupSettings settings = settings_of();
  settings.decoder.fields[0].message = "key.id";
  CHECK(entries_of(settings, {{R"({"id":"x"})", R"({"category":"y"})"},
                              {R"({"id":"x"})", nullptr}}) ==
        Texts{"x: y - -", "x: gone"});
}

TEST_CASE("messages that are no rows") {
  Texts faults;
  CHECK(entries_of(settings_of(),
                   {{"", "nonsense"},
                    {"", R"({"category":"tools"})"},
                    {"", nullptr},
                    {"a", R"({"sku":"a","cost":"much"})"},
                    {"b", R"({"sku":"b"})"}},
                   &faults) == Texts{"b: - - -"});
  REQUIRE(faults.size() == 4);
  std::sort(faults.begin(), faults.end());
  CHECK(faults[0].starts_with("0 not_json"));
  CHECK(faults[1] == "1 key: the row has no key: sku");
  CHECK(faults[2].starts_with("2 key: "));
  CHECK(faults[3].starts_with("3 wrong_type"));
}

TEST_CASE("a message without a value whose key is in Avro is told") {
  auto decoder = LookupDecoder::create(settings_of());
  REQUIRE(decoder.has_value());
  RawMessage message;
  message.key = std::string_view("\0\0\0\0\7\2a", 7);
  message.null_value = true;
  std::vector<LookupEntry> entries;
  std::vector<Rejection> rejections;
  (*decoder)->decode(std::span(&message, 1), entries, rejections);
  CHECK(entries.empty());
  REQUIRE(rejections.size() == 1);
  CHECK(rejections[0].text.find("Avro") != std::string::npos);
}

TEST_CASE("Debezium: create, update, delete and the tombstone behind it") {
  LookupSettings settings = settings_of("debezium");
  settings.decoder.decimals = "string";
  CHECK(entries_of(settings,
                   {{"k", R"({"op":"r","after":{"sku":"a","category":"x"}})"},
                    {"k", R"({"op":"c","after":{"sku":"b","cost":"2.25"}})"},
                    {"k", R"({"op":"u","before":null,"after":{"sku":"a",)"
                          R"("category":"__debezium_unavailable_value"}})"},
                    {"k", R"({"op":"d","before":{"sku":"b"},"after":null,)"
                          R"("source":{"ts_ms":1}})"},
                    {"k", nullptr}}) ==
        Texts{"a: x - -", "b: - 2.25 -", "a: - - -", "b: gone"});
}

TEST_CASE("Debezium: a row that gets another key leaves the former one") {
  CHECK(entries_of(settings_of("debezium"),
                   {{"7", R"({"op":"c","after":{"sku":"a","category":"x"}})"},
                    {"7", R"({"op":"u","before":{"sku":"a"},)"
                          R"("after":{"sku":"b","category":"x"}})"}}) ==
        Texts{"a: x - -", "a: gone", "b: x - -"});
}

TEST_CASE("the store keeps rows, offsets and state across restarts") {
  Kept kept;
  {
    LookupStore store = kept.store();
    CHECK(store.state().changed.ms == 0);
    LookupChange change;
    change.entries = {entry_of("a", "old", 1), entry_of("b", "toys", 2),
                      entry_of("a", "tools", 3)};
    change.offsets["t/0"] = OffsetRecord{7, 6, 99, 5};
    change.complete = true;
    write(store, std::move(change));
    CHECK(store.state().changed.ms > 0);
  }
  kept.open();
  LookupStore store = kept.store();
  CHECK(rows_of(store) == Texts{"a: tools 0.03 -", "b: toys 0.02 -"});
  CHECK(store.offsets()->at("t/0") == OffsetRecord{7, 6, 99, 5});
  CHECK(store.state().complete);
  LookupChange change;
  change.entries = {{"b", std::nullopt, {}}, {"never", std::nullopt, {}}};
  write(store, std::move(change));
  CHECK(rows_of(store) == Texts{"a: tools 0.03 -"});
  LookupChange whole;
  whole.replaces = true;
  whole.entries = {entry_of("c", "new")};
  write(store, std::move(whole));
  CHECK(rows_of(store) == Texts{"c: new - -"});
}

TEST_CASE("values that the source left out stay as they were") {
  Kept kept;
  LookupStore store = kept.store();
  LookupChange first;
  first.entries = {entry_of("a", "big text", 1)};
  write(store, std::move(first));
  LookupChange change;
  change.entries = {entry_of("a", nullptr, 2), entry_of("b", "two", 5),
                    entry_of("b", nullptr, 6), entry_of("c", nullptr, 7)};
  for (size_t i : {0, 2, 3}) change.entries[i].kept = {2};
  write(store, std::move(change));
  CHECK(rows_of(store) ==
        Texts{"a: big text 0.02 -", "b: two 0.06 -", "c: - 0.07 -"});
}

TEST_CASE("columns that come and go keep the others; another source does not") {
  Kept kept;
  {
    LookupStore store = kept.store();
    LookupChange change;
    change.entries = {entry_of("a", "tools", 150)};
    write(store, std::move(change));
  }
  auto other = products_schema("kind");  // category goes, kind comes
  CHECK(rows_of(kept.store(other), other) == Texts{"a: - 1.50 -"});
  CHECK(rows_of(kept.store(products_schema())) == Texts{"a: - 1.50 -"});
  // Another key names other rows.
  CHECK(rows_of(kept.store(products_schema(), "http", 2)).empty());
  {
    LookupStore store = kept.store();
    LookupChange change;
    change.entries = {entry_of("a", "tools")};
    write(store, std::move(change));
  }
  CHECK(rows_of(kept.store(products_schema(), "kafka")).empty());
}

TEST_CASE("a column that becomes wider keeps its values, another does not") {
  Kept kept;
  {
    LookupStore store = kept.store();
    LookupChange change;
    change.entries = {entry_of("a", "tools", 150), entry_of("b", "toys")};
    write(store, std::move(change));
  }
  auto typed = [](ColumnType category, ColumnType cost) {
    Schema schema = *products_schema();
    schema.columns[2].type = category;
    schema.columns[3].type = cost;
    return std::make_shared<const Schema>(schema);
  };
  constexpr ColumnType kText{ColumnKind::kString, 0};
  auto finer = typed(kText, {ColumnKind::kDecimal, 4});
  LookupStore store = kept.store(finer);
  ColumnBatch batch(finer);
  REQUIRE(store
              .read([&](std::string_view, std::string_view row) {
                return decode_lookup_row(row, batch);
              })
              .has_value());
  CHECK(batch.columns()[3].longs[0] == 15'000);
  CHECK(batch.columns()[3].nulls[1] == 1);
  auto real = typed(kText, {ColumnKind::kDouble, 0});
  batch = ColumnBatch(real);
  LookupStore second = kept.store(real);
  REQUIRE(second
              .read([&](std::string_view, std::string_view row) {
                return decode_lookup_row(row, batch);
              })
              .has_value());
  CHECK(batch.columns()[2].strings[0] == "tools");
  CHECK(batch.columns()[3].doubles[0] == 1.5);
  // A text is no number, and a double no decimal.
  CHECK(rows_of(kept.store(typed({ColumnKind::kLong, 0}, kText)),
                typed({ColumnKind::kLong, 0}, kText)) ==
        Texts{"a: - - -", "b: - - -"});
}

TEST_CASE("damaged state is told, not guessed") {
  Kept kept;
  kept.store();
  REQUIRE(kept.rocks->put("lookup/products/state", "\1nonsense").has_value());
  LookupStore store(*kept.rocks, "products", products_schema(), 1, "http");
  CHECK(store.open().error().code == ErrorCode::kCorrupt);
  REQUIRE(kept.rocks->put("lookup/products/state", "\x9").has_value());
  CHECK(store.open().error().code == ErrorCode::kUnsupported);
}

namespace {

// What a feed gave, as a lookup holds it.
struct Taken final : LookupTarget {
  Mutex mutex;
  std::map<std::string, std::string> rows ABSL_GUARDED_BY(mutex);
  LookupChange last ABSL_GUARDED_BY(mutex);
  bool complete ABSL_GUARDED_BY(mutex) = false;
  size_t most_rows = 1000;
  std::atomic<int> fail{0};  // so often

  Status take(LookupChange& change) override {
    MutexLock lock(mutex);
    if (fail > 0) {
      --fail;
      return Error{ErrorCode::kIo, "no room"};
    }
    if (change.replaces) rows.clear();
    for (const LookupEntry& entry : change.entries) {
      if (entry.row) {
        rows[entry.key] = text_of(entry);
      } else {
        rows.erase(entry.key);
      }
    }
    if (rows.size() > most_rows) return Error{ErrorCode::kLimit, "too many"};
    complete = complete || change.complete;
    last = change;
    return {};
  }
  void idle() override {}
  size_t size() {
    MutexLock lock(mutex);
    return rows.size();
  }
  bool is_complete() {
    MutexLock lock(mutex);
    return complete;
  }
};

template <class Done>
bool soon(Done done) {
  for (int i = 0; i < 2000; ++i) {
    if (done()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return false;
}

void fill(MemoryLog& log, int from, int to) {
  for (int i = from; i < to; ++i) {
    log.add(static_cast<size_t>(i) % 2,
            fmt::format(R"({{"sku":"s{}","category":"c{}"}})", i % 100, i));
  }
}

}  // namespace

TEST_CASE("a stream follows its source and goes on where it was") {
  MemoryLog log(2);
  fill(log, 0, 300);
  Taken taken;
  taken.fail = 1;  // nothing is lost by a failure
  std::map<PartitionName, OffsetRecord> offsets;
  {
    auto feed = start_lookup_stream(
        settings_of(), std::make_unique<MemorySource>(log), {}, false, taken);
    REQUIRE(feed.has_value());
    CHECK(soon([&] { return taken.is_complete(); }));
    CHECK(taken.size() == 100);
    log.add(0, "nonsense");
    CHECK(soon([&] { return (*feed)->state().rejected == 1; }));
    LookupFeedState state = (*feed)->state();
    CHECK(state.last_rejection.starts_with("m/0 at 150: ") == false);
    CHECK(state.last_rejection.find(" at 150: ") != std::string::npos);
    CHECK(soon([&] {
      MutexLock lock(taken.mutex);
      return taken.last.offsets["m/0"].next == 151;
    }));
    MutexLock lock(taken.mutex);
    offsets = taken.last.offsets;
    CHECK(taken.rows["s99"] == "s99: c299 - -");
  }
  fill(log, 300, 310);
  Taken again;
  auto feed = start_lookup_stream(
      settings_of(), std::make_unique<MemorySource>(log), offsets, true, again);
  REQUIRE(feed.has_value());
  CHECK(soon([&] { return again.size() == 10; }));
  CHECK((*feed)->state().messages == 10);
}

TEST_CASE("a lookup that is full stops and says so") {
  MemoryLog log(2);
  fill(log, 0, 100);
  Taken taken;
  taken.most_rows = 20;
  auto feed = start_lookup_stream(
      settings_of(), std::make_unique<MemorySource>(log), {}, false, taken);
  REQUIRE(feed.has_value());
  CHECK(
      soon([&] { return (*feed)->state().state == IngestionState::kFailed; }));
  CHECK((*feed)->state().error == "too many");
  CHECK_FALSE(taken.is_complete());
}

TEST_CASE("files replace the rows whole, or not at all") {
  ScratchFolder folder;
  auto put = [&](const char* name, const std::string& text) {
    std::ofstream(folder.path() + "/" + name) << text;
  };
  put("1.csv", "sku,category,cost\na,tools,1.50\nb,toys,2\n");
  FileSettings files;
  files.place.path = folder.path() + "/*.csv";
  files.look_every_ms = 10;
  Taken taken;
  auto feed = start_lookup_files(settings_of(), files,
                                 folder.path() + "/scratch", "", taken);
  REQUIRE(feed.has_value());
  CHECK(soon([&] { return taken.size() == 2; }));
  CHECK(taken.is_complete());
  put("2.csv", "sku,category\nb,games\nc,x\n");
  CHECK(soon([&] { return taken.size() == 3; }));
  {
    MutexLock lock(taken.mutex);
    CHECK(taken.rows["b"] == "b: games - -");
  }
  put("2.csv", "sku,cost\nc,1\nd,much\n");
  CHECK(
      soon([&] { return (*feed)->state().state == IngestionState::kFailed; }));
  CHECK((*feed)->state().error.starts_with("file 2.csv, line 3: "));
  CHECK(taken.size() == 3);
  std::filesystem::remove(folder.path() + "/2.csv");
  CHECK(soon([&] { return taken.size() == 2; }));
  std::filesystem::remove(folder.path() + "/1.csv");
  CHECK(
      soon([&] { return (*feed)->state().state == IngestionState::kWaiting; }));
  CHECK(taken.size() == 2);
}
