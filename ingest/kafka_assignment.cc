#include "ingest/kafka_assignment.h"

#include <librdkafka/rdkafka.h>

#include <array>
#include <utility>

namespace freshet {
namespace {

void empty(rd_kafka_queue_t* queue) {
  std::array<rd_kafka_message_t*, 64> messages;
  ssize_t count = 0;
  do {
    count = rd_kafka_consume_batch_queue(queue, 0, messages.data(),
                                         messages.size());
    for (ssize_t i = 0; i < count; ++i) {
      rd_kafka_message_destroy(messages[static_cast<size_t>(i)]);
    }
  } while (count > 0);
}

}  // namespace

void KafkaAssignment::QueueDeleter::operator()(rd_kafka_queue_s* queue) const {
  rd_kafka_queue_destroy(queue);
}

int KafkaAssignment::set(std::span<const Place> places) {
  // A partition that stopped on an error starts only when it is taken away
  // first.
  clear();
  rd_kafka_topic_partition_list_t* list =
      rd_kafka_topic_partition_list_new(static_cast<int>(places.size()));
  for (const Place& place : places) {
    rd_kafka_topic_partition_list_add(list, place.topic.c_str(), place.number)
        ->offset = place.offset;
  }
  auto code = rd_kafka_assign(handle_, list);
  rd_kafka_topic_partition_list_destroy(list);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return code;
  for (const Place& place : places) {
    queues_.emplace_back(rd_kafka_queue_get_partition(
        handle_, place.topic.c_str(), place.number));
  }
  return code;
}

void KafkaAssignment::clear() {
  rd_kafka_assign(handle_, nullptr);
  if (queues_.empty() && former_.empty()) return;
  // The first call is answered while the partitions are being stopped; the
  // second one's answer comes behind the last mark that this makes.
  rd_kafka_assign(handle_, nullptr);
  for (const auto* queues : {&former_, &queues_}) {
    for (const Queue& queue : *queues) empty(queue.get());
  }
  former_ = std::exchange(queues_, {});
}

// What comes from now on ends in a queue that is closed.
KafkaAssignment::~KafkaAssignment() {
  clear();
  Queue sink(rd_kafka_queue_new(handle_));
  for (const Queue& queue : former_) {
    rd_kafka_queue_forward(queue.get(), sink.get());
  }
}

}  // namespace freshet
