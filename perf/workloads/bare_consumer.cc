// bare_consumer BROKERS TOPIC MESSAGES: how fast librdkafka alone reads a
// topic, dropping every message. Prints {"messages","seconds","cpu_seconds"}.
// bare_consumer BROKERS TOPIC mark TEXT: reads what comes from now on. Prints
// "ready", then a line as each message with TEXT in it arrives; until killed.
#include <librdkafka/rdkafka.h>
#include <time.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <vector>

namespace {

constexpr size_t kBatch = 10'000;
constexpr int kPollMs = 10;
constexpr int kPartitions = 4;

double cpu_seconds() {
  timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

rd_kafka_t* open_consumer(const char* brokers) {
  char error[256];
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  const char* settings[][2] = {{"bootstrap.servers", brokers},
                               {"group.id", "bare"},
                               {"enable.auto.commit", "false"},
                               {"auto.offset.reset", "earliest"},
                               {"queued.min.messages", "1000000"},
                               {"queued.max.messages.kbytes", "262144"},
                               {"fetch.wait.max.ms", "10"}};
  for (auto& [name, value] : settings) {
    rd_kafka_conf_set(conf, name, value, error, sizeof error);
  }
  rd_kafka_t* consumer =
      rd_kafka_new(RD_KAFKA_CONSUMER, conf, error, sizeof error);
  if (consumer) rd_kafka_poll_set_consumer(consumer);
  return consumer;
}

// The offset that partition `p` gives its next message.
int64_t end_of(rd_kafka_t* consumer, const char* topic, int p) {
  int64_t low = 0, high = 0;
  rd_kafka_query_watermark_offsets(consumer, topic, p, &low, &high, 10'000);
  return high;
}

void assign(rd_kafka_t* consumer, const char* topic, bool from_end) {
  auto* partitions = rd_kafka_topic_partition_list_new(kPartitions);
  for (int p = 0; p < kPartitions; ++p) {
    rd_kafka_topic_partition_list_add(partitions, topic, p)->offset =
        from_end ? end_of(consumer, topic, p) : RD_KAFKA_OFFSET_BEGINNING;
  }
  rd_kafka_assign(consumer, partitions);
  rd_kafka_topic_partition_list_destroy(partitions);
}

// Hands every message to use() until it returns false. librdkafka waits until
// `at_once` are there, or for kPollMs.
template <class Use>
void consume(rd_kafka_t* consumer, size_t at_once, Use use) {
  rd_kafka_queue_t* queue = rd_kafka_queue_get_consumer(consumer);
  std::vector<rd_kafka_message_t*> batch(at_once);
  for (bool more = true; more;) {
    const ssize_t count =
        rd_kafka_consume_batch_queue(queue, kPollMs, batch.data(), at_once);
    for (ssize_t i = 0; i < count; ++i) {
      rd_kafka_message_t* message = batch[static_cast<size_t>(i)];
      if (message->err == 0) more = use(*message);
      rd_kafka_message_destroy(message);
    }
  }
  rd_kafka_queue_destroy(queue);
}

void read_all(rd_kafka_t* consumer, const char* topic, long wanted) {
  assign(consumer, topic, false);
  long seen = 0;
  const auto start = std::chrono::steady_clock::now();
  const double cpu = cpu_seconds();
  consume(consumer, kBatch,
          [&](const rd_kafka_message_t&) { return ++seen < wanted; });
  const std::chrono::duration<double> spent =
      std::chrono::steady_clock::now() - start;
  std::printf("{\"messages\":%ld,\"seconds\":%.3f,\"cpu_seconds\":%.3f}\n",
              seen, spent.count(), cpu_seconds() - cpu);
}

void tell_marks(rd_kafka_t* consumer, const char* topic,
                std::string_view text) {
  assign(consumer, topic, true);
  std::puts("ready");
  std::fflush(stdout);
  consume(consumer, 1, [&](const rd_kafka_message_t& message) {
    const std::string_view payload(static_cast<const char*>(message.payload),
                                   message.len);
    if (payload.find(text) != payload.npos) {
      std::puts("mark");
      std::fflush(stdout);
    }
    return true;
  });
}

}  // namespace

int main(int argc, char** argv) {
  const bool marks = argc == 5 && std::strcmp(argv[3], "mark") == 0;
  if (argc != 4 && !marks) {
    std::fprintf(stderr,
                 "usage: bare_consumer BROKERS TOPIC MESSAGES|mark TEXT\n");
    return 2;
  }
  rd_kafka_t* consumer = open_consumer(argv[1]);
  if (!consumer) return 3;
  if (marks) {
    tell_marks(consumer, argv[2], argv[4]);
  } else {
    read_all(consumer, argv[2], std::strtol(argv[3], nullptr, 10));
  }
  rd_kafka_consumer_close(consumer);
  rd_kafka_destroy(consumer);
  return 0;
}
