#include "ingest/positions.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <map>
#include <string>
#include <vector>

#include "tests/ingest/outcome.h"

using namespace freshet;

namespace {

// Topics as their owner sees them: records by partition, from `low` on.
struct FakeSource final : Source {
  struct Log {
    int64_t low = 0;
    std::vector<std::string> records;
    int64_t time_ms = 0;  // of all
    int server = 1;       // that leads
    size_t first = 0;     // of its records; those before are of server 1
  };
  std::map<std::string, Log> logs;
  std::vector<AssignedPartition> assigned;
  bool answers = true;
  std::string asked = "";  // names start so
  std::vector<UnreadPartition> refused;
  int reads = 0;

  Result<std::vector<PartitionBounds>> partitions() override {
    std::vector<PartitionBounds> bounds;
    for (const auto& [name, log] : logs) {
      bounds.push_back(
          {name, log.low, static_cast<int64_t>(log.records.size())});
    }
    return bounds;
  }
  Result<std::vector<PartitionBounds>> readable_partitions(
      std::vector<UnreadPartition>& unread) override {
    unread = refused;
    auto bounds = partitions();
    std::erase_if(*bounds, [&](const PartitionBounds& bound) {
      return is_refused(bound.name);
    });
    return bounds;
  }
  bool is_refused(const PartitionName& name) const {
    return std::ranges::any_of(refused,
                               [&](const auto& one) { return one.is(name); });
  }
  bool is_asked_for(const PartitionName& name) const override {
    return name.starts_with(asked);
  }
  Status assign(const std::vector<AssignedPartition>& wanted) override {
    assigned = wanted;
    return {};
  }
  Status poll(int64_t, size_t, MessageBatch&) override { return {}; }
  Result<std::optional<StoredRecord>> read_one(const PartitionName& name,
                                               int64_t offset) override {
    ++reads;
    if (!answers || is_refused(name))
      return Error{ErrorCode::kUnavailable, "no answer"};
    const Log& log = logs.at(name);
    if (offset < log.low ||
        offset >= static_cast<int64_t>(log.records.size())) {
      return std::optional<StoredRecord>();
    }
    StoredRecord record;
    record.hash = record_hash("", log.records[static_cast<size_t>(offset)]);
    record.time.ms = log.time_ms;
    return std::optional(record);
  }
  void report_committed(const std::map<PartitionName, int64_t>&) override {}
  SourceStatus status() const override { return {}; }
  const char* kind() const override { return "fake"; }

  void fill(const std::string& name, int count, const std::string& what) {
    for (int i = 0; i < count; ++i) {
      logs[name].records.push_back(fmt::format("{} {}", what, i));
    }
  }
};

struct Reader {
  FakeSource source;
  std::map<PartitionName, OffsetRecord> committed{};
  Positions positions{"sales", source, committed, KeptCounts()};

  void list() {
    Status updated = positions.update(source, positions.listing(source)());
    REQUIRE(updated.has_value());
    if (positions.stale()) REQUIRE(positions.assign(source).has_value());
  }
  // Reads every assigned partition to its end.
  void read() {
    std::vector<RawMessage> messages;
    for (uint32_t i = 0; i < source.assigned.size(); ++i) {
      auto& [name, next] = source.assigned[i];
      const auto& [low, records, time_ms, server, first] = source.logs.at(name);
      for (; next < static_cast<int64_t>(records.size()); ++next) {
        RawMessage message;
        message.partition = i;
        message.offset = next;
        message.time.ms = time_ms;
        message.server = static_cast<size_t>(next) < first ? 1 : server;
        message.value = records[static_cast<size_t>(next)];
        messages.push_back(message);
      }
    }
    positions.passed(messages);
  }
  std::string fault(const std::string& name) {
    for (const auto& place : positions.places(SourceStatus())) {
      if (place.name == name) return place.fault;
    }
    return "not there";
  }
  bool reads(const std::string& name) const {
    return std::ranges::any_of(source.assigned,
                               [&](const auto& a) { return a.name == name; });
  }
};

}  // namespace

