// KafkaAssignment: the partitions that a consumer reads, and what librdkafka
// 2.0.2 needs when they go.
//
// A partition's queue there holds marks that hold the partition. Of one that is
// taken away nobody removes them, and if its topic was deleted, too, the
// librdkafka that has it never ends: rd_kafka_destroy waits for ever (mended in
// its 2.6.1). So the queues are held here, and emptied.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

struct rd_kafka_s;
struct rd_kafka_queue_s;

namespace freshet {

// One thread. `handle` must outlive it.
class KafkaAssignment {
 public:
  explicit KafkaAssignment(rd_kafka_s* handle) : handle_(handle) {}
  ~KafkaAssignment();
  KafkaAssignment(const KafkaAssignment&) = delete;

  struct Place {
    std::string topic;
    int32_t number = 0;
    int64_t offset = 0;
  };
  // Reads these from their offsets on, and nothing else. Returns an error code
  // of librdkafka; 0: it went well.
  int set(std::span<const Place> places);
  void clear();

 private:
  struct QueueDeleter {
    void operator()(rd_kafka_queue_s* queue) const;
  };
  using Queue = std::unique_ptr<rd_kafka_queue_s, QueueDeleter>;

  rd_kafka_s* const handle_;
  std::vector<Queue> queues_;  // of the partitions that are read
  // Of those read before: what was on its way then may still come to them.
  std::vector<Queue> former_;
};

}  // namespace freshet
