#include "server/application_producer.h"

namespace freshet {
namespace {

constexpr int64_t kProduceTimeoutMs = 30'000;

}  // namespace

Result<std::map<std::string, int64_t>> TopicProducer::send(
    const KafkaSettings& settings,
    const std::vector<std::string_view>& events) {
  MutexLock lock(mutex_);
  if (!producer_) {
    TRY_ASSIGN(producer_, KafkaProducer::open(settings));
  }
  std::vector<KafkaProducer::Record> records;
  records.reserve(events.size());
  for (std::string_view event : events) records.push_back({{}, event, -1});
  return producer_->send(settings.topics.front(), records, kProduceTimeoutMs);
}

}  // namespace freshet
