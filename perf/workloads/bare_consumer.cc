// bare_consumer BROKERS TOPIC MESSAGES: how fast librdkafka alone reads a
// topic, dropping every message. Prints {"messages","seconds","cpu_seconds"}.
#include <librdkafka/rdkafka.h>
#include <time.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

constexpr size_t kBatch = 10'000;
constexpr int kPollMs = 10;

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

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: bare_consumer BROKERS TOPIC MESSAGES\n");
    return 2;
  }
  rd_kafka_t* consumer = open_consumer(argv[1]);
  if (!consumer) return 3;
  auto* partitions = rd_kafka_topic_partition_list_new(4);
  for (int p = 0; p < 4; ++p) {
    rd_kafka_topic_partition_list_add(partitions, argv[2], p)->offset =
        RD_KAFKA_OFFSET_BEGINNING;
  }
  rd_kafka_assign(consumer, partitions);
  rd_kafka_queue_t* queue = rd_kafka_queue_get_consumer(consumer);
  std::vector<rd_kafka_message_t*> batch(kBatch);
  long wanted = std::strtol(argv[3], nullptr, 10), seen = 0;
  auto start = std::chrono::steady_clock::now();
  double cpu = cpu_seconds();
  while (seen < wanted) {
    ssize_t count =
        rd_kafka_consume_batch_queue(queue, kPollMs, batch.data(), kBatch);
    for (ssize_t i = 0; i < count; ++i) {
      seen += batch[static_cast<size_t>(i)]->err == 0;
      rd_kafka_message_destroy(batch[static_cast<size_t>(i)]);
    }
  }
  std::chrono::duration<double> spent =
      std::chrono::steady_clock::now() - start;
  std::printf("{\"messages\":%ld,\"seconds\":%.3f,\"cpu_seconds\":%.3f}\n",
              seen, spent.count(), cpu_seconds() - cpu);
  rd_kafka_queue_destroy(queue);
  rd_kafka_topic_partition_list_destroy(partitions);
  rd_kafka_consumer_close(consumer);
  rd_kafka_destroy(consumer);
  return 0;
}
