#include "ingest/kafka_client.h"

#include <librdkafka/rdkafka.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace freshet {
namespace {

// These load code or run a command; a model file must not be able to.
constexpr std::array<std::string_view, 3> kDangerous = {
    "plugin.library.paths", "ssl.engine.location", "sasl.kerberos.kinit.cmd"};

// What counting each event once rests on.
constexpr std::array<std::string_view, 15> kReserved = {
    "bootstrap.servers",
    "metadata.broker.list",
    "group.id",
    "enable.auto.commit",
    "auto.offset.reset",
    "enable.auto.offset.store",
    "builtin.features",
    "enable.partition.eof",
    "isolation.level",
    "allow.auto.create.topics",
    "check.crcs",
    "enable.idempotence",
    "acks",
    "partitioner",
    "fetch.error.backoff.ms"};

// Why a broker could not be used, as librdkafka logs it, without the name of
// its thread. It says what its error codes do not: a login or a certificate
// that was refused. Nobody need poll the handle to hear it.
void hear_failure(const rd_kafka_t* handle, std::string_view text) {
  auto* health = static_cast<KafkaHealth*>(rd_kafka_opaque(handle));
  constexpr std::string_view kEnd = "]: ";
  size_t thread = text.starts_with("[thrd:") ? text.find(kEnd) : text.npos;
  if (thread != text.npos) text.remove_prefix(thread + kEnd.size());
  health->hear(std::string(text), false);
}

void on_log(const rd_kafka_t* handle, int level, const char* facility,
            const char* text) {
  constexpr std::string_view kFailure = "FAIL";
  if (handle != nullptr && facility == kFailure) hear_failure(handle, text);
  // librdkafka repeats every lost connection; errors are shown by status().
  auto at = level <= 2   ? spdlog::level::err
            : level <= 4 ? spdlog::level::info
                         : spdlog::level::debug;
  spdlog::log(at, "kafka {}: {}", facility, text);
}

void on_error(rd_kafka_t*, int code, const char* reason, void* opaque) {
  auto* health = static_cast<KafkaHealth*>(opaque);
  bool down = code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN ||
              code == RD_KAFKA_RESP_ERR__TRANSPORT ||
              code == RD_KAFKA_RESP_ERR__RESOLVE ||
              code == RD_KAFKA_RESP_ERR__AUTHENTICATION ||
              code == RD_KAFKA_RESP_ERR__SSL;
  health->hear(reason, down);
}

// librdkafka asks for a token, on its own thread; and again when it is about to
// expire, or ten seconds after a failure.
void on_token_wanted(rd_kafka_t* handle, const char*, void* opaque) {
  auto* health = static_cast<KafkaHealth*>(opaque);
  auto token = fetch_oauth_token(health->oauth());
  std::array<char, 512> text;
  text[0] = 0;
  if (token && rd_kafka_oauthbearer_set_token(
                   handle, token->token.c_str(), token->expires.ms,
                   health->oauth().client_id.c_str(), nullptr, 0, text.data(),
                   text.size()) == RD_KAFKA_RESP_ERR_NO_ERROR) {
    return;
  }
  std::string why = token ? text.data() : token.error().message;
  health->set_error("no token for Kafka: " + why, true);
  rd_kafka_oauthbearer_set_token_failure(handle, why.c_str());
}

// The answer to an offset report; it is best effort and needs none.
void on_commit(rd_kafka_t*, rd_kafka_resp_err_t error,
               rd_kafka_topic_partition_list_t*, void*) {
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    spdlog::debug("kafka: committed offsets not reported: {}",
                  rd_kafka_err2str(error));
  }
}

Status set(rd_kafka_conf_t* conf, const std::string& name,
           const std::string& value) {
  std::array<char, 512> text;
  if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), text.data(),
                        text.size()) != RD_KAFKA_CONF_OK) {
    // The value may be a secret: librdkafka's text may hold it, the name not.
    return invalid("Kafka property is unknown or its value is wrong: " + name);
  }
  return {};
}

