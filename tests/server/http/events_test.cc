// Server-sent events over real sockets.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "segments/mutex.h"
#include "tests/server/http/http_client.h"

namespace freshet {
namespace {

// Hands out streams and counts what handlers keep for them.
struct Source {
  Mutex mutex;
  std::shared_ptr<EventStream> stream ABSL_GUARDED_BY(mutex);
  std::atomic<int> kept{0};

  Router router() {
    Router router;
    router.add("GET", "/events", Access::kPublic, [this](const HttpRequest&) {
      HttpResponse response;
      response.events = [this](std::shared_ptr<EventStream> opened) {
        opened->send("1", "snapshot", "{\"a\":1}");
        ++kept;
        MutexLock lock(mutex);
        stream = std::move(opened);
        return std::shared_ptr<void>(
            this, [](void* self) { --static_cast<Source*>(self)->kept; });
      };
      return response;
    });
    return router;
  }
  std::shared_ptr<EventStream> current() {
    MutexLock lock(mutex);
    return stream;
  }
};

bool becomes(const std::atomic<int>& value, int wanted) {
  for (int i = 0; i < 600 && value != wanted; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return value == wanted;
}

TEST_CASE("events arrive, quiet streams beat, a leaving client is noticed") {
  Source source;
  Router router = source.router();
  HttpServerSettings settings;
  settings.heartbeat_seconds = 0.1;
  settings.idle_seconds = settings.read_seconds = 0.2;
  auto server = start_test_server(router, settings);
  {
    Client client(server->port());
    client.send(get("/events"));
    std::string text = client.read_until("{\"a\":1}\n\n");
    CHECK(text.find("Content-Type: text/event-stream\r\n") !=
          std::string::npos);
    CHECK(text.find("Transfer-Encoding: chunked\r\n") != std::string::npos);
    CHECK(text.find("id: 1\nevent: snapshot\ndata: {\"a\":1}\n\n") !=
          std::string::npos);
    CHECK(client.read_until("\r\n:\n\n").find("\r\n:\n\n") !=
          std::string::npos);
    // Longer than any deadline of a request.
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    for (int i = 2; i < 50; ++i) {
      REQUIRE(source.current()->send(std::to_string(i), "delta", "{}"));
    }
    CHECK(client.read_until("id: 49\n").find("id: 49\n") != std::string::npos);
    CHECK(source.kept == 1);
    CHECK_FALSE(source.current()->closed());
  }
  CHECK(becomes(source.kept, 0));
  CHECK(source.current()->closed());
  CHECK_FALSE(source.current()->send("x", "delta", "{}"));
}

TEST_CASE("a client that does not read holds no more than its queue") {
  Source source;
  Router router = source.router();
  auto server = start_test_server(router);
  Client client(server->port());
  client.send(get("/events"));
  REQUIRE(becomes(source.kept, 1));
  auto stream = source.current();
  std::string data(10'000, 'x');
  bool refused = false;
  for (int i = 0; i < 5000 && !refused; ++i) {
    refused = !stream->send("", "delta", data);
    if (i % 20 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  CHECK(refused);
  CHECK_FALSE(stream->closed());
}

TEST_CASE("a stream ends when its caller is not allowed any more") {
  Source source;
  Router router = source.router();
  HttpServerSettings settings;
  settings.listen = "127.0.0.1:0";
  settings.heartbeat_seconds = 0.1;
  std::atomic<bool> open{true};
  auto server = HttpServer::start(
      settings, router,
      [&open](const HttpRequest&, Access) -> Status {
        if (open) return {};
        return Error{ErrorCode::kUnauthorized, "the token is wrong"};
      },
      {});
  REQUIRE(server.has_value());
  Client quiet((*server)->port()), busy((*server)->port());
  quiet.send(get("/events"));
  quiet.read_until("\r\n:\n\n");
  busy.send(get("/events"));
  REQUIRE(becomes(source.kept, 2));
  CHECK_FALSE(source.current()->closed());
  open = false;
  // Also where something is sent all the time.
  for (int i = 0; i < 500 && !source.current()->closed(); ++i) {
    source.current()->send("", "delta", "{}");
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  CHECK(busy.read_until("\r\n0\r\n\r\n").ends_with("\r\n0\r\n\r\n"));
  CHECK(quiet.read_until("\r\n0\r\n\r\n").ends_with("\r\n0\r\n\r\n"));
  CHECK(becomes(source.kept, 0));
}

TEST_CASE("stop ends streams cleanly and at once") {
  Source source;
  Router router = source.router();
  auto server = start_test_server(router);
  Client client(server->port());
  client.send(get("/events"));
  client.read_until("snapshot");
  auto start = std::chrono::steady_clock::now();
  server->stop(5);
  std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  CHECK(took.count() < 2);
  CHECK(client.read_until("\r\n0\r\n\r\n").ends_with("\r\n0\r\n\r\n"));
  server = nullptr;
  CHECK(source.kept == 0);
}

TEST_CASE("HTTP/1.0 gets the bare stream") {
  Source source;
  Router router = source.router();
  auto server = start_test_server(router);
  Client client(server->port());
  client.send("GET /events HTTP/1.0\r\nHost: localhost\r\n\r\n");
  std::string text = client.read_until("{\"a\":1}\n\n");
  CHECK(text.find("\r\n\r\nid: 1\n") != std::string::npos);
}

}  // namespace
}  // namespace freshet
