// What an idempotency key stands for: one body, answered once.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <thread>
#include <vector>

#include "ingest/embedded_log.h"
#include "ingest/log_entry.h"
#include "tests/ingest/outcome.h"
#include "tests/ingest/scratch_folder.h"

using namespace freshet;

namespace {

using Records = std::vector<EmbeddedLog::Record>;

int64_t stored(EmbeddedLog& log) {
  auto source = log.open_source("sales", true);
  REQUIRE(ok(source));
  auto bounds = (*source)->partitions();
  REQUIRE(ok(bounds));
  int64_t records = 0;
  for (const auto& bound : *bounds) records += bound.high - bound.low;
  return records;
}

}  // namespace

TEST_CASE("a key that comes with another body is refused and stores nothing") {
  ScratchFolder folder;
  auto log = EmbeddedLog::open(folder.path() + "/log");
  REQUIRE(ok(log));
  REQUIRE(ok((*log)->declare("sales", 2, -1)));
  Records first = {{"", "a"}, {"", "b"}};
  auto answer = (*log)->append("sales", first, "key-1");
  REQUIRE(ok(answer));

  for (const Records& other :
       {Records{{"", "a"}, {"", "c"}}, Records{{"", "ab"}}, Records{{"", "a"}},
        Records{{"", "b"}, {"", "a"}}, Records{{"", "a"}, {"b", ""}}}) {
    auto refused = (*log)->append("sales", other, "key-1");
    REQUIRE_FALSE(ok(refused));
    CHECK(refused.error().code == ErrorCode::kConflict);
    CHECK(refused.error().message.find("key-1") != std::string::npos);
  }
  CHECK(stored(**log) == 2);

  SUBCASE("the first body still gets the first answer, after a restart too") {
    log->reset();
    log = EmbeddedLog::open(folder.path() + "/log");
    REQUIRE(ok(log));
    auto again = (*log)->append("sales", first, "key-1");
    REQUIRE(ok(again));
    CHECK(*again == *answer);
    CHECK_FALSE(ok((*log)->append("sales", Records{{"", "z"}}, "key-1")));
    CHECK(stored(**log) == 2);
  }
}

TEST_CASE("a refusal does not fail the appends that are written with it") {
  ScratchFolder folder;
  auto log = EmbeddedLog::open(folder.path() + "/log");
  REQUIRE(ok(log));
  REQUIRE(ok((*log)->declare("sales", 3, -1)));
  REQUIRE(ok((*log)->append("sales", Records{{"", "first"}}, "key")));
  std::atomic<int> refused = 0, accepted = 0, other = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 25; ++i) {
        std::string value = fmt::format("{}-{}", t, i);
        // Even threads reuse the key; so commit groups hold both kinds.
        bool reuses = t % 2 == 0;
        auto result = (*log)->append("sales", Records{{"", value}},
                                     reuses ? "key" : value);
        if (result) {
          ++accepted;
        } else if (reuses && result.error().code == ErrorCode::kConflict) {
          ++refused;
        } else {
          ++other;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(refused == 100);
  CHECK(accepted == 100);
  CHECK(other == 0);
  CHECK(stored(**log) == 101);
}

TEST_CASE("of one new key with two bodies at once one is stored") {
  ScratchFolder folder;
  auto log = EmbeddedLog::open(folder.path() + "/log");
  REQUIRE(ok(log));
  REQUIRE(ok((*log)->declare("sales", 3, -1)));
  for (int round = 0; round < 30; ++round) {
    std::string key = fmt::format("key-{}", round);
    std::atomic<int> stored_now = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        std::string value = fmt::format("{}-{}", round, t);
        stored_now += ok((*log)->append("sales", Records{{"", value}}, key));
      });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(stored_now == 1);
    CHECK(stored(**log) == round + 1);
  }
}

TEST_CASE("answers that earlier versions kept are still read") {
  // i64 time, u32 size, "log/0", i64 next: without a hash.
  std::string old("\x05\0\0\0\0\0\0\0\x05\0\0\0log/0\x07\0\0\0\0\0\0\0", 25);
  KeyedAnswer kept;
  REQUIRE(ok(read_log_answer(old, kept)));
  CHECK(kept.time.ms == 5);
  CHECK_FALSE(kept.hash.has_value());
  CHECK(kept.answer == LogAnswer{{"log/0", 7}});
  CHECK(encode_log_answer(kept) == old);

  kept.hash = 0x8000000000000001;
  KeyedAnswer again;
  REQUIRE(ok(read_log_answer(encode_log_answer(kept), again)));
  CHECK(again.hash == kept.hash);
  CHECK(again.answer == kept.answer);
  CHECK_FALSE(ok(read_log_answer(old.substr(0, 20), again)));
}
