// KeyedPosts: what makes a retry of events posted to a Kafka topic safe. What
// an idempotency key was used for is kept in the metadata store under
// "posted/DATASET/TOPIC/KEY" for 24 hours: first that it is being sent, then
// the answer. A retry of one that was begun, but not answered (a crash, a
// broker that went away), looks into the topic, whose records carry the key and
// their number as headers, and sends those that are missing.
//
// Only this server's posts are known. What a broker that hung takes more than
// a second after it answers again is not seen. Thread-safe; owned by the
// application.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "ingest/kafka_producer.h"
#include "ingest/source.h"
#include "segments/metadata_store.h"
#include "segments/mutex.h"

namespace freshet {

// Next offsets by partition.
using PostAnswer = std::map<std::string, int64_t>;

struct KeyedPost {
  std::string dataset, topic, key;
  const std::vector<std::string_view>& events;
  int32_t partition;  // as in KafkaProducer::Record
  // To the topic.
  std::function<Result<PostAnswer>(std::span<const KafkaProducer::Record>)>
      send;
  // Reads the topic, with headers, also what is not committed.
  std::function<Result<std::unique_ptr<Source>>()> open;
};

class KeyedPosts {
 public:
  explicit KeyedPosts(MetadataStore& store) : store_(store) {}

  // Each event is in the topic once, however often this is called with the
  // key. Two calls with one key go one after the other. kConflict: it came with
  // other events before. Errors of `send` and `open`: may be called again.
  Result<PostAnswer> send(const KeyedPost& post);

 private:
  class Turn;
  void forget_old();

  MetadataStore& store_;
  Mutex mutex_;
  CondVar left_;
  std::set<std::string> busy_ ABSL_GUARDED_BY(mutex_);
  Timestamp next_forget_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace freshet
