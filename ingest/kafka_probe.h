// KafkaProbe: reads single records of a topic beside the stream, to see whether
// the topic still is the one that was read. A consumer of its own, which
// fetches only while read() runs. One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "ingest/kafka_assignment.h"
#include "ingest/kafka_client.h"
#include "ingest/source.h"

namespace freshet {

class KafkaProbe {
 public:
  // `own`: the source's librdkafka properties.
  static Result<std::unique_ptr<KafkaProbe>> open(const KafkaSettings& settings,
                                                  KafkaProperties own);

  // As Source::read_one. kUnavailable if the broker does not answer in time.
  Result<std::optional<Source::StoredRecord>> read(const std::string& topic,
                                                   int32_t partition,
                                                   int64_t offset);

 private:
  Result<std::optional<Source::StoredRecord>> wait_for(const std::string& topic,
                                                       int32_t partition,
                                                       int64_t offset);
  KafkaHealth health_;
  KafkaHandle handle_;
  std::unique_ptr<KafkaAssignment> assignment_;
};

}  // namespace freshet