TEST_CASE("a topic recreated and filled beyond our offset is seen, all of it") {
  Reader reader;
  for (int i = 0; i < 3; ++i)
    reader.source.fill(fmt::format("t/{}", i), 9, "a");
  reader.source.fill("other/0", 9, "a");
  reader.list();
  reader.read();
  reader.list();  // takes the witnesses
  for (int i = 0; i < 3; ++i) reader.list();
  for (int i = 0; i < 3; ++i) {
    reader.source.logs[fmt::format("t/{}", i)].records.clear();
    reader.source.fill(fmt::format("t/{}", i), 20, "b");
  }
  reader.read();  // nothing shows yet
  int64_t next = reader.source.assigned.back().next;
  CHECK(next == 20);
  reader.list();
  for (int i = 0; i < 3; ++i) {
    CHECK(reader.fault(fmt::format("t/{}", i)).find("recreated") !=
          std::string::npos);
  }
  CHECK(reader.source.assigned.size() == 1);
  CHECK(reader.reads("other/0"));
  // What is kept tells the difference also to the next run.
  CHECK(reader.positions.moved());
  Positions again("sales", reader.source, reader.positions.taken(),
                  KeptCounts());
  REQUIRE(
      again.update(reader.source, again.listing(reader.source)()).has_value());
  CHECK(again.first_fault().find("recreated") != std::string::npos);
}

TEST_CASE("one comparison a topic and listing, in turn") {
  Reader reader;
  for (int i = 0; i < 5; ++i)
    reader.source.fill(fmt::format("t/{}", i), 9, "a");
  reader.list();
  reader.read();
  for (int i = 0; i < 5; ++i) reader.list();
  reader.source.reads = 0;
  for (int i = 0; i < 10; ++i) reader.list();
  CHECK(reader.source.reads == 10);
  CHECK(reader.positions.first_fault() == "");
}

TEST_CASE("a partition that is gone stops, and goes on if it comes back") {
  for (bool same : {true, false}) {
    Reader reader;
    reader.source.fill("t/0", 9, "a");
    reader.source.fill("u/0", 9, "a");
    reader.list();
    reader.read();
    auto kept = reader.source.logs["t/0"];
    reader.source.logs.erase("t/0");
    reader.list();
    CHECK(reader.fault("t/0") == "t/0 does not exist any more");
    CHECK(!reader.reads("t/0"));
    CHECK(reader.reads("u/0"));
    CHECK(!reader.positions.all_faulty());
    if (same) {
      reader.source.logs["t/0"] = kept;
    } else {
      reader.source.fill("t/0", 9, "b");
    }
    // A comparison that is not answered decides nothing.
    reader.source.answers = false;
    CHECK(!reader.positions.update(reader.source,
                                   reader.positions.listing(reader.source)()));
    CHECK(reader.fault("t/0") == "t/0 does not exist any more");
    reader.source.answers = true;
    reader.list();
    CHECK((reader.fault("t/0") == "") == same);
    CHECK(reader.reads("t/0") == same);
  }
}

TEST_CASE("what cannot be read now is neither gone nor known to be empty") {
  std::map<PartitionName, OffsetRecord> committed;
  {
    Reader before;
    for (const char* name : {"t/0", "t/1"}) before.source.fill(name, 9, "a");
    before.list();
    before.read();
    committed = before.positions.taken();
  }
  Reader reader{{}, committed};
  for (const char* name : {"t/0", "t/1", "t/2", "u/0"}) {
    reader.source.fill(name, 12, "a");
  }
  reader.source.refused = {
      {"t/1", "no leader"}, {"t/2", "no leader"}, {"u/", "refused"}};
  reader.list();
  CHECK(reader.reads("t/0"));
  CHECK(reader.source.assigned.size() == 1);
  CHECK(reader.fault("t/1").empty());
  CHECK(reader.fault("t/2") == "not there");
  CHECK(reader.positions.unread().size() == 3);
  // Nothing is forgotten that a late row of it may repeat.
  CHECK(reader.positions.unread_watermark() == kMinTimestamp);
  for (int i = 0; i < 4; ++i) {  // each partition's turn to be compared
    reader.read();
    reader.list();
  }
  CHECK(reader.positions.first_fault().empty());
  auto taken = reader.positions.taken();
  CHECK(taken["t/1"] == committed["t/1"]);
  CHECK(!taken.contains("t/2"));  // it starts at its first record
  reader.source.refused = {{"t/0", "no leader"}};
  reader.list();
  CHECK(reader.reads("t/0"));  // as far as it is for us
  CHECK(reader.source.assigned.size() == 4);
  CHECK(reader.positions.unread_watermark() == kMaxTimestamp);
  for (const AssignedPartition& one : reader.source.assigned) {
    int64_t next = one.name == "t/0" ? 12 : one.name == "t/1" ? 9 : 0;
    CHECK(one.next == next);
  }
  // One that was read is compared once it is there again.
  reader.source.refused.clear();
  reader.source.logs["t/0"].records.clear();
  reader.list();
  CHECK(reader.fault("t/0").find("recreated") != std::string::npos);
}

