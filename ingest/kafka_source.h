// KafkaSource: librdkafka behind Source (the only file pairs that include it
// are kafka_source, kafka_probe and kafka_producer). Manual assign, no consumer
// group membership, auto.offset.reset=error with our own policy,
// read_committed.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "ingest/source.h"

namespace freshet {

struct KafkaSettings {
  std::string brokers;  // "host:port,host:port"
  std::vector<std::string> topics;
  std::string group = "freshet";  // only for report_committed
  // Further librdkafka properties. Refused: those that load code or run a
  // command (plugin.library.paths, ssl.engine.location,
  // sasl.kerberos.kinit.cmd) and those Freshet sets itself.
  std::map<std::string, std::string> properties;
  bool headers = false;  // whether messages come with theirs
};

// Never fails because the broker is away (it keeps trying): kInvalid for bad
// settings only, naming the property.
Result<std::unique_ptr<Source>> open_kafka_source(
    const KafkaSettings& settings);

}  // namespace freshet
