// What a cluster has of the topics that are asked for. Used by the thread that
// owns the handle.
#pragma once

#include <string>
#include <vector>

#include "ingest/kafka_client.h"
#include "ingest/kafka_source.h"
#include "ingest/source.h"

namespace freshet {

struct KafkaListing {
  std::vector<PartitionBounds> bounds;
  // Names, patterns and partitions that do not exist, for people.
  std::vector<std::string> absent;
  // Without a leader, or the broker refuses them.
  std::vector<UnreadPartition> unread;
};

// Whether a partition is of the topics that are asked for, be it there or not.
bool names_partition(const KafkaSettings& settings, const PartitionName& name);

// kUnavailable; `health` hears of it.
Result<KafkaListing> list_kafka(rd_kafka_s* handle,
                                const KafkaSettings& settings,
                                KafkaHealth& health);

// As Source::offset_at, for partition `number` of `topic`.
Result<int64_t> kafka_offset_at(rd_kafka_s* handle, const std::string& topic,
                                int32_t number, Timestamp time);

// Whether the cluster answers, within a fifth of a second.
bool kafka_answers(rd_kafka_s* handle);

}  // namespace freshet