TEST_CASE("what changed between two runs") {
  Reader reader;
  for (const char* name : {"t.a/0", "t.b/0", "t.b/1", "u/0"}) {
    reader.source.fill(name, 9, "a");
    reader.source.logs[name].time_ms = 1000;
  }
  reader.list();
  reader.read();
  auto committed = reader.positions.taken();
  auto kept = reader.source.logs["t.b/1"];
  reader.source.logs.erase("t.b/0");
  reader.source.logs.erase("t.b/1");
  reader.source.logs.erase("u/0");
  reader.source.asked = "t.";
  Reader again{reader.source, committed};
  // Where it stands is known before the source answers.
  REQUIRE(again.positions.places(SourceStatus()).size() == 3);
  CHECK(again.positions.places(SourceStatus())[0].record.next == 9);
  again.list();
  CHECK(again.fault("t.a/0").empty());
  CHECK(again.reads("t.a/0"));
  CHECK(again.fault("t.b/0") == "t.b/0 does not exist any more");
  CHECK(again.fault("t.b/1") == "t.b/1 does not exist any more");
  CHECK(again.fault("u/0") == "not there");
  CHECK(again.positions.taken() ==
        std::map<PartitionName, OffsetRecord>{{"t.a/0", committed["t.a/0"]},
                                              {"t.b/0", committed["t.b/0"]},
                                              {"t.b/1", committed["t.b/1"]}});
  again.source.logs["t.b/1"] = kept;
  again.list();
  CHECK(again.fault("t.b/1").empty());
  CHECK(again.reads("t.b/1"));
  CHECK(!again.reads("t.b/0"));
}

TEST_CASE("a record of the same bytes at another time is another one") {
  // Of records that were kept without a time nothing is known.
  for (int64_t before : {0, 1000}) {
    Reader reader;
    reader.source.fill("t/0", 9, "a");
    reader.source.logs["t/0"].time_ms = before;
    reader.list();
    reader.read();
    reader.list();
    Positions again("sales", reader.source, reader.positions.taken(),
                    KeptCounts());
    reader.source.logs["t/0"].time_ms = 2000;
    reader.list();
    REQUIRE(again.update(reader.source, again.listing(reader.source)())
                .has_value());
    std::string fault = reader.fault("t/0");
    CHECK((fault.find("recreated") != std::string::npos) == (before > 0));
    CHECK(again.first_fault() == fault);
  }
}

TEST_CASE("records gone below or beyond, an end that moved back") {
  Reader reader;
  reader.source.fill("t/0", 9, "a");
  reader.list();
  reader.read();
  reader.source.logs["t/0"].low = 5;  // long read
  reader.list();
  CHECK(reader.fault("t/0") == "");
  // Beyond: poll() tells of a running partition, a new run by itself.
  reader.source.fill("t/0", 9, "b");
  auto committed = reader.positions.taken();
  reader.source.logs["t/0"].low = 12;
  Positions again("sales", reader.source, committed, KeptCounts());
  REQUIRE(
      again.update(reader.source, again.listing(reader.source)()).has_value());
  CHECK(again.first_fault().find("has lost what comes next") !=
        std::string::npos);
  reader.source.logs["t/0"].low = 0;
  reader.source.logs["t/0"].records.resize(4);
  reader.list();
  CHECK(reader.fault("t/0").find("it ends at 4") != std::string::npos);
  CHECK(reader.positions.all_faulty());
  auto place = reader.positions.places(SourceStatus()).front();
  CHECK(place.high == 4);
  reader.source.fill("t/0", 3, "c");
  reader.list();  // the end is followed
  CHECK(reader.positions.places(SourceStatus()).front().high == 7);
}

TEST_CASE("what is read while the source is listed is no fault") {
  Reader reader;
  reader.source.fill("t/0", 9, "a");
  reader.list();
  reader.read();
  reader.list();
  SourceListing old = reader.positions.listing(reader.source)();
  reader.source.fill("t/0", 5, "b");
  reader.read();
  REQUIRE(reader.positions.update(reader.source, old).has_value());
  CHECK(reader.fault("t/0").empty());
  CHECK(reader.positions.places(SourceStatus())[0].high == 14);
  // But one that is shorter than what had been read then is.
  reader.source.logs["t/0"].records.resize(13);
  SourceListing cut = reader.positions.listing(reader.source)();
  REQUIRE(reader.positions.update(reader.source, cut).has_value());
  CHECK(reader.fault("t/0").find("offset 14 comes next, but it ends at 13") !=
        std::string::npos);
}

