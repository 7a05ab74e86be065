// Dead letters that are taken again: each becomes rows exactly once.
#include <absl/time/clock.h>
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <atomic>
#include <future>
#include <random>

#include "ingest/dead_letters.h"
#include "ingest/offset_reset.h"
#include "tests/ingest/blocked_folder.h"
#include "tests/ingest/sales_stream.h"
#include "tests/ingest/scratch_folder.h"
#include "tests/support/fault_file_system.h"

using namespace freshet;

namespace {

constexpr int64_t kTime = 1795344067120 - 30 * kDay;

std::string wrong(int64_t qty) {
  return fmt::format(R"({{"ts":{},"store":"S","qty":"{}?"}})", kTime, qty);
}

std::vector<DeadLetter> letters(SegmentStore& store) {
  auto page = list_dead_letters(store.metadata(), "sales", "", 1000);
  REQUIRE(ok(page));
  return page->letters;
}

std::vector<LetterReplay> mended(const std::vector<DeadLetter>& letters) {
  std::vector<LetterReplay> replays;
  for (const DeadLetter& letter : letters) {
    std::string event = letter.bytes;
    std::erase(event, '?');
    replays.push_back({letter.id(), event});
  }
  return replays;
}

// `count` wrong events of quantities 1.., durable as dead letters.
std::unique_ptr<Ingestion> with_letters(MemoryLog& log, SegmentStore& store,
                                        int64_t count) {
  for (int64_t qty = 1; qty <= count; ++qty) log.add(0, wrong(qty));
  auto ingestion = start(settings(), log, store);
  REQUIRE(wait_for([&] { return next_total(*ingestion) == count; }));
  REQUIRE(ok(ingestion->seal()));
  REQUIRE(letters(store).size() == static_cast<size_t>(count));
  return ingestion;
}

}  // namespace

TEST_CASE("a mended dead letter becomes a row and leaves the list") {
  ScratchFolder folder;
  auto store = SegmentStore::open(folder.path());
  REQUIRE(ok(store));
  MemoryLog log(1);
  auto ingestion = with_letters(log, **store, 3);

  SUBCASE("as it is, it is refused again and stays") {
    auto outcome = ingestion->replay({{"m/0/0"}, {"m/0/1"}, {"m/0/77"}});
    REQUIRE(ok(outcome));
    CHECK(outcome->replayed == 0);
    REQUIRE(outcome->refused.size() == 3);
    CHECK(outcome->refused[0].id == "m/0/77");
    CHECK(outcome->refused[0].reason == "gone");
    CHECK(outcome->refused[1].reason == "wrong_type");
    CHECK(letters(**store).size() == 3);
    CHECK(ingestion->progress().rejected["wrong_type"] == 3);
    // Nothing of the failed attempt is in the way of the next.
    auto again = ingestion->replay(mended(letters(**store)));
    REQUIRE(ok(again));
    CHECK(again->replayed == 3);
  }
  SUBCASE("mended, once, though it is named twice and asked for twice") {
    auto all = mended(letters(**store));
    all.push_back(all[0]);
    auto outcome = ingestion->replay(all);
    REQUIRE(ok(outcome));
    CHECK(outcome->replayed == 3);
    REQUIRE(outcome->refused.size() == 1);
    CHECK(outcome->refused[0].reason == "gone");
    auto again = ingestion->replay(all);
    REQUIRE(ok(again));
    CHECK(again->replayed == 0);
    CHECK(again->refused.size() == 4);
  }
  SUBCASE("while the stream is paused") {
    ingestion->pause();
    auto outcome = ingestion->replay(mended(letters(**store)));
    REQUIRE(ok(outcome));
    CHECK(outcome->replayed == 3);
    ingestion->resume();
  }
  if (!letters(**store).empty()) {
    REQUIRE(ok(ingestion->replay(mended(letters(**store)))));
  }
  CHECK(letters(**store).empty());
  CHECK(quantities(**store) == std::multiset<int64_t>{1, 2, 3});
  CHECK(wait_for([&] {
    IngestionProgress progress = ingestion->progress();
    return progress.replayed == 3 && progress.dead_letters.rows == 0;
  }));
  // The stream goes on where it was.
  log.add(0, event(kTime, 50));
  CHECK(wait_for([&] { return next_total(*ingestion) == 4; }));
  CHECK(quantities(**store) == std::multiset<int64_t>{1, 2, 3, 50});
}