Status check_allowed(const std::string& name) {
  if (std::ranges::find(kDangerous, name) != kDangerous.end()) {
    return invalid("Kafka property is refused, it would run code: " + name);
  }
  bool ours = std::ranges::find(kReserved, name) != kReserved.end() ||
              name.starts_with("test.mock.");
  if (ours) {
    return invalid("Kafka property is set by Freshet itself: " + name);
  }
  return {};
}

}  // namespace

void KafkaHealth::set_connected() {
  MutexLock lock(mutex_);
  connected_ = true;
  error_.clear();
}

void KafkaHealth::set_error(std::string error, bool disconnected) {
  MutexLock lock(mutex_);
  if (disconnected) connected_ = false;
  error_ = std::move(error);
}

void KafkaHealth::hear(std::string error, bool disconnected) {
  set_error(std::move(error), disconnected);
  MutexLock lock(mutex_);
  ++heard_;
}

uint64_t KafkaHealth::heard() const {
  MutexLock lock(mutex_);
  return heard_;
}

bool KafkaHealth::connected() const {
  MutexLock lock(mutex_);
  return connected_;
}

std::string KafkaHealth::error() const {
  MutexLock lock(mutex_);
  return error_;
}

void KafkaConfDeleter::operator()(rd_kafka_conf_s* conf) const {
  rd_kafka_conf_destroy(conf);
}

void KafkaHandleDeleter::operator()(rd_kafka_s* handle) const {
  // Without closing a consumer: there is no group membership to leave, and
  // closing can hang on queued messages in this version.
  rd_kafka_destroy_flags(handle, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

Result<KafkaConf> make_kafka_conf(const KafkaSettings& settings,
                                  const KafkaProperties& own,
                                  KafkaHealth* health) {
  if (settings.brokers.empty()) {
    return invalid("Kafka brokers are missing: brokers");
  }
  KafkaConf conf(rd_kafka_conf_new());
  TRY(set(conf.get(), "bootstrap.servers", settings.brokers));
  for (const auto& [name, value] : own) TRY(set(conf.get(), name, value));
  for (const auto& [name, value] : settings.properties) {
    TRY(check_allowed(name));
    if (!KafkaOauth::is_property(name)) TRY(set(conf.get(), name, value));
  }
  TRY_ASSIGN(KafkaOauth oauth, KafkaOauth::read(settings.properties));
  if (!oauth.token_url.empty()) {
    TRY(set(conf.get(), "sasl.mechanism", "OAUTHBEARER"));
    rd_kafka_conf_set_oauthbearer_token_refresh_cb(conf.get(), on_token_wanted);
    rd_kafka_conf_enable_sasl_queue(conf.get(), 1);
    health->set_oauth(std::move(oauth));
  }
  rd_kafka_conf_set_opaque(conf.get(), health);
  rd_kafka_conf_set_log_cb(conf.get(), on_log);
  rd_kafka_conf_set_error_cb(conf.get(), on_error);
  rd_kafka_conf_set_offset_commit_cb(conf.get(), on_commit);
  return conf;
}

Result<KafkaHandle> open_kafka_handle(KafkaConf conf, bool producer) {
  std::array<char, 512> text;
  rd_kafka_t* handle =
      rd_kafka_new(producer ? RD_KAFKA_PRODUCER : RD_KAFKA_CONSUMER, conf.get(),
                   text.data(), text.size());
  if (handle == nullptr) {
    return invalid(std::string("Kafka settings do not go together: ") +
                   text.data());
  }
  (void)conf.release();  // owned by the handle now
  KafkaHandle owned(handle);
  auto* health = static_cast<const KafkaHealth*>(rd_kafka_opaque(handle));
  if (!health->oauth().token_url.empty()) {
    // Calls that wait for the broker would else wait for a token for ever.
    rd_kafka_error_t* error = rd_kafka_sasl_background_callbacks_enable(handle);
    if (error != nullptr) {
      std::string why = rd_kafka_error_string(error);
      rd_kafka_error_destroy(error);
      return invalid("Kafka tokens cannot be renewed: " + why);
    }
  }
  return owned;
}

}  // namespace freshet
