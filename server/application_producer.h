// TopicProducer: a dataset's way into its Kafka topic, opened by the first
// events that are posted. Thread-safe: one batch at a time.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/kafka_producer.h"
#include "segments/mutex.h"

namespace freshet {

class TopicProducer {
 public:
  // The next offset by partition, once all events are in the first topic that
  // is named. kUnavailable: it cannot be reached; kUnsupported: all topics of
  // `dataset` are given by patterns.
  Result<std::map<std::string, int64_t>> send(
      const std::string& dataset, const KafkaSettings& settings,
      const std::vector<std::string_view>& events);

 private:
  Mutex mutex_;
  std::unique_ptr<KafkaProducer> producer_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace freshet
