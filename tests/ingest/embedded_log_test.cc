#include "ingest/embedded_log.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstring>
#include <map>
#include <random>
#include <thread>

#include "tests/ingest/outcome.h"
#include "tests/ingest/scratch_folder.h"

using namespace freshet;

namespace {

using Model = std::map<std::string, std::vector<std::string>>;

// Everything a source gives from the start until it has nothing more.
Model read_all(Source& source) {
  auto bounds = source.partitions();
  REQUIRE(ok(bounds));
  std::vector<AssignedPartition> wanted;
  for (const auto& bound : *bounds) wanted.push_back({bound.name, bound.low});
  REQUIRE(ok(source.assign(wanted)));
  Model all;
  MessageBatch batch;
  for (;;) {
    REQUIRE(ok(source.poll(0, 7, batch)));
    if (batch.messages.empty()) return all;
    for (const RawMessage& message : batch.messages) {
      auto& partition = all[wanted[message.partition].name];
      REQUIRE(message.offset == static_cast<int64_t>(partition.size()));
      partition.emplace_back(message.value);
    }
  }
}

}  // namespace

TEST_CASE("random appends with reopening equal a model") {
  unsigned seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random(seed);
  ScratchFolder folder;
  Model model;
  for (int open = 0; open < 4; ++open) {
    auto log = EmbeddedLog::open(folder.path() + "/log");
    REQUIRE(ok(log));
    CHECK(EmbeddedLog::open(folder.path() + "/log").error().code ==
          ErrorCode::kConflict);
    REQUIRE(ok((*log)->declare("sales", 3, -1)));
    std::string key;
    for (int i = 0; i < 40; ++i) {
      std::vector<std::string> values;
      for (unsigned n = random() % 20 + 1; n > 0; --n) {
        values.push_back(fmt::format("{}-{}-{}", open, i, n));
      }
      std::vector<EmbeddedLog::Record> records;
      for (const auto& value : values) records.push_back({"k", value});
      key = fmt::format("{}-{}", open, i);
      auto next = (*log)->append("sales", records, key);
      REQUIRE(ok(next));
      REQUIRE(next->size() == 1);
      auto& partition = model[next->begin()->first];
      partition.insert(partition.end(), values.begin(), values.end());
      CHECK(next->begin()->second == static_cast<int64_t>(partition.size()));
      auto again = (*log)->append("sales", records, key);
      REQUIRE(ok(again));
      CHECK(*again == *next);
    }
    auto source = (*log)->open_source("sales");
    REQUIRE(ok(source));
    CHECK(read_all(**source) == model);
  }
}

TEST_CASE("concurrent appends are dense and complete") {
  ScratchFolder folder;
  auto log = EmbeddedLog::open(folder.path());
  REQUIRE(ok(log));
  REQUIRE(ok((*log)->declare("d", 4, -1)));
  std::vector<std::thread> writers;
  for (int w = 0; w < 4; ++w) {
    writers.emplace_back([&, w] {
      for (int i = 0; i < 50; ++i) {
        std::string value = fmt::format("{}:{}", w, i);
        EmbeddedLog::Record record{value, value};
        if (!(*log)->append("d", std::span(&record, 1), "")) std::abort();
      }
    });
  }
  for (auto& writer : writers) writer.join();
  auto source = (*log)->open_source("d");
  REQUIRE(ok(source));
  size_t total = 0;
  for (auto& [name, values] : read_all(**source)) total += values.size();
  CHECK(total == 200);
}

TEST_CASE("keyless records of a log that is in order stay in order") {
  ScratchFolder folder;
  for (int64_t run = 0; run < 2; ++run) {
    auto log = EmbeddedLog::open(folder.path());
    REQUIRE(ok(log));
    REQUIRE(ok((*log)->declare("d", 4, -1, -1, true)));
    for (int64_t i = 0; i < 5; ++i) {
      EmbeddedLog::Record record{"", "x"};
      auto answer = (*log)->append("d", std::span(&record, 1), "");
      REQUIRE(ok(answer));
      CHECK(*answer ==
            std::map<PartitionName, int64_t>{{"log/0", run * 5 + i + 1}});
    }
  }
}

TEST_CASE("beyond its size the oldest committed records of a log go") {
  ScratchFolder folder;
  auto log = EmbeddedLog::open(folder.path());
  REQUIRE(ok(log));
  constexpr int64_t kBytes = 4 << 20;
  REQUIRE(ok((*log)->declare("d", 1, -1, kBytes)));
  std::mt19937_64 random(1);
  std::string noise(1 << 20, ' ');  // does not shrink on disk
  // More than RocksDB keeps in memory, which is not counted.
  for (int i = 0; i < 150; ++i) {
    for (size_t at = 0; at < noise.size(); at += sizeof(uint64_t)) {
      uint64_t bits = random();
      std::memcpy(&noise[at], &bits, sizeof bits);
    }
    EmbeddedLog::Record record{"", noise};
    REQUIRE(ok((*log)->append("d", std::span(&record, 1), "")));
  }
  auto source = (*log)->open_source("d");
  REQUIRE(ok(source));
  auto low = [&] {
    REQUIRE(ok((*log)->declare("d", 1, -1, kBytes)));
    return (*source)->partitions()->at(0).low;
  };
  CHECK(low() == 0);  // nothing is committed
  (*source)->report_committed({{"log/0", 3}});
  CHECK(low() == 3);
  (*source)->report_committed({{"log/0", 150}});
  int64_t left = low();
  CHECK(left > 30);
  CHECK(left < 147);
  REQUIRE(ok((*log)->declare("d", 1, -1, -1)));
  CHECK((*source)->partitions()->at(0).low == left);
}

