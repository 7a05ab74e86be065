#include "ingest/kafka_source.h"

#include <absl/container/flat_hash_map.h>
#include <fmt/format.h>
#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <chrono>

#include "ingest/kafka_assignment.h"
#include "ingest/kafka_client.h"
#include "ingest/kafka_probe.h"
#include "ingest/kafka_topics.h"

namespace freshet {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kWatermarkTimeoutMs = 1000;
constexpr auto kReconnectCheck = std::chrono::seconds(1);
// A fetch that fails is tried again, and told again, much sooner than this.
constexpr auto kTroubleLasts = std::chrono::seconds(10);

const KafkaProperties kOwnProperties = {
    {"enable.auto.commit", "false"},
    {"enable.auto.offset.store", "false"},
    // Anything else silently skips or repeats rows when an offset is gone.
    {"auto.offset.reset", "error"},
    {"enable.partition.eof", "true"},
    {"allow.auto.create.topics", "false"},
    {"check.crcs", "true"},
    // Below this many queued messages of *all* partitions the fetchers sleep
    // up to a second (librdkafka 2.0.2 counts the shared queue).
    {"queued.min.messages", "1000000"},
    {"queued.max.messages.kbytes", "262144"},
    {"fetch.wait.max.ms", "20"},
    {"fetch.error.backoff.ms", "50"},
    {"socket.nagle.disable", "true"},
    {"reconnect.backoff.max.ms", "2000"},
};

KafkaProperties own_properties(const KafkaSettings& settings) {
  KafkaProperties own = kOwnProperties;
  own.emplace_back("group.id", settings.group);
  own.emplace_back("isolation.level", settings.uncommitted ? "read_uncommitted"
                                                           : "read_committed");
  // There is no membership for it, but so long a report of offsets waits for
  // the group's coordinator to be found, and the end of the handle for that.
  constexpr const char* kReportPatience = "session.timeout.ms";
  if (!settings.properties.contains(kReportPatience)) {
    own.emplace_back(kReportPatience, "1000");
  }
  return own;
}

struct ListDeleter {
  void operator()(rd_kafka_topic_partition_list_t* list) const {
    rd_kafka_topic_partition_list_destroy(list);
  }
};
using PartitionList =
    std::unique_ptr<rd_kafka_topic_partition_list_t, ListDeleter>;

struct QueueDeleter {
  void operator()(rd_kafka_queue_t* queue) const {
    rd_kafka_queue_destroy(queue);
  }
};

struct MessageDeleter {
  void operator()(rd_kafka_message_t* message) const {
    rd_kafka_message_destroy(message);
  }
};
using Message = std::unique_ptr<rd_kafka_message_t, MessageDeleter>;

Error unavailable(std::string_view what, rd_kafka_resp_err_t code) {
  return Error{ErrorCode::kUnavailable,
               fmt::format("{}: {}", what, rd_kafka_err2str(code))};
}

// "pos.sales/3" -> ("pos.sales", 3).
Result<std::pair<std::string, int32_t>> split_name(const PartitionName& name) {
  size_t slash = name.rfind('/');
  if (slash == std::string::npos || slash + 1 == name.size()) {
    return invalid("not the name of a Kafka partition: " + name);
  }
  int32_t number = 0;
  for (char c : name.substr(slash + 1)) {
    if (c < '0' || c > '9' || number > 100'000'000) {
      return invalid("not the name of a Kafka partition: " + name);
    }
    number = number * 10 + (c - '0');
  }
  return std::pair(name.substr(0, slash), number);
}

class KafkaSource final : public Source {
 public:
  explicit KafkaSource(KafkaSettings settings)
      : settings_(std::move(settings)) {}
  ~KafkaSource() override {
    drop_messages();
    queue_.reset();
  }
  Status open();

  bool listing_waits() const override { return true; }
  Result<std::vector<PartitionBounds>> partitions() override;
  Result<std::vector<PartitionBounds>> readable_partitions(
      std::vector<UnreadPartition>& unread) override;
  bool is_asked_for(const PartitionName& name) const override {
    return names_partition(settings_, name);
  }
  Status assign(const std::vector<AssignedPartition>& partitions) override;
  Status poll(int64_t timeout_ms, size_t max_messages,
              MessageBatch& batch) override;
  Result<std::optional<StoredRecord>> read_one(const PartitionName& partition,
                                               int64_t offset) override;
  Result<int64_t> offset_at(const PartitionName& partition,
                            Timestamp time) override;
  void report_committed(const std::map<PartitionName, int64_t>& next) override;
  SourceStatus status() const override;
  const char* kind() const override { return "kafka"; }

