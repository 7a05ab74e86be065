#include "ingest/kafka_topics.h"

#include <fmt/format.h>
#include <librdkafka/rdkafka.h>
#include <re2/re2.h>

#include <algorithm>
#include <set>

namespace freshet {
namespace {

constexpr int kMetadataTimeoutMs = 2000;
constexpr int kWatermarkTimeoutMs = 1000;
constexpr int kTimesTimeoutMs = 5000;
constexpr int kAnswerTimeoutMs = 200;

struct TopicDeleter {
  void operator()(rd_kafka_topic_t* topic) const {
    rd_kafka_topic_destroy(topic);
  }
};
using Topic = std::unique_ptr<rd_kafka_topic_t, TopicDeleter>;

struct MetadataDeleter {
  void operator()(const rd_kafka_metadata_t* metadata) const {
    rd_kafka_metadata_destroy(metadata);
  }
};
using Metadata = std::unique_ptr<const rd_kafka_metadata_t, MetadataDeleter>;

re2::StringPiece piece(std::string_view text) {
  return {text.data(), text.size()};
}

Error unavailable(std::string_view what, rd_kafka_resp_err_t code) {
  return Error{ErrorCode::kUnavailable,
               fmt::format("{}: {}", what, rd_kafka_err2str(code))};
}

bool matches(const std::string& pattern, const RE2& matcher,
             std::string_view topic) {
  if (topic.starts_with("__") && !pattern.starts_with("^__")) return false;
  return RE2::FullMatch(piece(topic), matcher);
}

class Lister {
 public:
  Lister(rd_kafka_t* handle, const KafkaSettings& settings, KafkaHealth& health)
      : handle_(handle), settings_(settings), health_(health) {}

  Result<KafkaListing> list() {
    bool patterns = false;
    for (const std::string& topic : settings_.topics) {
      if (KafkaSettings::is_pattern(topic)) {
        patterns = true;
      } else {
        TRY(list_name(topic));  // or a partition
      }
    }
    if (patterns) TRY(list_patterns());
    return std::move(listing_);
  }

 private:
  // Of one topic, or of all if it is null.
  Result<Metadata> metadata(rd_kafka_topic_t* topic) {
    const rd_kafka_metadata_t* raw = nullptr;
    auto code = rd_kafka_metadata(handle_, topic == nullptr, topic, &raw,
                                  kMetadataTimeoutMs);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
      health_.set_connected();
      return Metadata(raw);
    }
    // What the handle has heard (a login that failed) says more.
    constexpr std::string_view kOurs = "Kafka cannot be reached";
    std::string why = health_.error();
    Error error =
        unavailable(fmt::format("{} at {}", kOurs, settings_.brokers), code);
    bool ours = why.empty() || why.starts_with(kOurs);
    health_.set_error(ours ? error.message : why, true);
    if (!ours) error.message += ": " + why;
    return error;
  }

  Status list_name(const std::string& given) {
    std::string topic(KafkaSettings::topic_of(given));
    std::string_view number = std::string_view(given).substr(topic.size());
    Topic asked(rd_kafka_topic_new(handle_, topic.c_str(), nullptr));
    if (asked == nullptr) return invalid("not a Kafka topic's name: " + topic);
    TRY_ASSIGN(Metadata answer, metadata(asked.get()));
    bool found =
        answer->topic_cnt > 0 &&
        answer->topics[0].err != RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    if (!found) {
      listing_.absent.push_back("Kafka topic " + topic);
      return {};
    }
    return list_topic(answer->topics[0], number);
  }

  Status list_patterns() {
    TRY_ASSIGN(Metadata all, metadata(nullptr));
    std::span topics(all->topics, static_cast<size_t>(all->topic_cnt));
    for (const std::string& pattern : settings_.topics) {
      if (!KafkaSettings::is_pattern(pattern)) continue;
      RE2 matcher(piece(pattern), RE2::Quiet);
      bool found = false;
      for (const rd_kafka_metadata_topic_t& topic : topics) {
        if (!matches(pattern, matcher, topic.topic)) continue;
        found = true;
        TRY(list_topic(topic, {}));
      }
      if (!found) listing_.absent.push_back("Kafka topic like " + pattern);
    }
    return {};
  }

