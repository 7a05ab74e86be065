// KafkaSource: librdkafka behind Source (only files named kafka_* include it).
// Manual assign, no consumer group membership, auto.offset.reset=error with our
// own policy, read_committed.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/source.h"

namespace freshet {

struct KafkaSettings {
  std::string brokers;  // "host:port,host:port"
  // Names, "NAME/3" for one partition alone, or patterns (RE2), which begin
  // with
  // '^': all topics that match as a whole, also those to come; Kafka's own
  // ("__...") only by "^__...".
  std::vector<std::string> topics;
  std::string group = "freshet";  // only for report_committed
  // Further librdkafka properties. Refused: those that load code or run a
  // command (plugin.library.paths, ssl.engine.location,
  // sasl.kerberos.kinit.cmd) and those Freshet sets itself. With
  // sasl.oauthbearer.method "oidc" Freshet fetches the tokens: see kafka_oauth.
  std::map<std::string, std::string> properties;
  bool headers = false;      // whether messages come with theirs
  bool uncommitted = false;  // whether open and aborted transactions are read
  static bool is_pattern(std::string_view topic) {
    return topic.starts_with('^');
  }
  // "NAME" of "NAME/3", a topic's name cannot hold a '/'.
  static std::string_view topic_of(std::string_view topic) {
    return is_pattern(topic) ? topic : topic.substr(0, topic.find('/'));
  }
};

// kInvalid if one of `topics` cannot be.
Status check_topic(const std::string& topic);

// Never fails because the broker is away (it keeps trying): kInvalid for bad
// settings only, naming the property.
Result<std::unique_ptr<Source>> open_kafka_source(
    const KafkaSettings& settings);

}  // namespace freshet
