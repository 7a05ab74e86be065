#include "ingest/kafka_producer.h"

#include <fmt/format.h>
#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <thread>

#include "ingest/kafka_client.h"

namespace freshet {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kPurgeTime = std::chrono::seconds(1);

const KafkaProperties kOwnProperties = {
    {"enable.idempotence", "true"},
    {"acks", "all"},
    {"linger.ms", "2"},
    {"compression.type", "lz4"},
    {"message.max.bytes", "20000000"},
    {"queue.buffering.max.messages", "1000000"},
    {"socket.nagle.disable", "true"},
    {"partitioner", "murmur2_random"},  // as the Java producer
};

// One send() call's records on the way. The delivery reports hold it, since
// they may come after send() gave up waiting.
struct Flight {
  Mutex mutex;
  CondVar landed;
  size_t waiting ABSL_GUARDED_BY(mutex) = 0;
  size_t stored ABSL_GUARDED_BY(mutex) = 0;
  size_t perhaps ABSL_GUARDED_BY(mutex) = 0;  // sent, but not acknowledged
  Clock::time_point last_stored ABSL_GUARDED_BY(mutex) = Clock::now();
  std::string error ABSL_GUARDED_BY(mutex);
  bool too_large ABSL_GUARDED_BY(mutex) = false;  // for the broker
  std::map<std::string, int64_t> next ABSL_GUARDED_BY(mutex);
};

void on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void*) {
  std::unique_ptr<std::shared_ptr<Flight>> holder(
      static_cast<std::shared_ptr<Flight>*>(message->_private));
  Flight& flight = **holder;
  MutexLock lock(flight.mutex);
  if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    if (flight.error.empty()) flight.error = rd_kafka_err2str(message->err);
    flight.too_large |= message->err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE;
    bool never =
        rd_kafka_message_status(message) == RD_KAFKA_MSG_STATUS_NOT_PERSISTED &&
        message->err != RD_KAFKA_RESP_ERR__PURGE_INFLIGHT;
    flight.perhaps += !never;
  } else {
    ++flight.stored;
    flight.last_stored = Clock::now();
    int64_t& next = flight.next[fmt::format(
        "{}/{}", rd_kafka_topic_name(message->rkt), message->partition)];
    next = std::max(next, message->offset + 1);
  }
  if (--flight.waiting == 0) flight.landed.signal_all();
}

struct HeadersDeleter {
  void operator()(rd_kafka_headers_t* headers) const {
    rd_kafka_headers_destroy(headers);
  }
};
using Headers = std::unique_ptr<rd_kafka_headers_t, HeadersDeleter>;

// Null: none.
Headers make_headers(const KafkaProducer::Record& record) {
  if (record.headers.empty()) return {};
  Headers headers(rd_kafka_headers_new(record.headers.size()));
  for (const MessageHeader& header : record.headers) {
    rd_kafka_header_add(headers.get(), header.name.data(),
                        static_cast<ssize_t>(header.name.size()),
                        header.value.data(),
                        static_cast<ssize_t>(header.value.size()));
  }
  return headers;
}

