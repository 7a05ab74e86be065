#include "server/application_settings.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <thread>

#include "server/auth/access.h"
#include "server/http/listen_socket.h"

namespace freshet {
namespace {

// What --insecure opens to others.
void warn_of_exposure(const Settings& settings) {
  const bool tls = !settings.tls_certificate.empty();
  const bool token = !settings.token.empty();
  if (is_loopback(settings.listen) || (tls && token)) return;
  spdlog::warn(
      "insecure: {} at {} can read and write everything{}",
      token ? "who listens in on the network learns the token, and with it"
            : "whoever reaches the port",
      settings.listen, tls ? "" : "; nothing is encrypted (no TLS)");
}

}  // namespace

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

HttpServerSettings http_settings(const Settings& settings) {
  HttpServerSettings http;
  http.listen = settings.listen;
  http.tls_certificate = settings.tls_certificate;
  http.tls_key = settings.tls_key;
  http.query_workers = static_cast<int>(settings.limits.max_concurrent);
  http.max_waiting = static_cast<int>(settings.limits.max_waiting);
  return http;
}

std::string url_of(const Settings& settings, int port) {
  bool tls = !settings.tls_certificate.empty();
  std::string host = settings.listen.substr(0, settings.listen.rfind(':'));
  if (host == "0.0.0.0" || host == "[::]" || host.empty() ||
      host == "127.0.0.1") {
    host = "localhost";
  }
  return fmt::format("{}://{}:{}", tls ? "https" : "http", host, port);
}

Status check_reach(const Settings& settings) {
  TRY(check_listen(settings.listen));
  TRY(check_exposure({settings.listen, settings.token, settings.tls_certificate,
                      settings.tls_key, settings.insecure}));
  if (!settings.tls_certificate.empty()) {
    TRY(check_tls_files(settings.tls_certificate, settings.tls_key));
  }
  warn_of_exposure(settings);
  return {};
}

}  // namespace freshet
