// HttpServer: Boost.Beast listener and sessions. One event loop thread;
// handlers run on a worker pool, never on the loop. Owned by the application.
//
// What it refuses before a handler sees it: heads above 16 KiB (431), bodies
// above the route's limit (413), what is slow (408), what is not HTTP or could
// be read in two ways (400), codings it does not know (415, 501), requests
// that change something and come from another site's page (403), and, when
// listening on loopback, a Host that is not local (421; DNS rebinding).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "server/http/http.h"

namespace freshet {

class ListenSocket;

struct HttpServerSettings {
  std::string listen = "127.0.0.1:8080";  // host:port; port 0 = any free one
  // Bound to `listen` before; null: start() binds.
  std::shared_ptr<ListenSocket> socket;
  std::string tls_certificate, tls_key;  // PEM files; both or neither
  int workers = 8;
  int query_workers = 8;       // besides: for the routes of queries
  int max_waiting = 200;       // requests of one client that wait for those
  int max_connections = 4096;  // more are closed at once
  // A request's head must be there this long after its first byte; a body may
  // take as long plus a second per 16 KiB. Slower clients get 408.
  double read_seconds = 10;
  double idle_seconds = 75;       // between requests of a connection
  double heartbeat_seconds = 15;  // between comments of a quiet event stream
};

// kInvalid names the PEM file that cannot be used. For a look before anything
// else starts; start() looks again.
Status check_tls_files(const std::string& certificate, const std::string& key);

class HttpServer {
 public:
  // Binds and listens; kInvalid/kIo/kConflict names the address or the file.
  // `router` must outlive it. `authorize` is asked before the body is read (an
  // error is answered with its status); `observe` is told of each finished
  // request (route pattern or "", status, seconds). Both run on the event loop
  // and must not block.
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
