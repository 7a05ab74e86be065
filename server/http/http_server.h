// HttpServer: Boost.Beast listener and sessions. Handlers run on a worker
// pool, never on the event loop. Owned by the application.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "server/http/http.h"

namespace freshet {

struct HttpServerSettings {
  std::string listen = "127.0.0.1:8080";  // host:port; port 0 = any free one
  std::string tls_certificate, tls_key;   // PEM files; both or neither
  int workers = 8;
  int max_connections = 4096;
};

class HttpServer {
 public:
  // Binds and listens; kIo/kConflict names the address. `authorize` is asked
  // before each handler (an error is answered with its status); `observe` is
  // told of each finished request (route pattern, status, seconds).
  static Result<std::unique_ptr<HttpServer>> start(
      const HttpServerSettings& settings, const Router& router,
      std::function<Status(const HttpRequest&, Access)> authorize,
      std::function<void(std::string_view route, int status, double seconds)>
          observe);
  virtual ~HttpServer() = default;
  virtual uint16_t port() const = 0;
  // Stops accepting, lets running requests finish within `seconds`, closes the
  // rest and all event streams.
  virtual void stop(double seconds) = 0;
};

}  // namespace freshet