TEST_CASE("a seal is not waited for beyond its deadline, and goes on") {
  ScratchFolder folder;
  auto store = SegmentStore::open(folder.path());
  REQUIRE(ok(store));
  MemoryLog log(1);
  auto ingestion = start(settings(), log, **store);
  log.add(0, wrong(1));
  REQUIRE(wait_for([&] { return ingestion->pending_letters(1).count == 1; }));
  CHECK(ingestion->pending_letters(1).reasons.at("wrong_type") == 1);
  std::atomic<bool> held = false, go_on = false;
  ingestion->on_change([&] {  // on the ingestion thread
    held = true;
    wait_for([&] { return go_on.load(); });
  });
  log.add(0, event(kTime, 1));
  REQUIRE(wait_for([&] { return held.load(); }));
  auto late = ingestion->seal(steady_now() + absl::Milliseconds(20));
  go_on = true;
  CHECK(late.error().code == ErrorCode::kUnavailable);
  CHECK(wait_for([&] { return letters(**store).size() == 1; }));
  ingestion->on_change(nullptr);
  REQUIRE(ok(ingestion->seal()));
  CHECK(ingestion->pending_letters(1).count == 0);
}

TEST_CASE("a replay is not waited for while seals fail, and goes on") {
  ScratchFolder folder;
  auto store = SegmentStore::open(folder.path());
  REQUIRE(ok(store));
  MemoryLog log(1);
  auto ingestion = with_letters(log, **store, 3);
  const auto all = mended(letters(**store));
  BlockedFolder segments(folder.path() + "/segments");
  log.add(0, event(kTime, 10));
  REQUIRE(wait_for([&] { return next_total(*ingestion) == 4; }));
  CHECK(!ok(ingestion->seal()));  // one of the two that may be in flight
  std::atomic<bool> held = false, go_on = false;
  ingestion->on_change([&] {  // on the ingestion thread
    held = true;
    wait_for([&] { return go_on.load(); });
  });
  log.add(0, event(kTime, 11));
  REQUIRE(wait_for([&] { return held.load(); }));
  auto sealed = std::async(std::launch::async, [&] {
    return ingestion->seal(steady_now() + absl::Seconds(1));
  });
  auto replayed =
      std::async(std::launch::async, [&] { return ingestion->replay(all); });
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  go_on = true;
  CHECK(replayed.wait_for(std::chrono::seconds(20)) ==
        std::future_status::ready);
  segments.give_back();
  auto outcome = replayed.get();
  CHECK(!ok(outcome));
  sealed.wait();
  CHECK(wait_for([&] { return letters(**store).empty(); }));
  ingestion->on_change(nullptr);
  CHECK(quantities(**store) == std::multiset<int64_t>{1, 2, 3, 10, 11});
}

TEST_CASE("crashes around replays: every letter becomes one row") {
  unsigned seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random(seed);
  TemporaryFolder folder(true);
  MemoryLog log(1);
  std::multiset<int64_t> expected;
  constexpr int64_t kLetters = 60;
  {
    auto store = SegmentStore::open(folder.path());
    REQUIRE(ok(store));
    REQUIRE(ok(with_letters(log, **store, kLetters)->stop()));
  }
  for (int64_t qty = 1; qty <= kLetters; ++qty) expected.insert(qty);
  int64_t good = 0;
  for (int life = 0; life < 12; ++life) {
    FaultFileSystem files;
    auto store = SegmentStore::open(folder.path(), files);
    REQUIRE(ok(store));
    // Some seals of some lives fail.
    if (random() % 2 == 0) files.fail_at(1 + random() % 12);
    auto ingestion = start(settings(), log, **store);
    auto left = mended(letters(**store));
    std::ranges::shuffle(left, random);
    left.resize(std::min<size_t>(left.size(), random() % 15));
    log.add(0, event(kTime, 1000 + ++good));
    expected.insert(1000 + good);
    auto outcome = ingestion->replay(left);
    // An answer means that it is durable.
    if (ok(outcome)) CHECK(outcome->replayed == left.size());
    if (random() % 2 == 0) (void)ingestion->replay(left);
    ingestion.reset();  // the crash
  }
  auto store = SegmentStore::open(folder.path());
  REQUIRE(ok(store));
  auto ingestion = start(settings(), log, **store);
  auto last = ingestion->replay(mended(letters(**store)));
  REQUIRE(ok(last));
  CHECK(last->refused.empty());
  CHECK(
      wait_for([&] { return quantities(**store).size() == expected.size(); }));
  CHECK(quantities(**store) == expected);
  CHECK(letters(**store).empty());
  CHECK(wait_for([&] { return ingestion->progress().replayed == kLetters; }));
}

TEST_CASE("a late letter is taken, unless its key may be forgotten") {
  ScratchFolder folder;
  auto store = SegmentStore::open(folder.path());
  REQUIRE(ok(store));
  MemoryLog log(1);
  log.add(0, event(kTime, 1));
  log.add(0, event(kTime - kDay, 2));
  IngestionSettings s = settings();
  s.late_ms = 60'000;
  bool keyed = false;
  SUBCASE("without a key") {}
  SUBCASE("with one") {
    keyed = true;
    s.key.columns = {2};
  }
  auto ingestion = start(s, log, **store);
  REQUIRE(wait_for([&] { return next_total(*ingestion) == 2; }));
  REQUIRE(ok(ingestion->seal()));
  REQUIRE(letters(**store).size() == 1);
  auto outcome = ingestion->replay({{"m/0/1"}});
  REQUIRE(ok(outcome));
  CHECK(outcome->replayed == (keyed ? 0 : 1));
  CHECK(outcome->refused.size() == (keyed ? 1 : 0));
  CHECK(quantities(**store).size() == (keyed ? 1 : 2));
  // The watermark has not moved, for neither.
  CHECK(ingestion->progress().as_of.ms == kTime);
}

