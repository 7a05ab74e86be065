#include "server/application_producer.h"

#include <algorithm>

namespace freshet {
namespace {

// A broker that takes events may take long for all; one that takes none is
// away.
constexpr KafkaProducer::Patience kPatience = {30'000, 5'000};

}  // namespace

Result<PostAnswer> TopicProducer::send(
    const std::string& dataset, const KafkaSettings& settings,
    const std::vector<std::string_view>& events, int32_t partition,
    std::string_view idempotency_key, KeyedPosts& posts) {
  auto named =
      std::ranges::find_if_not(settings.topics, KafkaSettings::is_pattern);
  if (named == settings.topics.end()) {
    return Error{ErrorCode::kConflict,
                 "the topics of '" + dataset +
                     "' are given by a pattern: nothing says which one takes "
                     "posted events"};
  }
  const std::string topic(KafkaSettings::topic_of(*named));
  if (!idempotency_key.empty()) {
    auto produce_to = [&](std::span<const KafkaProducer::Record> records) {
      return produce(settings, topic, records);
    };
    auto open = [&] {
      KafkaSettings look = settings;
      look.topics = {topic};
      look.group += "-posts";
      look.headers = look.uncommitted = true;
      return open_kafka_source(look);
    };
    return posts.send({dataset, topic, std::string(idempotency_key), events,
                       partition, produce_to, open});
  }
  std::vector<KafkaProducer::Record> records;
  records.reserve(events.size());
  for (std::string_view event : events) {
    records.push_back({{}, event, partition});
  }
  return produce(settings, topic, records);
}

Result<PostAnswer> TopicProducer::produce(
    const KafkaSettings& settings, const std::string& topic,
    std::span<const KafkaProducer::Record> records) {
  std::shared_ptr<KafkaProducer> producer;
  {
    MutexLock lock(mutex_);
    if (!producer_) {
      TRY_ASSIGN(producer_, KafkaProducer::open(settings));
    }
    producer = producer_;
  }
  auto sent = producer->send(topic, records, kPatience);
  if (!sent) {
    MutexLock lock(mutex_);
    if (producer_ == producer) producer_ = nullptr;  // it is spent
  }
  return sent;
}

}  // namespace freshet