 private:
  struct Assigned {
    PartitionName name;
    std::string topic;
    int32_t number = 0;
    int64_t position = 0;
    bool stopped = false;
    std::string trouble;  // since it was read last, told until:
    Clock::time_point trouble_ends{};
  };

  void take(Message message, MessageBatch& batch);
  void take_event(const rd_kafka_message_t& message, uint32_t index,
                  MessageBatch& batch);
  std::optional<uint32_t> index_of(const rd_kafka_message_t& message);
  Error out_of_range(const Assigned& partition);
  std::span<const MessageHeader> read_headers(
      const rd_kafka_message_t& message);
  void drop_messages() {
    headers_.clear();
    messages_.clear();
  }
  void check_connection();
  void refresh_highs();

  const KafkaSettings settings_;
  KafkaHealth health_;
  KafkaHandle handle_;
  std::unique_ptr<KafkaAssignment> assignment_;
  std::unique_ptr<rd_kafka_queue_t, QueueDeleter> queue_;
  std::unique_ptr<KafkaProbe> probe_;  // for read_one, once it was needed

  // Ingestion thread only.
  std::vector<Assigned> assigned_;
  std::vector<Message> messages_;  // given out by the last poll
  std::vector<std::vector<MessageHeader>> headers_;  // of those that have any
  std::vector<rd_kafka_message_t*> polled_;
  absl::flat_hash_map<std::pair<const void*, int32_t>, uint32_t> indexes_;
  const void* last_topic_ = nullptr;
  int32_t last_number_ = -1;
  uint32_t last_index_ = 0;
  Clock::time_point next_check_;
  Clock::time_point next_highs_;
  uint64_t heard_ = 0;  // of health_

  mutable Mutex mutex_;
  std::map<PartitionName, int64_t> high_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> absent_ ABSL_GUARDED_BY(mutex_);
};

Status KafkaSource::open() {
  if (settings_.topics.empty()) {
    return invalid("Kafka topics are missing: topics");
  }
  for (const std::string& topic : settings_.topics) {
    TRY(check_topic(topic));
  }
  if (settings_.group.empty()) {
    return invalid("the Kafka group has no name: group");
  }
  TRY_ASSIGN(KafkaConf conf,
             make_kafka_conf(settings_, own_properties(settings_), &health_));
  TRY_ASSIGN(handle_, open_kafka_handle(std::move(conf), false));
  rd_kafka_poll_set_consumer(handle_.get());
  assignment_ = std::make_unique<KafkaAssignment>(handle_.get());
  queue_.reset(rd_kafka_queue_get_consumer(handle_.get()));
  return {};
}

Result<std::vector<PartitionBounds>> KafkaSource::partitions() {
  std::vector<UnreadPartition> unread;
  TRY_ASSIGN(auto bounds, readable_partitions(unread));
  if (unread.empty()) return bounds;
  return Error{ErrorCode::kUnavailable, unread[0].error};
}

Result<std::vector<PartitionBounds>> KafkaSource::readable_partitions(
    std::vector<UnreadPartition>& unread) {
  TRY_ASSIGN(KafkaListing listing,
             list_kafka(handle_.get(), settings_, health_));
  unread = std::move(listing.unread);
  MutexLock lock(mutex_);
  absent_ = std::move(listing.absent);
  if (listing.bounds.empty() && !unread.empty()) {
    return Error{ErrorCode::kUnavailable, unread[0].error};
  }
  if (listing.bounds.empty() && !absent_.empty()) {
    return Error{ErrorCode::kNotFound, absent_[0] + " does not exist"};
  }
  for (const PartitionBounds& bound : listing.bounds) {
    high_[bound.name] = bound.high;
  }
  return std::move(listing.bounds);
}

Status KafkaSource::assign(const std::vector<AssignedPartition>& partitions) {
  drop_messages();
  std::vector<KafkaAssignment::Place> places;
  assigned_.clear();
  indexes_.clear();
  last_topic_ = nullptr;
  for (const AssignedPartition& partition : partitions) {
    TRY_ASSIGN(auto name, split_name(partition.name));
    places.push_back({name.first, name.second, partition.next});
    Assigned one;
    one.name = partition.name;
    one.topic = name.first;
    one.number = name.second;
    one.position = partition.next;
    assigned_.push_back(std::move(one));
  }
  int code = assignment_->set(places);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return unavailable("Kafka partitions cannot be assigned",
                       static_cast<rd_kafka_resp_err_t>(code));
  }
  return {};
}