  // `only`: "/3", or empty for all partitions.
  Status list_topic(const rd_kafka_metadata_topic_t& topic,
                    std::string_view only) {
    std::string name = topic.topic;
    if (topic.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      std::string all(only.empty() ? "/" : only);
      leave_out(name + all, unavailable("Kafka topic " + name, topic.err));
      return {};
    }
    bool found = only.empty();
    for (int i = 0; i < topic.partition_cnt; ++i) {
      int32_t number = topic.partitions[i].id;
      std::string partition = fmt::format("{}/{}", name, number);
      if (!only.empty() && partition != name + std::string(only)) continue;
      found = true;
      if (!listed_.insert(partition).second) continue;
      if (topic.partitions[i].leader < 0) {
        leave_out(partition,
                  unavailable("Kafka partition " + partition,
                              RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE));
        continue;
      }
      TRY(add(name, number, std::move(partition)));
    }
    if (!found) {
      listing_.absent.push_back("Kafka partition " + name + std::string(only));
    }
    return {};
  }

  Status add(const std::string& topic, int32_t number, std::string partition) {
    PartitionBounds bound;
    bound.name = std::move(partition);
    auto code = rd_kafka_query_watermark_offsets(handle_, topic.c_str(), number,
                                                 &bound.low, &bound.high,
                                                 kWatermarkTimeoutMs);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
      Error error = unavailable("Kafka partition " + bound.name, code);
      // One's own (a broker is away) are not of the partition alone, and each
      // took a second.
      if (code < RD_KAFKA_RESP_ERR_NO_ERROR) return error;
      leave_out(std::move(bound.name), std::move(error));
      return {};
    }
    listing_.bounds.push_back(std::move(bound));
    return {};
  }

  void leave_out(std::string name, Error error) {
    listing_.unread.push_back({std::move(name), std::move(error.message)});
  }

  rd_kafka_t* const handle_;
  const KafkaSettings& settings_;
  KafkaHealth& health_;
  KafkaListing listing_;
  std::set<std::string> listed_;  // partitions
};

}  // namespace

Status check_topic(const std::string& topic) {
  if (topic.empty()) return invalid("a Kafka topic has no name");
  if (KafkaSettings::is_pattern(topic)) {
    RE2 matcher(piece(topic), RE2::Quiet);
    if (matcher.ok()) return {};
    return invalid("a topic pattern cannot be read (" + matcher.error() +
                   "): " + topic);
  }
  std::string_view number =
      std::string_view(topic).substr(KafkaSettings::topic_of(topic).size());
  if (number.empty()) return {};
  number.remove_prefix(1);
  bool good = !number.empty() && number.size() <= 6 &&
              number.find_first_not_of("0123456789") == std::string::npos &&
              (number == "0" || number[0] != '0');
  if (good) return {};
  return invalid("a partition is written TOPIC/NUMBER: " + topic);
}

bool names_partition(const KafkaSettings& settings, const PartitionName& name) {
  std::string topic = name.substr(0, name.rfind('/'));
  return std::ranges::any_of(settings.topics, [&](const std::string& given) {
    if (!KafkaSettings::is_pattern(given)) {
      return given == topic || given == name;
    }
    return matches(given, RE2(piece(given), RE2::Quiet), topic);
  });
}

Result<KafkaListing> list_kafka(rd_kafka_s* handle,
                                const KafkaSettings& settings,
                                KafkaHealth& health) {
  return Lister(handle, settings, health).list();
}

Result<int64_t> kafka_offset_at(rd_kafka_s* handle, const std::string& topic,
                                int32_t number, Timestamp time) {
  rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(list, topic.c_str(), number)->offset =
      time.ms;
  auto code = rd_kafka_offsets_for_times(handle, list, kTimesTimeoutMs);
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR) code = list->elems[0].err;
  int64_t offset = list->elems[0].offset, low = 0;
  rd_kafka_topic_partition_list_destroy(list);
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR && offset < 0) {  // all are older
    code = rd_kafka_query_watermark_offsets(handle, topic.c_str(), number, &low,
                                            &offset, kWatermarkTimeoutMs);
  }
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return offset;
  return unavailable(fmt::format("Kafka partition {}/{}", topic, number), code);
}

bool kafka_answers(rd_kafka_s* handle) {
  const rd_kafka_metadata_t* raw = nullptr;
  auto code = rd_kafka_metadata(handle, 0, nullptr, &raw, kAnswerTimeoutMs);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return false;
  rd_kafka_metadata_destroy(raw);
  return true;
}

}  // namespace freshet
