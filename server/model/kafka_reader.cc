#include "server/model/kafka_reader.h"

#include <re2/re2.h>

#include <algorithm>

#include "server/model/format_reader.h"

namespace freshet {
namespace {

// Properties handed through to the Kafka client: these, or with a prefix that
// ends in '.'. Everything else is Freshet's own business or could load code.
const std::vector<std::string> kKafkaProperties = {"security.protocol",
                                                   "sasl.",
                                                   "ssl.",
                                                   "client.id",
                                                   "client.rack",
                                                   "fetch.",
                                                   "socket.",
                                                   "queued.",
                                                   "reconnect.",
                                                   "metadata.",
                                                   "message.max.bytes",
                                                   "receive.message.max.bytes",
                                                   "session.timeout.ms",
                                                   "heartbeat.interval.ms",
                                                   "compression.",
                                                   "linger.ms",
                                                   "batch.",
                                                   "broker.address.family",
                                                   "https.ca.location",
                                                   "topic.metadata."};
const std::vector<std::string> kRefusedProperties = {
    "sasl.kerberos.kinit.cmd", "ssl.engine.location",
    "ssl_engine_callback_data", "metadata.broker.list",
    "fetch.error.backoff.ms"};

bool allowed_property(const std::string& name) {
  if (std::find(kRefusedProperties.begin(), kRefusedProperties.end(), name) !=
      kRefusedProperties.end()) {
    return false;
  }
  return std::any_of(kKafkaProperties.begin(), kKafkaProperties.end(),
                     [&](const std::string& p) {
                       return p.back() == '.' ? name.starts_with(p) : name == p;
                     });
}

void read_properties(ConfigMap& map, KafkaSourceModel& kafka) {
  for (auto& [name, value] : map.pairs("properties")) {
    if (!allowed_property(name)) {
      map.faults().add(value.line, "property '" + name + "' in " + map.place() +
                                       " isn't allowed");
      continue;
    }
    ConfigNode one;
    one.kind = ConfigNode::Kind::kMap;
    one.line = value.line;
    one.entries.push_back({name, value.line, value});
    ConfigMap single(one, "properties of " + map.place(), map.faults());
    bool secret = name.ends_with("password") || name.ends_with("secret") ||
                  name == "ssl.key.pem";
    kafka.properties[name] =
        secret ? single.secret(name) : single.secret_text(name);
  }
}

// Why `topic` can be no entry of `topics`: a name, NAME/3, or a pattern that
// begins with '^'. Empty if it can.
std::string topic_fault(const std::string& topic) {
  if (topic.empty()) return "is empty";
  if (topic.starts_with('^')) {
    RE2 pattern(re2::StringPiece(topic.data(), topic.size()), RE2::Quiet);
    return pattern.ok()
               ? ""
               : "is a pattern that cannot be read: " + pattern.error();
  }
  size_t slash = topic.find('/');
  if (slash == std::string::npos) return "";
  std::string_view number = std::string_view(topic).substr(slash + 1);
  bool good = slash > 0 && !number.empty() && number.size() <= 6 &&
              number.find_first_not_of("0123456789") == std::string::npos &&
              (number == "0" || number[0] != '0');
  return good ? "" : "must be TOPIC or TOPIC/NUMBER";
}

void read_topics(ConfigMap& map, KafkaSourceModel& kafka) {
  kafka.topics = plain_texts(map.secret_texts("topics"));
  std::string topic = map.secret_text("topic");
  if (!topic.empty() && kafka.topics.empty()) {
    kafka.topics.push_back(topic);
  } else if (!topic.empty()) {
    map.fault("topic", map.place() + " has both 'topic' and 'topics'");
  }
  if (kafka.topics.empty() && !map.has("topics")) {
    map.faults().add(map.line(), map.place() + " lacks the key 'topics'");
  }
  for (const std::string& name : kafka.topics) {
    std::string fault = topic_fault(name);
    if (fault.empty()) continue;
    map.fault("topics", "topic '" + name + "' in " + map.place() + " " + fault);
  }
}

// What tokens are fetched by, see ingest/kafka_oauth.h: there, where it is
// said, is too late to be a fault of the model.
void check_oauth(ConfigMap& map, const KafkaSourceModel& kafka) {
  const std::string prefix = "sasl.oauthbearer.";
  auto value = [&](const std::string& name) {
    auto found = kafka.properties.find(prefix + name);
    return found == kafka.properties.end() ? std::string() : found->second;
  };
  if (value("method").empty()) return;
  auto fault = [&](const std::string& text) {
    map.fault("properties", "'" + prefix + text + " in " + map.place());
  };
  if (value("method") != "oidc") fault("method' can only be oidc");
  for (const char* name :
       {"token.endpoint.url", "client.id", "client.secret"}) {
    if (value(name).empty()) fault(std::string(name) + "' is missing");
  }
  std::string url = value("token.endpoint.url");
  bool safe = url.empty() || url.starts_with("https://") ||
              url.starts_with("http://127.0.0.1:") ||
              url.starts_with("http://localhost:");
  if (!safe) fault("token.endpoint.url' must begin with https://");
}

}  // namespace

KafkaSourceModel read_kafka(const ConfigNode& node, DatasetModel& dataset,
                            const std::string& place, FaultList& faults) {
  ConfigMap map(node, "kafka of " + place, faults);
  KafkaSourceModel kafka;
  kafka.brokers = map.required_secret_text("brokers");
  read_topics(map, kafka);
  if (map.has("group")) kafka.group = map.required_secret_text("group");
  std::string start = map.text("start", "earliest");
  if (start != "earliest") {
    map.fault("start", "start '" + start + "' of " + map.place() +
                           " isn't available in this version; 'earliest' is");
  }
  read_properties(map, kafka);
  check_oauth(map, kafka);
  dataset.format = read_format(map);
  map.finish();
  return kafka;
}

}  // namespace freshet