TEST_CASE("who only looks into a log is not its reader") {
  ScratchFolder folder;
  EmbeddedLogLimits limits;
  limits.unread_records = 5;
  auto log = EmbeddedLog::open(folder.path(), limits);
  REQUIRE(ok(log));
  REQUIRE(ok((*log)->declare("d", 1, -1)));
  EmbeddedLog::Record record{"", "x"};
  for (int i = 0; i < 5; ++i) {
    REQUIRE(ok((*log)->append("d", std::span(&record, 1), "")));
  }
  auto read = [&](bool looks) {
    auto source = (*log)->open_source("d", looks);
    REQUIRE(ok(source));
    REQUIRE(ok((*source)->assign({{"log/0", 0}})));
    MessageBatch batch;
    REQUIRE(ok((*source)->poll(0, 10, batch)));
    CHECK(batch.messages.size() == 5);
  };
  read(true);
  CHECK(!ok((*log)->append("d", std::span(&record, 1), "")));
  read(false);
  CHECK(ok((*log)->append("d", std::span(&record, 1), "")));
}

TEST_CASE("old records go once they are committed, the newest stay") {
  ScratchFolder folder;
  auto log = EmbeddedLog::open(folder.path());
  REQUIRE(ok(log));
  REQUIRE(ok((*log)->declare("d", 1, 0)));
  EmbeddedLog::Record record{"", "x"};
  for (int i = 0; i < 10; ++i) {
    REQUIRE(ok((*log)->append("d", std::span(&record, 1), "")));
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  auto source = (*log)->open_source("d");
  REQUIRE(ok(source));
  REQUIRE(ok((*log)->declare("d", 1, 0)));
  CHECK((*source)->partitions()->at(0).low == 0);
  (*source)->report_committed({{"log/0", 4}});
  REQUIRE(ok((*log)->declare("d", 1, 0)));
  CHECK((*source)->partitions()->at(0).low == 4);
  (*source)->report_committed({{"log/0", 10}});
  REQUIRE(ok((*log)->declare("d", 1, 0)));
  CHECK((*source)->partitions()->at(0).low == 9);
  CHECK((*source)->read_one("log/0", 9)->has_value());
  CHECK(!(*source)->read_one("log/0", 3)->has_value());
  REQUIRE(ok((*source)->assign({{"log/0", 2}})));
  MessageBatch batch;
  REQUIRE(ok((*source)->poll(0, 10, batch)));
  REQUIRE(batch.faults.size() == 1);
  CHECK(batch.faults[0].error.code == ErrorCode::kNotFound);
}

TEST_CASE("a poll is bounded by bytes, but takes one entry however large") {
  ScratchFolder folder;
  auto log = EmbeddedLog::open(folder.path());
  REQUIRE(ok(log));
  REQUIRE(ok((*log)->declare("d", 1, -1)));
  for (size_t megabytes : {10U, 5U, 5U, 20U, 1U}) {
    std::string value(megabytes << 20, 'x');
    EmbeddedLog::Record record{"", value};
    REQUIRE(ok((*log)->append("d", std::span(&record, 1), "")));
  }
  auto source = (*log)->open_source("d");
  REQUIRE(ok(source));
  REQUIRE(ok((*source)->assign({{"log/0", 0}})));
  MessageBatch batch;
  for (size_t messages : {2U, 1U, 1U, 1U, 0U}) {
    REQUIRE(ok((*source)->poll(0, 100, batch)));
    CHECK(batch.messages.size() == messages);
  }
}

TEST_CASE("the backlog is bounded") {
  ScratchFolder folder;
  auto log = EmbeddedLog::open(folder.path(), {.unread_records = 3});
  REQUIRE(ok(log));
  REQUIRE(ok((*log)->declare("d", 1, -1)));
  EmbeddedLog::Record record{"", "x"};
  for (int i = 0; i < 3; ++i) {
    REQUIRE(ok((*log)->append("d", std::span(&record, 1), "")));
  }
  CHECK((*log)->append("d", std::span(&record, 1), "").error().code ==
        ErrorCode::kLimit);
  auto source = (*log)->open_source("d");
  read_all(**source);
  CHECK(ok((*log)->append("d", std::span(&record, 1), "")));
  CHECK((*log)->append("other", {}, "").error().code == ErrorCode::kNotFound);
  CHECK(!ok((*log)->declare("d", 0, -1)));
}