Status KafkaSource::poll(int64_t timeout_ms, size_t max_messages,
                         MessageBatch& batch) {
  drop_messages();
  batch.clear();
  uint64_t heard = health_.heard();
  batch.suspicious = heard != heard_;
  heard_ = heard;
  polled_.resize(std::max<size_t>(max_messages, 1));
  // The batch call waits until the array is full: wait for one, then take
  // what is there.
  ssize_t count = rd_kafka_consume_batch_queue(
      queue_.get(), static_cast<int>(timeout_ms), polled_.data(), 1);
  if (count == 1 && polled_.size() > 1) {
    ssize_t more = rd_kafka_consume_batch_queue(
        queue_.get(), 0, polled_.data() + 1, polled_.size() - 1);
    if (more > 0) count += more;
  }
  for (ssize_t i = 0; i < count; ++i) {
    take(Message(polled_[static_cast<size_t>(i)]), batch);
  }
  batch.positions.clear();
  for (const Assigned& partition : assigned_) {
    batch.positions.push_back(partition.position);
    bool told = !partition.trouble.empty() && !partition.stopped &&
                Clock::now() < partition.trouble_ends;
    if (told) batch.trouble = partition.trouble;
  }
  refresh_highs();
  if (!batch.messages.empty()) {
    if (!health_.connected()) health_.set_connected();
    return {};
  }
  check_connection();
  if (!health_.connected() && batch.faults.empty()) {
    return Error{ErrorCode::kUnavailable,
                 fmt::format("Kafka cannot be reached at {}: {}",
                             settings_.brokers, health_.error())};
  }
  return {};
}

void KafkaSource::take(Message message, MessageBatch& batch) {
  auto index = index_of(*message);
  if (!index) return;
  Assigned& partition = assigned_[*index];
  if (partition.stopped) return;  // what follows lies behind a gap
  if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    take_event(*message, *index, batch);
    return;
  }
  if (message->offset < partition.position) return;  // of an earlier assign
  RawMessage raw;
  raw.partition = *index;
  raw.partition_name = partition.name;
  raw.offset = message->offset;
  rd_kafka_timestamp_type_t kind;
  raw.time.ms = rd_kafka_message_timestamp(message.get(), &kind);
  raw.key = {static_cast<const char*>(message->key), message->key_len};
  raw.value = {static_cast<const char*>(message->payload), message->len};
  raw.null_value = message->payload == nullptr;
  raw.server = rd_kafka_message_broker_id(message.get());
  partition.position = message->offset + 1;
  partition.trouble.clear();
  if (settings_.headers) raw.headers = read_headers(*message);
  batch.messages.push_back(raw);
  messages_.push_back(std::move(message));
}

std::span<const MessageHeader> KafkaSource::read_headers(
    const rd_kafka_message_t& message) {
  rd_kafka_headers_t* list = nullptr;
  if (rd_kafka_message_headers(&message, &list) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return {};
  }
  std::vector<MessageHeader> headers;
  const char* name = nullptr;
  const void* value = nullptr;
  size_t size = 0;
  for (size_t i = 0; rd_kafka_header_get_all(list, i, &name, &value, &size) ==
                     RD_KAFKA_RESP_ERR_NO_ERROR;
       ++i) {
    headers.push_back({name, {static_cast<const char*>(value), size}});
  }
  headers_.push_back(std::move(headers));
  return headers_.back();
}

void KafkaSource::take_event(const rd_kafka_message_t& message, uint32_t index,
                             MessageBatch& batch) {
  Assigned& partition = assigned_[index];
  switch (message.err) {
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
      // May lie behind transaction markers that are no messages.
      partition.position = std::max(partition.position, message.offset);
      partition.trouble.clear();
      health_.set_connected();
      return;
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
      partition.stopped = true;
      batch.faults.push_back({index, out_of_range(partition)});
      return;
    // librdkafka leaves out what it cannot read, and goes on behind it.
    case RD_KAFKA_RESP_ERR__BAD_MSG:
    case RD_KAFKA_RESP_ERR__BAD_COMPRESSION:
    case RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED:
      partition.stopped = true;
      batch.faults.push_back(
          {index, Error{ErrorCode::kCorrupt,
                        fmt::format("{} cannot be read on at offset {}: {}",
                                    partition.name, partition.position,
                                    rd_kafka_message_errstr(&message))}});
      return;
    default:
      break;
  }
  std::string text = fmt::format("Kafka partition {}: {}", partition.name,
                                 rd_kafka_message_errstr(&message));
  health_.set_error(text, false);
  batch.suspicious = true;
  // One without an offset is not of a fetch: a report of offsets that failed.
  if (message.offset < 0) return;
  partition.trouble = std::move(text);
  // That the broker refuses it is told once only.
  bool refused = message.err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
  partition.trouble_ends =
      refused ? Clock::time_point::max() : Clock::now() + kTroubleLasts;
}