TEST_CASE("a repeat among the letters of a dataset with a key is dropped") {
  ScratchFolder folder;
  auto store = SegmentStore::open(folder.path());
  REQUIRE(ok(store));
  MemoryLog log(1);
  IngestionSettings s = settings();
  s.key.columns = {2};
  log.add(0, event(kTime, 5));
  log.add(0, wrong(5));
  log.add(0, wrong(6));
  auto ingestion = start(s, log, **store);
  REQUIRE(wait_for([&] { return next_total(*ingestion) == 3; }));
  REQUIRE(ok(ingestion->seal()));
  auto outcome = ingestion->replay(mended(letters(**store)));
  REQUIRE(ok(outcome));
  CHECK(outcome->replayed == 2);
  CHECK(quantities(**store) == std::multiset<int64_t>{5, 6});
  CHECK(letters(**store).empty());
  CHECK(wait_for([&] { return ingestion->progress().duplicates == 1; }));
}

TEST_CASE(
    "a letter keeps key, headers and time of its message; old ones read") {
  ScratchFolder folder;
  auto store = SegmentStore::open(folder.path());
  REQUIRE(ok(store));
  MetadataStore& metadata = (*store)->metadata();
  DeadLetter letter;
  letter.partition = "a.b/3";
  letter.offset = 12;
  letter.time = {5};
  letter.reason = "time";
  letter.bytes = "x";
  letter.full_size = 1;
  letter.message_time = {9};
  letter.key = "k";
  letter.headers = {{"h", "v"}, {"h", "w"}};
  letter.null_value = true;
  auto [key, value] = encode_dead_letter("sales", letter);
  REQUIRE(ok(metadata.put(key, value)));
  CHECK(letter.id() == "a.b/3/12");
  auto found = find_dead_letter(metadata, "sales", "a.b/3/12");
  REQUIRE(ok(found));
  REQUIRE(found->has_value());
  CHECK((*found)->key == "k");
  CHECK((*found)->headers == letter.headers);
  CHECK((*found)->message_time.ms == 9);
  CHECK((*found)->null_value);
  CHECK((*found)->whole());

  // Version 1 ended after the bytes.
  std::string old = value.substr(0, value.size() - 8 - 1 - 5 - 4 - 20);
  old[0] = 1;
  REQUIRE(ok(metadata.put(key, old)));
  found = find_dead_letter(metadata, "sales", "a.b/3/12");
  REQUIRE(ok(found));
  CHECK((*found)->bytes == "x");
  CHECK((*found)->message_time.ms == 5);
  CHECK((*found)->headers.empty());
  CHECK(ok(count_dead_letters(metadata, "sales")));
  CHECK(count_dead_letters(metadata, "sales")->at("time") == 1);
  for (const char* id : {"", "x", "/3", "a.b/", "a.b/-1", "a.b/3x"}) {
    CHECK_FALSE(ok(find_dead_letter(metadata, "sales", id)));
  }
  CHECK_FALSE(*find_dead_letter(metadata, "sales", "a.b/13"));

  // Files of one name, told apart by their content; one of before it was kept;
  // a topic that is named as files are.
  letter.partition = "file/day.csv";
  for (const char* content : {"", "00ff00ff00ff00ff", "10ff00ff00ff00ff"}) {
    letter.content = content;
    auto [file_key, file_value] = encode_dead_letter("sales", letter);
    REQUIRE(ok(metadata.put(file_key, file_value)));
  }
  CHECK(letter.id() == "file/day.csv/10ff00ff00ff00ff/12");
  letter.partition = "file/3";
  letter.content.clear();
  auto [topic_key, topic_value] = encode_dead_letter("sales", letter);
  REQUIRE(ok(metadata.put(topic_key, topic_value)));
  auto page = list_dead_letters(metadata, "sales", "", 10, "", "file/day.csv");
  REQUIRE(ok(page));
  REQUIRE(page->letters.size() == 3);
  for (const DeadLetter& one : page->letters) {
    CHECK(one.partition == "file/day.csv");
    CHECK(one.offset == 12);
    auto again = find_dead_letter(metadata, "sales", one.id());
    REQUIRE(ok(again));
    REQUIRE(again->has_value());
    CHECK((*again)->content == one.content);
  }
  found = find_dead_letter(metadata, "sales", "file/3/12");
  REQUIRE(ok(found));
  CHECK((*found)->partition == "file/3");
  CHECK((*found)->content.empty());
}
