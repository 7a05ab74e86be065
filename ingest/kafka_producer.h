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
    std::span<const MessageHeader> headers{};
  };
  // How long send() waits for all records, and without one more that is
  // acknowledged.
  struct Patience {
    int64_t all_ms;
    int64_t silent_ms = all_ms;
  };
  // Sends all and waits for the broker's acknowledgement of each. Returns the
  // next offset by partition. kUnavailable when not all were acknowledged in
  // time: what is not stored then is taken back, but for records that were on
  // their way to the broker. The message says whether none is stored for sure
  // or how many are and may be. After it the producer is spent: others that
  // send by it fail, too, and a new one is to be opened. kInvalid in the same
  // words if a record, or a batch of them, is too large for the broker.
  virtual Result<std::map<std::string, int64_t>> send(
      const std::string& topic, std::span<const Record> records,
      Patience patience) = 0;
  // Creates a topic; fine if it exists.
  virtual Status create_topic(const std::string& topic, int partitions) = 0;
};

}  // namespace freshet
