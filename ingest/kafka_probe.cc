#include "ingest/kafka_probe.h"

#include <fmt/format.h>
#include <librdkafka/rdkafka.h>

#include <chrono>

namespace freshet {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kTimeoutMs = 3000;

struct MessageDeleter {
  void operator()(rd_kafka_message_t* message) const {
    rd_kafka_message_destroy(message);
  }
};
using Message = std::unique_ptr<rd_kafka_message_t, MessageDeleter>;

Source::StoredRecord stored_record(const rd_kafka_message_t& message) {
  Source::StoredRecord record;
  rd_kafka_timestamp_type_t kind;
  record.time.ms = rd_kafka_message_timestamp(&message, &kind);
  record.hash =
      record_hash({static_cast<const char*>(message.key), message.key_len},
                  {static_cast<const char*>(message.payload), message.len});
  return record;
}

}  // namespace

Result<std::unique_ptr<KafkaProbe>> KafkaProbe::open(
    const KafkaSettings& settings, KafkaProperties own) {
  for (auto& [name, value] : own) {
    // One record is wanted, not all that follow it.
    if (name == "queued.min.messages") value.assign(1, '1');
  }
  // At once, whatever suits the user's stream.
  KafkaSettings quick = settings;
  for (const char* name :
       {"queued.min.messages", "fetch.wait.max.ms", "fetch.min.bytes"}) {
    quick.properties.erase(name);
  }
  auto probe = std::make_unique<KafkaProbe>();
  TRY_ASSIGN(KafkaConf conf, make_kafka_conf(quick, own, &probe->health_));
  TRY_ASSIGN(probe->handle_, open_kafka_handle(std::move(conf), false));
  rd_kafka_poll_set_consumer(probe->handle_.get());
  probe->assignment_ = std::make_unique<KafkaAssignment>(probe->handle_.get());
  return probe;
}

Result<std::optional<Source::StoredRecord>> KafkaProbe::read(
    const std::string& topic, int32_t partition, int64_t offset) {
  const KafkaAssignment::Place place{topic, partition, offset};
  int code = assignment_->set(std::span(&place, 1));
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return Error{
        ErrorCode::kUnavailable,
        fmt::format("Kafka partition {}/{}: {}", topic, partition,
                    rd_kafka_err2str(static_cast<rd_kafka_resp_err_t>(code)))};
  }
  auto record = wait_for(topic, partition, offset);
  assignment_->clear();
  return record;
}

Result<std::optional<Source::StoredRecord>> KafkaProbe::wait_for(
    const std::string& topic, int32_t partition, int64_t offset) {
  auto deadline = Clock::now() + std::chrono::milliseconds(kTimeoutMs);
  while (Clock::now() < deadline) {
    Message message(rd_kafka_consumer_poll(handle_.get(), 100));
    if (message == nullptr || message->rkt == nullptr) continue;
    if (message->partition != partition ||
        rd_kafka_topic_name(message->rkt) != topic) {
      continue;
    }
    switch (message->err) {
      case RD_KAFKA_RESP_ERR_NO_ERROR:
        if (message->offset < offset) continue;
        if (message->offset > offset) {
          return std::optional<Source::StoredRecord>();
        }
        return std::optional(stored_record(*message));
      case RD_KAFKA_RESP_ERR__PARTITION_EOF:
      case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
      case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
        return std::optional<Source::StoredRecord>();
      default:
        continue;
    }
  }
  return Error{ErrorCode::kUnavailable,
               fmt::format("offset {} of {}/{} was not answered in {} ms",
                           offset, topic, partition, kTimeoutMs)};
}

}  // namespace freshet
