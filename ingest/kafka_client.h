// What KafkaSource and KafkaProducer share: settings -> librdkafka
// configuration, its log lines into ours, and whether brokers answer.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ingest/kafka_oauth.h"
#include "ingest/kafka_source.h"
#include "segments/mutex.h"
#include "segments/result.h"

struct rd_kafka_s;
struct rd_kafka_conf_s;

namespace freshet {

// Whether the cluster answers, as librdkafka's callbacks tell it from any
// thread, and what these need. Must outlive the handle it was given to.
// Thread-safe.
class KafkaHealth {
 public:
  // Before the handle is made.
  void set_oauth(KafkaOauth oauth) { oauth_ = std::move(oauth); }
  const KafkaOauth& oauth() const { return oauth_; }
  void set_connected();
  void set_error(std::string error, bool disconnected);
  // The same of what librdkafka tells by itself: of a connection that breaks at
  // once, before anything of another broker can be read.
  void hear(std::string error, bool disconnected);
  bool connected() const;
  std::string error() const;
  uint64_t heard() const;  // how often hear() was called

 private:
  KafkaOauth oauth_;  // constant once there is a handle

  mutable Mutex mutex_;
  bool connected_ ABSL_GUARDED_BY(mutex_) = false;
  std::string error_ ABSL_GUARDED_BY(mutex_);
  uint64_t heard_ ABSL_GUARDED_BY(mutex_) = 0;
};

using KafkaProperties = std::vector<std::pair<std::string, std::string>>;

struct KafkaConfDeleter {
  void operator()(rd_kafka_conf_s* conf) const;
};
using KafkaConf = std::unique_ptr<rd_kafka_conf_s, KafkaConfDeleter>;

// Brokers and `settings.properties`, then `own` over librdkafka's defaults.
// kInvalid names the property: unknown, malformed, one that loads code or runs
// a command, or one of `own`. `health` gets the errors of the handle.
Result<KafkaConf> make_kafka_conf(const KafkaSettings& settings,
                                  const KafkaProperties& own,
                                  KafkaHealth* health);

struct KafkaHandleDeleter {
  void operator()(rd_kafka_s* handle) const;
};
using KafkaHandle = std::unique_ptr<rd_kafka_s, KafkaHandleDeleter>;

// `producer`: a producer, else a consumer. Takes the configuration.
Result<KafkaHandle> open_kafka_handle(KafkaConf conf, bool producer);

}  // namespace freshet
