#include "server/application_settings.h"

#include <algorithm>
#include <thread>

namespace freshet {

Result<Settings> effective_settings(const Model& model,
                                    const ServeOptions& options) {
  Settings settings = model.settings;
  TRY(override_from_environment(settings));
  if (options.data) settings.data = *options.data;
  if (options.listen) settings.listen = *options.listen;
  if (options.tls_certificate) {
    settings.tls_certificate = *options.tls_certificate;
  }
  if (options.tls_key) settings.tls_key = *options.tls_key;
  if (options.scan_threads) settings.scan_threads = *options.scan_threads;
  if (options.insecure) settings.insecure = true;
  if (settings.data.empty()) settings.data = "freshet-data";
  if (settings.scan_threads <= 0) {
    settings.scan_threads =
        std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  }
  return settings;
}

}  // namespace freshet
