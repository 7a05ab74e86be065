// freshet.yaml and the FRESHET_* environment variables.
#include <absl/strings/ascii.h>
#include <fmt/format.h>

#include <charconv>
#include <cstdlib>
#include <limits>

#include "server/model/model_reader.h"
#include "server/model/secret_reference.h"

namespace freshet {

namespace {

constexpr int kMostScanThreads = 1024;
// No token is asked for then: never by a reference that holds nothing.
constexpr const char* kEmptyToken = "the token that it refers to is empty";

struct TextSetting {
  const char* variable;
  std::string Settings::* value;
};
constexpr TextSetting kTextSettings[] = {
    {"FRESHET_LISTEN", &Settings::listen},
    {"FRESHET_DATA", &Settings::data},
    {"FRESHET_TLS_CERTIFICATE", &Settings::tls_certificate},
    {"FRESHET_TLS_KEY", &Settings::tls_key},
    {"FRESHET_TOKEN", &Settings::token},
    {"FRESHET_EXTERNAL_URL", &Settings::external_url}};
constexpr int64_t kMostScrubRate = int64_t{1} << 40;
constexpr int64_t kLongestTimeout = 24 * 3600'000;

void read_limits(ConfigMap& map, Limits& limits) {
  limits.max_timeout_ms =
      map.duration_ms("query_max_timeout", limits.max_timeout_ms, 1);
  limits.timeout_ms = map.duration_ms("query_timeout", limits.timeout_ms, 1);
  for (const LimitSetting& setting : kLimitSettings) {
    limits.*setting.value = static_cast<uint64_t>(
        map.integer(setting.name, static_cast<int64_t>(limits.*setting.value),
                    static_cast<int64_t>(setting.least),
                    static_cast<int64_t>(setting.most)));
  }
}

std::string variable_of(std::string_view setting) {
  return "FRESHET_" + absl::AsciiStrToUpper(std::string(setting));
}

template <class T>
Status override_number(const char* variable, int64_t most, T& value) {
  const char* text = std::getenv(variable);
  if (!text) return {};
  std::string_view number = text;
  int64_t read = -1;
  auto [end, error] =
      std::from_chars(number.data(), number.data() + number.size(), read);
  if (error != std::errc() || end != number.data() + number.size() ||
      read < 0 || read > most) {
    std::string message = variable;
    message += " must be a whole number from 0 to ";
    message += std::to_string(most);
    message += ", not '";
    message += text;
    message += "'";
    return invalid(std::move(message));
  }
  value = static_cast<T>(read);
  return {};
}

Status override_limits(Limits& limits) {
  struct Duration {
    const char* name;
    int64_t* value;
  };
  for (Duration d : {Duration{"query_max_timeout", &limits.max_timeout_ms},
                     {"query_timeout", &limits.timeout_ms}}) {
    const char* text = std::getenv(variable_of(d.name).c_str());
    if (!text) continue;
    auto length = parse_duration_ms(text);
    if (!length || *length < 1 || *length > kLongestTimeout) {
      return invalid(variable_of(d.name) +
                     " must be a duration from 1ms to 24h, not '" + text + "'");
    }
    *d.value = *length;
  }
  for (const LimitSetting& setting : kLimitSettings) {
    const char* text = std::getenv(variable_of(setting.name).c_str());
    if (!text) continue;
    uint64_t& value = limits.*setting.value;
    std::string_view number = text;
    auto [end, error] =
        std::from_chars(number.data(), number.data() + number.size(), value);
    if (error != std::errc() || end != number.data() + number.size() ||
        value < setting.least || value > setting.most) {
      std::string range =
          " must be a whole number from " + std::to_string(setting.least);
      if (setting.most < INT64_MAX) {
        range += " to " + std::to_string(setting.most);
      }
      return invalid(variable_of(setting.name) + range + ", not '" + text +
                     "'");
    }
  }
  return {};
}

}  // namespace

std::set<std::string> environment_secret_files() {
  std::set<std::string> paths;
  for (const TextSetting& t : kTextSettings) {
    if (const char* text = std::getenv(t.variable)) {
      note_secret_files(text, paths);
    }
  }
  return paths;
}

void read_settings(const ConfigNode& root, ReadContext& context) {
  ConfigMap map(root, "the settings", context.faults);
  Settings& settings = context.model.settings;
  if (map.has("listen")) settings.listen = map.secret_text("listen");
  settings.data = map.secret_text("data");
  settings.scan_threads =
      static_cast<int>(map.integer("scan_threads", 0, 0, kMostScanThreads));
  settings.tls_certificate = map.secret_text("tls_certificate");
  settings.tls_key = map.secret_text("tls_key");
  settings.token = map.secret("token");
  const ConfigNode* token = root.find("token");
  auto secret = resolve_secrets(token ? token->text : "");
  if (token && !token->text.empty() && secret && secret->empty()) {
    map.fault("token", fmt::format("'token': {}", kEmptyToken));
  }
  settings.insecure = map.flag("insecure", false);
  settings.external_url = map.secret_text("external_url");
  settings.scrub_rate = static_cast<uint64_t>(
      map.integer("scrub_rate", static_cast<int64_t>(settings.scrub_rate), 0,
                  kMostScrubRate));
  settings.scrub_every_ms =
      map.duration_ms("scrub_every", settings.scrub_every_ms, 1);
  read_limits(map, settings.limits);
  map.finish();
}

Status override_from_environment(Settings& settings) {
  for (const TextSetting& t : kTextSettings) {
    const char* text = std::getenv(t.variable);
    if (!text) continue;
    auto value = resolve_secrets(text);
    if (!value) {
      return invalid(std::string(t.variable) + ": " + value.error().message);
    }
    settings.*t.value = *value;
    if (*text != '\0' && t.value == &Settings::token && value->empty()) {
      return invalid(fmt::format("{}: {}", t.variable, kEmptyToken));
    }
  }
  TRY(override_number("FRESHET_SCAN_THREADS", kMostScanThreads,
                      settings.scan_threads));
  TRY(override_number("FRESHET_SCRUB_RATE", kMostScrubRate,
                      settings.scrub_rate));
  if (const char* text = std::getenv("FRESHET_SCRUB_EVERY")) {
    auto length = parse_duration_ms(text);
    if (!length || *length < 1) {
      return invalid(
          std::string("FRESHET_SCRUB_EVERY must be a duration, not '") + text +
          "'");
    }
    settings.scrub_every_ms = *length;
  }
  if (const char* text = std::getenv("FRESHET_INSECURE")) {
    std::string_view flag = text;
    if (flag != "true" && flag != "false") {
      return invalid("FRESHET_INSECURE must be true or false, not '" +
                     std::string(flag) + "'");
    }
    settings.insecure = flag == "true";
  }
  return override_limits(settings.limits);
}

}  // namespace freshet
