// KafkaSource and KafkaProducer against librdkafka's mock cluster.
#include "ingest/kafka_source.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <string>

#include "ingest/kafka_producer.h"
#include "tests/ingest/outcome.h"

using namespace freshet;

namespace {

class MockCluster {
 public:
  MockCluster() {
    char error[256];
    client_ = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), error,
                           sizeof error);
    cluster_ = rd_kafka_mock_cluster_new(client_, 1);
  }
  ~MockCluster() {
    rd_kafka_mock_cluster_destroy(cluster_);
    rd_kafka_destroy(client_);
  }
  void create(const char* topic, int partitions) {
    rd_kafka_mock_topic_create(cluster_, topic, partitions, 1);
  }
  void set_up(bool up) {
    if (up) {
      rd_kafka_mock_broker_set_up(cluster_, 1);
    } else {
      rd_kafka_mock_broker_set_down(cluster_, 1);
    }
  }
  void set_leader(const char* topic, int partition, int broker) {
    rd_kafka_mock_partition_set_leader(cluster_, topic, partition, broker);
  }
  void refuse(const char* topic) {
    rd_kafka_mock_topic_set_error(cluster_, topic,
                                  RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
  }
  // Of all partitions asked for.
  void fail_fetch(rd_kafka_resp_err_t error) {
    constexpr int16_t kFetch = 1;
    rd_kafka_mock_push_request_errors(cluster_, kFetch, 1, error);
  }
  void set_round_trip(int ms) { rd_kafka_mock_broker_set_rtt(cluster_, 1, ms); }
  KafkaSettings settings(const std::string& topic) const {
    KafkaSettings settings;
    settings.brokers = rd_kafka_mock_cluster_bootstraps(cluster_);
    settings.topics = {topic};
    return settings;
  }

 private:
  rd_kafka_t* client_;
  rd_kafka_mock_cluster_t* cluster_;
};

