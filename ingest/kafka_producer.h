// KafkaProducer: sends events to a topic and waits until they are stored
// (acks=all, idempotent). Thread-safe.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "ingest/kafka_source.h"
#include "segments/result.h"

namespace freshet {

class KafkaProducer {
 public:
  static Result<std::unique_ptr<KafkaProducer>> open(
      const KafkaSettings& settings);
  virtual ~KafkaProducer() = default;

  struct Record {
    std::string_view key;
    std::string_view value;
    int32_t partition = -1;  // -1: by key hash
  };
  // Sends all and waits for the broker's acknowledgement of each, at most
  // `timeout_ms`. Returns the next offset by partition. kUnavailable when not
  // all were acknowledged in time.
  virtual Result<std::map<std::string, int64_t>> send(
      const std::string& topic, std::span<const Record> records,
      int64_t timeout_ms) = 0;
  // Creates a topic; fine if it exists.
  virtual Status create_topic(const std::string& topic, int partitions) = 0;
};

}  // namespace freshet