class RdKafkaProducer final : public KafkaProducer {
 public:
  explicit RdKafkaProducer(KafkaSettings settings)
      : settings_(std::move(settings)) {}
  ~RdKafkaProducer() override {
    stopping_ = true;
    if (poller_.joinable()) poller_.join();
    if (handle_ == nullptr) return;
    rd_kafka_purge(handle_.get(),
                   RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_flush(handle_.get(), 1000);
  }

  Status open() {
    TRY_ASSIGN(KafkaConf conf,
               make_kafka_conf(settings_, kOwnProperties, &health_));
    rd_kafka_conf_set_dr_msg_cb(conf.get(), on_delivery);
    TRY_ASSIGN(handle_, open_kafka_handle(std::move(conf), true));
    poller_ = std::thread([this] {
      while (!stopping_) rd_kafka_poll(handle_.get(), 100);
    });
    return {};
  }

  Result<std::map<std::string, int64_t>> send(const std::string& topic,
                                              std::span<const Record> records,
                                              Patience patience) override;
  Status create_topic(const std::string& topic, int partitions) override;

 private:
  Status produce(const std::string& topic, const Record& record,
                 const std::shared_ptr<Flight>& flight,
                 Clock::time_point deadline);
  void take_back(Flight& flight);

  const KafkaSettings settings_;
  KafkaHealth health_;
  KafkaHandle handle_;
  std::atomic<bool> stopping_ = false;
  std::thread poller_;  // serves delivery reports
};

Status RdKafkaProducer::produce(const std::string& topic, const Record& record,
                                const std::shared_ptr<Flight>& flight,
                                Clock::time_point deadline) {
  auto holder = std::make_unique<std::shared_ptr<Flight>>(flight);
  Headers headers = make_headers(record);
  for (;;) {
    int32_t partition =
        record.partition < 0 ? RD_KAFKA_PARTITION_UA : record.partition;
    // The keys and values are copied; librdkafka's arguments are not const.
    auto code = rd_kafka_producev(
        handle_.get(), RD_KAFKA_V_TOPIC(topic.c_str()),
        RD_KAFKA_V_PARTITION(partition),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
        RD_KAFKA_V_KEY(const_cast<char*>(record.key.data()), record.key.size()),
        RD_KAFKA_V_VALUE(const_cast<char*>(record.value.data()),
                         record.value.size()),
        RD_KAFKA_V_HEADERS(headers.get()), RD_KAFKA_V_OPAQUE(holder.get()),
        RD_KAFKA_V_END);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
      (void)holder.release();   // freed by on_delivery
      (void)headers.release();  // the message's now
      return {};
    }
    if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL && Clock::now() < deadline) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      continue;
    }
    if (code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE) {
      return invalid(fmt::format("an event is too large for Kafka: {} bytes",
                                 record.value.size()));
    }
    bool unknown = code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC ||
                   code == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION;
    return Error{unknown ? ErrorCode::kNotFound : ErrorCode::kUnavailable,
                 fmt::format("Kafka did not take an event of topic {}: {}",
                             topic, rd_kafka_err2str(code))};
  }
}

