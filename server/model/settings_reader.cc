// freshet.yaml and the FRESHET_* environment variables.
#include <charconv>
#include <cstdlib>

#include "server/model/model_reader.h"
#include "server/model/secret_reference.h"

namespace freshet {

constexpr int kMostScanThreads = 1024;

void read_settings(const ConfigNode& root, ReadContext& context) {
  ConfigMap map(root, "the settings", context.faults);
  Settings& settings = context.model.settings;
  if (map.has("listen")) settings.listen = map.secret_text("listen");
  settings.data = map.secret_text("data");
  settings.scan_threads =
      static_cast<int>(map.integer("scan_threads", 0, 0, kMostScanThreads));
  settings.tls_certificate = map.secret_text("tls_certificate");
  settings.tls_key = map.secret_text("tls_key");
  settings.token = map.secret_text("token");
  settings.insecure = map.flag("insecure", false);
  settings.external_url = map.secret_text("external_url");
  map.finish();
}

Status override_from_environment(Settings& settings) {
  struct TextSetting {
    const char* variable;
    std::string* value;
  };
  for (TextSetting t : {TextSetting{"FRESHET_LISTEN", &settings.listen},
                        {"FRESHET_DATA", &settings.data},
                        {"FRESHET_TLS_CERTIFICATE", &settings.tls_certificate},
                        {"FRESHET_TLS_KEY", &settings.tls_key},
                        {"FRESHET_TOKEN", &settings.token},
                        {"FRESHET_EXTERNAL_URL", &settings.external_url}}) {
    const char* text = std::getenv(t.variable);
    if (!text) continue;
    auto value = resolve_secrets(text);
    if (!value) {
      return invalid(std::string(t.variable) + ": " + value.error().message);
    }
    *t.value = *value;
  }
  if (const char* text = std::getenv("FRESHET_SCAN_THREADS")) {
    std::string_view number = text;
    auto [end, error] = std::from_chars(
        number.data(), number.data() + number.size(), settings.scan_threads);
    if (error != std::errc() || end != number.data() + number.size() ||
        settings.scan_threads < 0 || settings.scan_threads > kMostScanThreads) {
      return invalid("FRESHET_SCAN_THREADS must be a whole number from 0 to " +
                     std::to_string(kMostScanThreads) + ", not '" + text + "'");
    }
  }
  if (const char* text = std::getenv("FRESHET_INSECURE")) {
    std::string_view flag = text;
    if (flag != "true" && flag != "false") {
      return invalid("FRESHET_INSECURE must be true or false, not '" +
                     std::string(flag) + "'");
    }
    settings.insecure = flag == "true";
  }
  return {};
}

}  // namespace freshet