TEST_CASE("the last records that a new leader lacks, and it is ahead already") {
  enum class Look { kAtOnce, kUnanswered, kNoLeader };
  for (bool lost : {true, false}) {
    for (auto [news, look] : {std::pair(1, Look::kAtOnce),
                              {2, Look::kUnanswered},
                              {3, Look::kNoLeader},
                              {9, Look::kAtOnce},
                              {9, Look::kUnanswered}}) {
      Reader reader;
      for (const char* name : {"t/0", "t/1", "t/2"}) {
        reader.source.fill(name, 9, "a");
      }
      reader.list();
      reader.read();
      for (int i = 0; i < 3; ++i) reader.list();  // all have a witness
      auto& records = reader.source.logs["t/1"].records;
      for (int i = 0; i < news; ++i) {  // a connection breaks, or several
        reader.source.fill("t/1", 1, fmt::format("before {}", i));
        reader.read();
        reader.positions.disturbed();
        reader.positions.disturbed();
      }
      auto end = records.size();
      if (lost) records.resize(end - 1);
      reader.source.fill("t/1", 5, "after");
      reader.read();  // goes on behind what it had
      CHECK(reader.fault("t/1").empty());
      if (look == Look::kUnanswered) {  // decides nothing
        reader.source.answers = false;
        CHECK(!reader.positions.update(
            reader.source, reader.positions.listing(reader.source)()));
        reader.source.answers = true;
      }
      if (look == Look::kNoLeader) {
        reader.source.refused = {{"t/1", "no leader"}};
        reader.list();
        reader.source.refused.clear();
      }
      CHECK(reader.fault("t/1").empty());
      reader.list();
      std::string fault = reader.fault("t/1");
      CHECK((fault == fmt::format("t/1 was truncated or recreated: the record "
                                  "at offset {} is not the one that was read",
                                  end - 1)) == lost);
      CHECK(fault.empty() != lost);
      CHECK(reader.reads("t/0"));
      CHECK(reader.reads("t/1") != lost);
      // Compared once: then there is one comparison a listing again.
      reader.source.reads = 0;
      reader.list();
      CHECK(reader.source.reads == 1);
    }
  }
}

TEST_CASE("another server leads, of which no connection tells") {
  for (bool lost : {true, false}) {
    for (bool at_once : {true, false}) {  // one batch has records of both
      Reader reader;
      for (const char* name : {"t/0", "t/1", "t/2"}) {
        reader.source.fill(name, 9, "a");
      }
      reader.list();
      reader.read();
      for (int i = 0; i < 3; ++i) reader.list();
      auto& log = reader.source.logs["t/1"];
      reader.source.fill("t/1", 4, "before");
      if (!at_once) reader.read();
      CHECK(!reader.positions.doubts());
      reader.source.fill("t/1", 5, "after");
      log.first = 13;
      log.server = 2;
      reader.read();
      CHECK(reader.positions.doubts());
      CHECK(!reader.positions.doubts());
      if (lost) log.records[12] = "of another log";
      reader.list();
      CHECK((reader.fault("t/1").find("at offset 12 is not") !=
             std::string::npos) == lost);
      CHECK(reader.fault("t/1").empty() != lost);
      CHECK(reader.fault("t/0").empty());
    }
  }
}

TEST_CASE("a connection breaks while the source is being listed") {
  Reader reader;
  reader.source.fill("t/0", 9, "a");
  reader.list();
  reader.read();
  reader.list();
  reader.source.fill("t/0", 3, "b");
  reader.read();
  reader.positions.disturbed();
  SourceListing early = reader.positions.listing(reader.source)();
  reader.positions.disturbed();
  reader.source.logs["t/0"].records.resize(11);
  reader.source.fill("t/0", 5, "c");
  reader.read();
  REQUIRE(reader.positions.update(reader.source, early).has_value());
  CHECK(reader.fault("t/0").empty());  // it was as it should be then
  reader.list();
  CHECK(reader.fault("t/0").find("at offset 11") != std::string::npos);
}
