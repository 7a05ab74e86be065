#include "server/application_producer.h"

#include <algorithm>

namespace freshet {
namespace {

// A broker that takes events may take long for all; one that takes none is
// away.
constexpr KafkaProducer::Patience kPatience = {30'000, 5'000};

}  // namespace

Result<std::map<std::string, int64_t>> TopicProducer::send(
    const std::string& dataset, const KafkaSettings& settings,
    const std::vector<std::string_view>& events) {
  auto topic =
      std::ranges::find_if_not(settings.topics, KafkaSettings::is_pattern);
  if (topic == settings.topics.end()) {
    return Error{ErrorCode::kUnsupported,
                 "the topics of '" + dataset +
                     "' are given by a pattern: nothing says which one takes "
                     "posted events"};
  }
  std::shared_ptr<KafkaProducer> producer;
  {
    MutexLock lock(mutex_);
    if (!producer_) {
      TRY_ASSIGN(producer_, KafkaProducer::open(settings));
    }
    producer = producer_;
  }
  std::vector<KafkaProducer::Record> records;
  records.reserve(events.size());
  for (std::string_view event : events) records.push_back({{}, event, -1});
  auto sent = producer->send(std::string(KafkaSettings::topic_of(*topic)),
                             records, kPatience);
  if (!sent && sent.error().code == ErrorCode::kUnavailable) {
    MutexLock lock(mutex_);
    if (producer_ == producer) producer_ = nullptr;  // it is spent
  }
  return sent;
}

}  // namespace freshet