// Nothing is sent any more; waits until it is known what became of each.
void RdKafkaProducer::take_back(Flight& flight) {
  rd_kafka_purge(handle_.get(),
                 RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  auto end = Clock::now() + kPurgeTime;
  MutexLock lock(flight.mutex);
  while (flight.waiting > 0 && Clock::now() < end) {
    flight.landed.wait_for(flight.mutex, absl::FromChrono(end - Clock::now()));
  }
}

// What became of the `count` records of a send that failed.
std::string fate(Flight& flight, size_t count) {
  MutexLock lock(flight.mutex);
  size_t perhaps = flight.perhaps + flight.waiting;
  if (flight.stored + perhaps == 0) {
    return fmt::format("none of the {} events is stored", count);
  }
  return fmt::format(
      "of {} events {} are stored and {} may be: sent again, they may come "
      "twice",
      count, flight.stored, perhaps);
}

Result<std::map<std::string, int64_t>> RdKafkaProducer::send(
    const std::string& topic, std::span<const Record> records,
    Patience patience) {
  auto flight = std::make_shared<Flight>();
  auto begin = Clock::now();
  auto deadline = begin + std::chrono::milliseconds(patience.all_ms);
  auto silence = std::chrono::milliseconds(patience.silent_ms);
  Status produced;
  for (const Record& record : records) {
    {
      MutexLock lock(flight->mutex);
      ++flight->waiting;
    }
    produced =
        produce(topic, record, flight, std::min(deadline, begin + silence));
    if (produced) continue;
    MutexLock lock(flight->mutex);
    --flight->waiting;
    break;
  }
  std::string why;
  bool given_up = false;
  bool too_large = false;
  {
    MutexLock lock(flight->mutex);
    while (flight->waiting > 0) {
      auto end = std::min(deadline, flight->last_stored + silence);
      auto left = end - Clock::now();
      given_up = left <= Clock::duration::zero();
      if (given_up) break;
      flight->landed.wait_for(flight->mutex, absl::FromChrono(left));
    }
    why = flight->error;
    too_large = flight->too_large;
    if (!given_up && why.empty() && produced) return flight->next;
  }
  if (given_up) take_back(*flight);
  std::string became = fate(*flight, records.size());
  if (!produced) {
    return Error{produced.error().code,
                 fmt::format("{}: {}", became, produced.error().message)};
  }
  if (too_large) {
    return invalid(fmt::format(
        "an event, or what is sent together, is too large for Kafka topic {}; "
        "smaller ones or fewer at once may fit; {}",
        topic, became));
  }
  if (why.empty()) why = health_.error();
  if (why.empty()) why = "no answer";
  auto waited = std::chrono::duration_cast<std::chrono::milliseconds>(
      Clock::now() - begin);
  return Error{
      ErrorCode::kUnavailable,
      fmt::format("Kafka topic {} did not acknowledge all in {} ms, {}: {}",
                  topic, waited.count(), became, why)};
}

Status RdKafkaProducer::create_topic(const std::string& topic, int partitions) {
  constexpr int kTimeoutMs = 10'000;
  std::array<char, 512> text;
  // Replication -1: the broker's default.
  std::unique_ptr<rd_kafka_NewTopic_t, void (*)(rd_kafka_NewTopic_t*)> wanted(
      rd_kafka_NewTopic_new(topic.c_str(), partitions, -1, text.data(),
                            text.size()),
      rd_kafka_NewTopic_destroy);
  if (wanted == nullptr) {
    return invalid(std::string("not a Kafka topic that can be created: ") +
                   text.data());
  }
  std::unique_ptr<rd_kafka_AdminOptions_t, void (*)(rd_kafka_AdminOptions_t*)>
      options(rd_kafka_AdminOptions_new(handle_.get(),
                                        RD_KAFKA_ADMIN_OP_CREATETOPICS),
              rd_kafka_AdminOptions_destroy);
  rd_kafka_AdminOptions_set_request_timeout(options.get(), kTimeoutMs,
                                            text.data(), text.size());
  std::unique_ptr<rd_kafka_queue_t, void (*)(rd_kafka_queue_t*)> queue(
      rd_kafka_queue_new(handle_.get()), rd_kafka_queue_destroy);
  rd_kafka_NewTopic_t* topics[] = {wanted.get()};
  rd_kafka_CreateTopics(handle_.get(), topics, 1, options.get(), queue.get());
  std::unique_ptr<rd_kafka_event_t, void (*)(rd_kafka_event_t*)> event(
      rd_kafka_queue_poll(queue.get(), kTimeoutMs + 1000),
      rd_kafka_event_destroy);
  if (event == nullptr || rd_kafka_event_error(event.get())) {
    return Error{ErrorCode::kUnavailable,
                 fmt::format("Kafka cannot be reached at {} to create {}",
                             settings_.brokers, topic)};
  }
  size_t count = 0;
  const rd_kafka_topic_result_t** results = rd_kafka_CreateTopics_result_topics(
      rd_kafka_event_CreateTopics_result(event.get()), &count);
  for (size_t i = 0; i < count; ++i) {
    auto code = rd_kafka_topic_result_error(results[i]);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR ||
        code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) {
      continue;
    }
    return Error{ErrorCode::kInvalid,
                 fmt::format("Kafka did not create topic {}: {}", topic,
                             rd_kafka_err2str(code))};
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<KafkaProducer>> KafkaProducer::open(
    const KafkaSettings& settings) {
  auto producer = std::make_unique<RdKafkaProducer>(settings);
  TRY(producer->open());
  return std::unique_ptr<KafkaProducer>(std::move(producer));
}

}  // namespace freshet