std::optional<uint32_t> KafkaSource::index_of(
    const rd_kafka_message_t& message) {
  if (message.rkt == nullptr) {
    health_.set_error(rd_kafka_message_errstr(&message), false);
    return std::nullopt;
  }
  if (message.rkt == last_topic_ && message.partition == last_number_) {
    return last_index_;
  }
  std::pair<const void*, int32_t> key(message.rkt, message.partition);
  auto found = indexes_.find(key);
  if (found == indexes_.end()) {
    std::string_view topic = rd_kafka_topic_name(message.rkt);
    auto at = std::ranges::find_if(assigned_, [&](const Assigned& a) {
      return a.number == message.partition && a.topic == topic;
    });
    if (at == assigned_.end()) return std::nullopt;
    found = indexes_.emplace(key, at - assigned_.begin()).first;
  }
  last_topic_ = message.rkt;
  last_number_ = message.partition;
  last_index_ = found->second;
  return last_index_;
}

Error KafkaSource::out_of_range(const Assigned& partition) {
  int64_t low = -1, high = -1;
  auto code = rd_kafka_query_watermark_offsets(
      handle_.get(), partition.topic.c_str(), partition.number, &low, &high,
      kWatermarkTimeoutMs);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return Error{ErrorCode::kNotFound,
                 fmt::format("offset {} of {} is not in Kafka any more",
                             partition.position, partition.name)};
  }
  bool truncated = partition.position > high;
  return Error{
      truncated ? ErrorCode::kCorrupt : ErrorCode::kNotFound,
      fmt::format(
          "offset {} of {} is not in Kafka{}; available is [{}, {})",
          partition.position, partition.name,
          truncated ? ": the topic was truncated or recreated" : " any more",
          low, high)};
}

void KafkaSource::check_connection() {
  if (health_.connected() || Clock::now() < next_check_) return;
  next_check_ = Clock::now() + kReconnectCheck;
  if (kafka_answers(handle_.get())) health_.set_connected();
}

void KafkaSource::refresh_highs() {
  auto now = Clock::now();
  if (now < next_highs_) return;
  next_highs_ = now + std::chrono::milliseconds(5);
  MutexLock lock(mutex_);
  for (const Assigned& partition : assigned_) {
    if (partition.stopped) continue;
    int64_t low = -1, high = -1;
    rd_kafka_get_watermark_offsets(handle_.get(), partition.topic.c_str(),
                                   partition.number, &low, &high);
    int64_t& known = high_[partition.name];
    known = std::max({known, high, partition.position});
  }
}

Result<std::optional<Source::StoredRecord>> KafkaSource::read_one(
    const PartitionName& partition, int64_t offset) {
  TRY_ASSIGN(auto name, split_name(partition));
  if (probe_ == nullptr) {
    TRY_ASSIGN(probe_, KafkaProbe::open(settings_, own_properties(settings_)));
  }
  return probe_->read(name.first, name.second, offset);
}

Result<int64_t> KafkaSource::offset_at(const PartitionName& partition,
                                       Timestamp time) {
  TRY_ASSIGN(auto name, split_name(partition));
  return kafka_offset_at(handle_.get(), name.first, name.second, time);
}

void KafkaSource::report_committed(
    const std::map<PartitionName, int64_t>& next) {
  PartitionList list(
      rd_kafka_topic_partition_list_new(static_cast<int>(next.size())));
  for (const auto& [partition, offset] : next) {
    auto name = split_name(partition);
    if (!name) continue;
    rd_kafka_topic_partition_list_add(list.get(), name->first.c_str(),
                                      name->second)
        ->offset = offset;
  }
  if (list->cnt > 0) rd_kafka_commit(handle_.get(), list.get(), 1);
}

SourceStatus KafkaSource::status() const {
  SourceStatus status;
  status.connected = health_.connected();
  status.error = health_.error();
  MutexLock lock(mutex_);
  status.high = high_;
  status.absent = absent_;
  status.part = std::ranges::any_of(settings_.topics, [](const auto& topic) {
    return KafkaSettings::topic_of(topic) != topic;
  });
  return status;
}

}  // namespace

Result<std::unique_ptr<Source>> open_kafka_source(
    const KafkaSettings& settings) {
  auto source = std::make_unique<KafkaSource>(settings);
  TRY(source->open());
  return std::unique_ptr<Source>(std::move(source));
}

}  // namespace freshet