void produce(const KafkaSettings& settings, int count, size_t size) {
  auto producer = KafkaProducer::open(settings);
  REQUIRE(ok(producer));
  std::mt19937 random(7);
  for (int i = 0; i < count; i += 100) {
    std::vector<std::string> values(
        static_cast<size_t>(std::min(100, count - i)), std::string(size, ' '));
    std::vector<KafkaProducer::Record> records;
    for (std::string& value : values) {
      for (char& c : value) c = static_cast<char>(random());
      records.push_back({"k", value, 0});
    }
    REQUIRE(ok((*producer)->send(settings.topics[0], records, {10'000})));
  }
}

// Polls until `count` messages or a fault came, at most 10 s.
MessageBatch poll_some(Source& source, size_t count, size_t& seen) {
  MessageBatch batch;
  auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (seen < count && std::chrono::steady_clock::now() < end) {
    if (!ok(source.poll(20, 1000, batch))) continue;
    for (const RawMessage& message : batch.messages) {
      CHECK(message.key == "k");
    }
    seen += batch.messages.size();
    if (!batch.faults.empty()) break;
  }
  return batch;
}

}  // namespace

TEST_CASE("bad Kafka settings are refused by name") {
  KafkaSettings settings;
  settings.brokers = "127.0.0.1:1";
  settings.topics = {"t"};
  for (const char* name : {"plugin.library.paths", "ssl.engine.location",
                           "sasl.kerberos.kinit.cmd", "group.id",
                           "auto.offset.reset", "no.such.property"}) {
    settings.properties = {{name, "x"}};
    auto source = open_kafka_source(settings);
    REQUIRE(!ok(source));
    CHECK(source.error().code == ErrorCode::kInvalid);
    CHECK(source.error().message.ends_with(name));
  }
}

TEST_CASE("a broker that is away is unavailable soon, not an error") {
  KafkaSettings settings;
  settings.brokers = "127.0.0.1:1";
  settings.topics = {"t"};
  auto source = open_kafka_source(settings);
  REQUIRE(ok(source));
  auto begin = std::chrono::steady_clock::now();
  auto bounds = (*source)->partitions();
  CHECK(bounds.error().code == ErrorCode::kUnavailable);
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(4));
  CHECK(!(*source)->status().connected);
}

TEST_CASE("what is produced is read, and read again from an offset") {
  MockCluster cluster;
  cluster.create("pos", 1);
  KafkaSettings settings = cluster.settings("pos");
  produce(settings, 1000, 50);
  auto source = open_kafka_source(settings);
  REQUIRE(ok(source));
  auto bounds = (*source)->partitions();
  REQUIRE(ok(bounds));
  REQUIRE(bounds->size() == 1);
  CHECK((*bounds)[0].name == "pos/0");
  CHECK((*bounds)[0].high == 1000);
  auto record = (*source)->read_one("pos/0", 999);
  REQUIRE(ok(record));
  CHECK(record->has_value());
  REQUIRE(ok((*source)->assign({{"pos/0", 0}})));
  size_t seen = 0;
  MessageBatch batch = poll_some(**source, 1000, seen);
  CHECK(seen == 1000);
  CHECK(batch.positions[0] == 1000);
  CHECK((*source)->status().connected);
  CHECK((*source)->status().high["pos/0"] == 1000);
  REQUIRE(ok((*source)->assign({{"pos/0", 990}})));
  seen = 0;
  batch = poll_some(**source, 10, seen);
  CHECK(seen == 10);
  (*source)->report_committed({{"pos/0", 1000}});
}

TEST_CASE("an offset that is gone is a fault that names the range") {
  MockCluster cluster;
  cluster.create("pos", 1);
  KafkaSettings settings = cluster.settings("pos");
  produce(settings, 1000, 10'000);  // the mock keeps 5 MiB of a partition
  auto source = open_kafka_source(settings);
  REQUIRE(ok(source));
  auto bounds = (*source)->partitions();
  REQUIRE(ok(bounds));
  REQUIRE((*bounds)[0].low > 0);
  for (int64_t from : {int64_t{0}, int64_t{99'999}}) {
    REQUIRE(ok((*source)->assign({{"pos/0", from}})));
    size_t seen = 0;
    MessageBatch batch = poll_some(**source, 1, seen);
    CHECK(seen == 0);
    REQUIRE(batch.faults.size() == 1);
    CHECK(batch.faults[0].error.code ==
          (from == 0 ? ErrorCode::kNotFound : ErrorCode::kCorrupt));
    CHECK(batch.faults[0].error.message.find(
              fmt::format("[{}, {})", (*bounds)[0].low, (*bounds)[0].high)) !=
          std::string::npos);
  }
}

TEST_CASE("what librdkafka cannot read stops the partition in front of it") {
  for (auto error :
       {RD_KAFKA_RESP_ERR__BAD_MSG, RD_KAFKA_RESP_ERR__BAD_COMPRESSION,
        RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED}) {
    MockCluster cluster;
    cluster.create("pos", 1);
    KafkaSettings settings = cluster.settings("pos");
    produce(settings, 100, 20);
    auto source = open_kafka_source(settings);
    REQUIRE(ok(source));
    cluster.fail_fetch(error);
    REQUIRE(ok((*source)->assign({{"pos/0", 0}})));
    size_t seen = 0;
    MessageBatch batch = poll_some(**source, 100, seen);
    CHECK(seen == 0);
    REQUIRE(batch.faults.size() == 1);
    CHECK(batch.faults[0].error.code == ErrorCode::kCorrupt);
    CHECK(batch.faults[0].error.message.find("pos/0") != std::string::npos);
    // What librdkafka reads behind it is not taken.
    for (int i = 0; i < 25; ++i) {
      if (!ok((*source)->poll(20, 1000, batch))) continue;  // not yet there
      CHECK(batch.messages.empty());
      CHECK(batch.positions[0] == 0);
      CHECK(batch.faults.empty());
    }
    REQUIRE(ok((*source)->assign({{"pos/0", 0}})));
    poll_some(**source, 100, seen);
    CHECK(seen == 100);
  }
}

TEST_CASE("a fetch that fails is told until it works") {
  MockCluster cluster;
  cluster.create("pos", 1);
  KafkaSettings settings = cluster.settings("pos");
  produce(settings, 100, 20);
  auto source = open_kafka_source(settings);
  REQUIRE(ok(source));
  cluster.fail_fetch(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
  REQUIRE(ok((*source)->assign({{"pos/0", 0}})));
  MessageBatch batch;
  std::string trouble;
  size_t seen = 0;
  for (int i = 0; i < 500 && seen < 100; ++i) {
    if (!ok((*source)->poll(20, 1000, batch))) continue;
    CHECK(batch.faults.empty());
    seen += batch.messages.size();
    if (!batch.trouble.empty()) trouble = batch.trouble;
  }
  CHECK(trouble.find("pos/0") != std::string::npos);
  CHECK(seen == 100);
  CHECK(batch.trouble.empty());
}

TEST_CASE("one partition or topic that cannot be read leaves the others") {
  MockCluster cluster;
  cluster.create("pos", 2);
  cluster.create("shut", 1);
  KafkaSettings settings = cluster.settings("pos");
  settings.topics = {"pos", "shut"};
  auto source = open_kafka_source(settings);
  REQUIRE(ok(source));
  std::vector<UnreadPartition> unread;
  auto names = [&] {
    auto bounds = (*source)->readable_partitions(unread);
    REQUIRE(ok(bounds));
    std::vector<std::string> found;
    for (const PartitionBounds& bound : *bounds) found.push_back(bound.name);
    return found;
  };
  CHECK(names() == std::vector<std::string>{"pos/0", "pos/1", "shut/0"});
  CHECK(unread.empty());
  cluster.set_leader("pos", 1, -1);
  cluster.refuse("shut");
  CHECK(names() == std::vector<std::string>{"pos/0"});
  REQUIRE(unread.size() == 2);
  CHECK(unread[0].name == "pos/1");
  CHECK(unread[1].is("shut/0"));
  CHECK(unread[1].error.find("shut") != std::string::npos);
  // Who must know all of them hears that they cannot be had.
  CHECK((*source)->partitions().error().code == ErrorCode::kUnavailable);
  cluster.set_leader("pos", 0, -1);
  auto none = (*source)->readable_partitions(unread);
  CHECK(none.error().code == ErrorCode::kUnavailable);
}

TEST_CASE("a broker that comes back is read on") {
  MockCluster cluster;
  cluster.create("pos", 1);
  KafkaSettings settings = cluster.settings("pos");
  produce(settings, 100, 20);
  auto source = open_kafka_source(settings);
  REQUIRE(ok(source));
  cluster.set_up(false);
  CHECK((*source)->partitions().error().code == ErrorCode::kUnavailable);
  cluster.set_up(true);
  bool back = false;
  for (int i = 0; i < 5 && !back; ++i) back = ok((*source)->partitions());
  REQUIRE(back);
  REQUIRE(ok((*source)->assign({{"pos/0", 0}})));
  size_t seen = 0;
  poll_some(**source, 100, seen);
  CHECK(seen == 100);
}

TEST_CASE("events that no broker takes are given up soon, and taken back") {
  KafkaSettings settings;
  settings.brokers = "127.0.0.1:1";
  settings.topics = {"pos"};
  auto producer = KafkaProducer::open(settings);
  REQUIRE(ok(producer));
  KafkaProducer::Record record{"k", "v", 0};
  auto begin = std::chrono::steady_clock::now();
  auto sent = (*producer)->send("pos", std::span(&record, 1), {10'000, 500});
  CHECK(sent.error().code == ErrorCode::kUnavailable);
  CHECK(sent.error().message.find("none of the 1 events is stored") !=
        std::string::npos);
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(3));
}

TEST_CASE("what was on its way to a broker may be stored, and is told so") {
  MockCluster cluster;
  cluster.create("pos", 1);
  KafkaSettings settings = cluster.settings("pos");
  auto producer = KafkaProducer::open(settings);
  REQUIRE(ok(producer));
  std::string values[] = {"a", "b"};
  KafkaProducer::Record first{"k", values[0], 0}, second{"k", values[1], 0};
  REQUIRE(ok((*producer)->send("pos", std::span(&first, 1), {10'000})));
  cluster.set_round_trip(3000);
  auto sent = (*producer)->send("pos", std::span(&second, 1), {10'000, 500});
  CHECK(sent.error().code == ErrorCode::kUnavailable);
  CHECK(sent.error().message.find("0 are stored and 1 may be") !=
        std::string::npos);
  cluster.set_round_trip(0);
  producer->reset();

  // Another one goes on.
  auto other = KafkaProducer::open(settings);
  REQUIRE(ok(other));
  REQUIRE(ok((*other)->send("pos", std::span(&first, 1), {10'000})));
}
