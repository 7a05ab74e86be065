// TopicProducer: a dataset's way into its Kafka topic, opened by the first
// events that are posted. Thread-safe.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/kafka_producer.h"
#include "segments/mutex.h"
#include "server/application_keyed_posts.h"

namespace freshet {

class TopicProducer {
 public:
  // The next offset by partition, once all events are in the first topic that
  // is named. kUnavailable: nothing was acknowledged for 5 s, or not all in
  // 30 s; the message says what may be stored all the same, see KafkaProducer.
  // kUnsupported: all topics of `dataset` are given by patterns. With an
  // idempotency key, unless it is empty, as KeyedPosts::send. `partition` as in
  // KafkaProducer::Record.
  Result<PostAnswer> send(const std::string& dataset,
                          const KafkaSettings& settings,
                          const std::vector<std::string_view>& events,
                          int32_t partition, std::string_view idempotency_key,
                          KeyedPosts& posts);

 private:
  Result<PostAnswer> produce(const KafkaSettings& settings,
                             const std::string& topic,
                             std::span<const KafkaProducer::Record> records);

  Mutex mutex_;
  std::shared_ptr<KafkaProducer> producer_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace freshet
