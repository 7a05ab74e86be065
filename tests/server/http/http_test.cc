// The server as well-behaved clients meet it.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <set>
#include <thread>
#include <vector>

#include "server/http/content_coding.h"
#include "tests/server/http/http_client.h"

namespace freshet {
namespace {

TEST_CASE("requests, keep-alive, HEAD, OPTIONS, 404, 405, 500") {
  Router router = test_router();
  auto server = start_test_server(router);
  Client client(server->port());
  std::set<std::string> ids;
  for (int i = 0; i < 3; ++i) {
    client.send(get("/hello"));
    Reply reply = client.read();
    CHECK(reply.status == 200);
    CHECK(reply.body == "{\"hello\":1}");
    CHECK(reply.headers["content-type"] == "application/json; charset=utf-8");
    CHECK(reply.headers["x-content-type-options"] == "nosniff");
    ids.insert(reply.headers["x-request-id"]);
  }
  CHECK(ids.size() == 3);
  client.send(get("/hello", "X-Request-Id: mine-1\r\n"));
  CHECK(client.read().headers["x-request-id"] == "mine-1");
  client.send("HEAD /hello HTTP/1.1\r\nHost: localhost\r\n\r\n");
  Reply head = client.read(true);
  CHECK(head.status == 200);
  CHECK(head.headers["content-length"] == "11");
  client.send(get("/param/a%2Fb%20c?x=1&y=z+z"));
  CHECK(client.read().body == "a/b c|x=1|y=z z");
  client.send(get("/nothing"));
  Reply missing = client.read();
  CHECK(missing.status == 404);
  CHECK(missing.body.find("\"code\":\"not_found\"") != std::string::npos);
  CHECK(missing.body.find(missing.headers["x-request-id"]) !=
        std::string::npos);
  client.send("DELETE /hello HTTP/1.1\r\nHost: localhost\r\n\r\n");
  Reply method = client.read();
  CHECK(method.status == 405);
  CHECK(method.headers["allow"] == "OPTIONS, GET, HEAD");
  client.send("OPTIONS /echo HTTP/1.1\r\nHost: localhost\r\n\r\n");
  Reply options = client.read();
  CHECK(options.status == 204);
  CHECK(options.headers["allow"] == "OPTIONS, POST");
  client.send("OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n");
  CHECK(client.read().status == 204);
  client.send(get("/throw"));
  Reply thrown = client.read();
  CHECK(thrown.status == 500);
  CHECK(thrown.body.find("a secret") == std::string::npos);
  client.send(post("/echo", "body"));
  CHECK(client.read().body == "body");
  client.send(get("/hello", "Connection: close\r\n"));
  CHECK(client.read().headers["connection"] == "close");
  CHECK(client.closes(2));
}

TEST_CASE("HTTP/1.0 and absolute targets") {
  Router router = test_router();
  auto server = start_test_server(router);
  Client old(server->port());
  old.send("GET /hello HTTP/1.0\r\n\r\n");
  CHECK(old.read().body == "{\"hello\":1}");
  CHECK(old.closes(2));
  Reply reply = ask(server->port(),
                    "GET http://localhost/hello HTTP/1.1\r\n"
                    "Host: localhost\r\n\r\n");
  CHECK(reply.status == 200);
}

TEST_CASE("pipelined requests are answered in order") {
  Router router = test_router();
  auto server = start_test_server(router);
  Client client(server->port());
  std::string all;
  for (int i = 0; i < 200; ++i) {
    all += i % 3 ? get("/param/" + std::to_string(i))
                 : post("/echo", std::to_string(i));
  }
  client.send(all);
  for (int i = 0; i < 200; ++i) {
    REQUIRE(client.read().body == std::to_string(i));
  }
}

TEST_CASE("chunked bodies, byte by byte, and Expect: 100-continue") {
  Router router = test_router();
  auto server = start_test_server(router);
  Client client(server->port());
  std::string request =
      "POST /echo HTTP/1.1\r\nHost: localhost\r\n"
      "Transfer-Encoding: chunked\r\n\r\n"
      "5;a=b\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0\r\nTrailer: x\r\n\r\n";
  for (char c : request) client.send(std::string_view(&c, 1));
  CHECK(client.read().body == "hello world");
  client.send(
      "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n"
      "Expect: 100-continue\r\n\r\n");
  CHECK(client.read().status == 100);
  client.send("abc");
  CHECK(client.read().body == "abc");
}

TEST_CASE("bodies and answers are compressed by agreement") {
  Router router = test_router();
  auto server = start_test_server(router);
  Client client(server->port());
  client.send(post("/echo", gzip_body("events"), "Content-Encoding: gzip\r\n"));
  CHECK(client.read().body == "events");
  client.send(get("/big", "Accept-Encoding: gzip\r\n"));
  Reply packed = client.read();
  CHECK(packed.headers["content-encoding"] == "gzip");
  CHECK(packed.body.size() < 10'000);
  auto text = undo_coding("gzip", packed.body, 1 << 20);
  REQUIRE(text.has_value());
  CHECK(text->size() == 100'002);
  client.send(get("/big"));
  Reply plain = client.read();
  CHECK(plain.body.size() == 100'002);
  CHECK_FALSE(plain.headers.contains("content-encoding"));
}

TEST_CASE("200 connections at a time; those above the cap are closed") {
  Router router = test_router();
  HttpServerSettings settings;
  settings.max_connections = 200;
  auto server = start_test_server(router, settings);
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 200; ++i) {
    clients.push_back(std::make_unique<Client>(server->port()));
  }
  for (auto& client : clients) client->send(get("/hello"));
  for (auto& client : clients) CHECK(client->read().status == 200);
  Client surplus(server->port());
  CHECK(surplus.closes(2));
  clients.pop_back();
  Reply reply;
  for (int i = 0; i < 100 && reply.status != 200; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    reply = ask(server->port(), get("/hello"));
  }
  CHECK(reply.status == 200);
}

TEST_CASE("a handler learns that its client has gone") {
  Router router = test_router();
  auto server = start_test_server(router);
  int before = clients_gone();
  {
    Client client(server->port());
    int begun = waits_begun();
    client.send(get("/wait"));
    for (int i = 0; i < 200 && waits_begun() == begun; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }
  for (int i = 0; i < 200 && clients_gone() == before; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  CHECK(clients_gone() == before + 1);
}

TEST_CASE("stop: idle connections end, a running request is answered") {
  Router router;
  router.add("GET", "/slow", Access::kPublic, [](const HttpRequest&) {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    return json_response("\"done\"");
  });
  auto server = start_test_server(router);
  Client idle(server->port()), busy(server->port());
  busy.send(get("/slow"));
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  auto start = std::chrono::steady_clock::now();
  server->stop(5);
  std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  CHECK(took.count() < 3);
  CHECK(busy.read().body == "\"done\"");
  CHECK(idle.closes(1));
  server->stop(5);
}

TEST_CASE("stop: requests that have not come whole are not waited for") {
  Router router = test_router();
  auto server = start_test_server(router);
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 100; ++i) {
    clients.push_back(std::make_unique<Client>(server->port()));
    clients.back()->send(i % 2 == 0 ? "POST /echo HTTP/1.1\r\nHost: local"
                                    : "POST /echo HTTP/1.1\r\nHost: localhost"
                                      "\r\nContent-Length: 9\r\n\r\nhalf");
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  auto start = std::chrono::steady_clock::now();
  server->stop(5);
  std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  CHECK(took.count() < 2);
  for (auto& client : clients) CHECK(client->closes(1));
}

TEST_CASE("stop: what takes longer than allowed is cut off") {
  Router router = test_router();
  auto server = start_test_server(router);
  int before = clients_gone(), begun = waits_begun();
  Client busy(server->port());
  busy.send(get("/wait"));
  while (waits_begun() == begun) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  server->stop(0.05);
  CHECK(clients_gone() == before + 1);
}

TEST_CASE("addresses that cannot be had") {
  Router router = test_router();
  auto start = [&](std::string listen) {
    HttpServerSettings settings;
    settings.listen = listen;
    return HttpServer::start(settings, router, nullptr, nullptr);
  };
  auto first = start("127.0.0.1:0");
  REQUIRE(first.has_value());
  auto second = start("127.0.0.1:" + std::to_string((*first)->port()));
  REQUIRE_FALSE(second.has_value());
  CHECK(second.error().code == ErrorCode::kConflict);
  for (const char* bad : {"", "localhost", "127.0.0.1:", "127.0.0.1:70000",
                          "127.0.0.1:8o", "no such host:1"}) {
    CAPTURE(bad);
    auto server = start(bad);
    REQUIRE_FALSE(server.has_value());
    CHECK(server.error().code == ErrorCode::kInvalid);
  }
  CHECK(start("localhost:0").has_value());
}

// Not a bar, a figure: ./http_test --test-case="*requests a second*" -s
TEST_CASE("requests a second") {
  Router router = test_router();
  auto server = start_test_server(router);
  constexpr int kConnections = 8;
  constexpr double kSeconds = 0.5;
  std::vector<std::thread> threads;
  std::atomic<int> total{0};
  for (int t = 0; t < kConnections; ++t) {
    threads.emplace_back([&] {
      Client client(server->port());
      auto end = std::chrono::steady_clock::now() +
                 std::chrono::duration<double>(kSeconds);
      while (std::chrono::steady_clock::now() < end) {
        client.send(get("/hello"));
        if (client.read().status != 200) return;
        ++total;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  double rate = total / kSeconds;
  MESSAGE("requests/s over 8 connections: " << rate);
  CHECK(total > 100);
}

}  // namespace
}  // namespace freshet
