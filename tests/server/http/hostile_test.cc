// The server as the internet meets it.
#include <doctest/doctest.h>

#include <chrono>
#include <thread>

#include "server/http/content_coding.h"
#include "tests/server/http/http_client.h"

namespace freshet {
namespace {

struct Case {
  std::string request;
  int status;
};

TEST_CASE("requests that could be read in two ways, or not at all") {
  Router router = test_router();
  auto server = start_test_server(router);
  const Case cases[] = {
      {"\x16\x03\x01\x02\r\n\r\n", 400},
      {"GET\r\n\r\n", 400},
      {"GET /hello\r\n\r\n", 400},
      {"GET /hello HTTP/2.0\r\nHost: localhost\r\n\r\n", 505},
      {"GET /hello HTTP/1.1\r\n\r\n", 400},  // no Host
      {"GET /hello HTTP/1.1\r\nHost: localhost\r\nHost: a\r\n\r\n", 400},
      {"GET /hello HTTP/1.1\r\nHost : localhost\r\n\r\n", 400},
      {"GET /hello HTTP/1.1\nHost: localhost\n\n", 400},
      {"GET /hello HTTP/2.0\nHost: localhost\n\n", 400},
      {"GET /hello HTTP/1.1\r\nHost: localhost\r\nA\x01: b\r\n\r\n", 400},
      // A line that goes on with the header before it.
      {"GET /hello HTTP/1.1\r\nHost: localhost\r\n a\r\n\r\n", 400},
      {"GET /hello HTTP/1.1\r\nHost: localhost\r\n\tX: a\r\n\r\n", 400},
      {"GET /hello HTTP/1.1\r\nHost: localhost\r\nX: a\r\n b\r\n\r\n", 400},
      {"GET /hello HTTP/1.1\r\n Host: localhost\r\n\r\n", 400},
      {"GET hello HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
      {"GET /a/../hello HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
      {"GET /%2e%2e/hello HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
      {"GET //hello HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
      {"GET /hello%00 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
      {"GET http://other/hello HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
      {"CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
      {"TRACE /hello HTTP/1.1\r\nHost: localhost\r\n\r\n", 405},
      // Smuggling: two lengths, two codings, and their disguises.
      {"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n"
       "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       400},
      {"POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked"
       "\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
       400},
      {"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n"
       "Content-Length: 6\r\n\r\nhello",
       400},
      {"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: +5\r\n\r\n"
       "hello",
       400},
      {"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
       400},
      {"POST /echo HTTP/1.1\r\nHost: localhost\r\n"
       "Content-Length: 99999999999999999999\r\n\r\n",
       400},
      {"POST /echo HTTP/1.1\r\nHost: localhost\r\n"
       "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
       501},
      {"POST /echo HTTP/1.1\r\nHost: localhost\r\n"
       "Transfer-Encoding: xchunked\r\n\r\n",
       501},
      {"POST /echo HTTP/1.1\r\nHost: localhost\r\n"
       "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
       400},
      {"POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       501},
      {"POST /echo HTTP/1.1\r\nHost: localhost\r\n"
       "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
       400},
      {"POST /echo HTTP/1.1\r\nHost: localhost\r\n"
       "Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
       400},
      {"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n"
       "Content-Encoding: br\r\n\r\nx",
       415},
      {"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n"
       "Content-Encoding: gzip, gzip\r\n\r\nx",
       415},
      {"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n"
       "Content-Encoding: gzip\r\n\r\nnope",
       400},
      {"POST /secret HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n",
       401},
      {"POST /sec%72et HTTP/1.1\r\nHost: localhost\r\n\r\n", 401},
  };
  for (const Case& c : cases) {
    CAPTURE(c.request);
    Reply reply = ask(server->port(), c.request);
    CHECK(reply.status == c.status);
    CHECK(reply.body.find("\"error\":{\"code\"") != std::string::npos);
    CHECK(reply.headers.contains("x-request-id"));
  }
  CHECK(ask(server->port(), get("/hello")).status == 200);
}

TEST_CASE("nothing after a refused request is taken for another request") {
  Router router = test_router();
  auto server = start_test_server(router);
  Client client(server->port());
  client.send(
      "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n"
      "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" +
      get("/param/smuggled"));
  CHECK(client.read().status == 400);
  CHECK(client.read_until("smuggled").find("smuggled") == std::string::npos);
}

TEST_CASE("heads and bodies above their limits") {
  Router router = test_router();
  auto server = start_test_server(router);
  uint16_t port = server->port();
  CHECK(ask(port, get("/hello", "A: " + std::string(20'000, 'a') + "\r\n"))
            .status == 431);
  CHECK(ask(port, get("/" + std::string(20'000, 'a'))).status == 431);
  std::string many;
  for (int i = 0; i < 200; ++i) many += "h" + std::to_string(i) + ": 1\r\n";
  CHECK(ask(port, get("/hello", many)).status == 431);

  CHECK(ask(port, post("/small", std::string(100, 'x'))).status == 200);
  Client large(port);
  large.send(post("/small", std::string(101, 'x')));
  Reply reply = large.read();
  CHECK(reply.status == 413);
  CHECK(reply.headers["connection"] == "close");
  CHECK(large.closes(3));
  // Declared, not sent: refused at once, without waiting for it.
  CHECK(ask(port,
            "POST /echo HTTP/1.1\r\nHost: localhost\r\n"
            "Content-Length: 4000000000\r\n\r\n")
            .status == 413);
  // Sent whole before we could say no: the answer is still readable.
  CHECK(ask(port, post("/echo", std::string(3 << 20, 'x'))).status == 413);
  // Chunked: the sum counts.
  std::string chunks =
      "POST /small HTTP/1.1\r\nHost: localhost\r\n"
      "Transfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 11; ++i) chunks += "a\r\n0123456789\r\n";
  CHECK(ask(port, chunks + "0\r\n\r\n").status == 413);
  // Small on the wire, large inside.
  std::string bomb = gzip_body(std::string(10 << 20, 'x'));
  REQUIRE(bomb.size() < (1 << 20));
  CHECK(ask(port, post("/echo", bomb, "Content-Encoding: gzip\r\n")).status ==
        413);
}

TEST_CASE("a slow client is told so and let go") {
  Router router = test_router();
  HttpServerSettings settings;
  settings.read_seconds = 0.3;
  settings.idle_seconds = 0.3;
  auto server = start_test_server(router, settings);
  Client head(server->port()), body(server->port()), idle(server->port());
  Client trickle(server->port());
  head.send("GET /hello HTTP/1.1\r\nHost: loc");
  body.send(
      "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nab");
  // A byte now and then keeps nobody alive either.
  std::thread drip([&] {
    trickle.send("GET /hello HTTP/1.1\r\nA: ");
    for (int i = 0; i < 12; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      trickle.send("x");
    }
  });
  CHECK(head.read().status == 408);
  CHECK(body.read().status == 408);
  CHECK(trickle.read().status == 408);
  CHECK(idle.closes(2));
  drip.join();
}

TEST_CASE("pages of other sites and rebound names") {
  Router router = test_router();
  auto server = start_test_server(router);
  uint16_t port = server->port();
  struct Headers {
    const char* lines;
    int status;
  };
  for (const Headers& h : std::initializer_list<Headers>{
           {"", 200},
           {"Origin: http://localhost\r\n", 200},
           {"Origin: http://localhost:80\r\n", 200},
           {"Sec-Fetch-Site: same-origin\r\n", 200},
           {"Sec-Fetch-Site: cross-site\r\n", 403},
           {"Origin: https://evil.example\r\n", 403},
           {"Origin: http://localhost:9999\r\n", 403},
           {"Origin: http://localhost.evil.example\r\n", 403},
           {"Origin: null\r\n", 403}}) {
    CAPTURE(h.lines);
    CHECK(ask(port, post("/echo", "x", h.lines)).status == h.status);
    // Reading is not a change; the browser keeps the answer from the page.
    CHECK(ask(port, get("/hello", h.lines)).status == 200);
  }
  for (const Headers& h :
       std::initializer_list<Headers>{{"localhost", 200},
                                      {"localhost:8080", 200},
                                      {"127.0.0.1:8080", 200},
                                      {"[::1]:8080", 200},
                                      {"freshet.localhost:1", 200},
                                      {"evil.example", 421},
                                      {"127.0.0.1.evil.example:8080", 421},
                                      {"localhost.evil.example", 421},
                                      {"10.0.0.1", 421},
                                      {"", 421}}) {
    CAPTURE(h.lines);
    std::string request =
        "GET /hello HTTP/1.1\r\nHost: " + std::string(h.lines) + "\r\n\r\n";
    CHECK(ask(port, request).status == h.status);
  }
}

TEST_CASE("an API tells of refusals in its own way, with the same statuses") {
  Router router = test_router();
  router.write_errors("/sm", [](const Error& error, int status) {
    return json_response(std::to_string(status) + " " + error.message);
  });
  auto server = start_test_server(router);
  uint16_t port = server->port();
  Reply own = ask(port, post("/small", std::string(101, 'x')));
  CHECK(own.status == 413);
  CHECK(own.body == "413 the body is larger than allowed here, bytes: 100");
  Reply other = ask(port, post("/echo", std::string(3 << 20, 'x')));
  CHECK(other.status == 413);
  CHECK(other.body.find("\"code\":\"limit\"") != std::string::npos);
}

}  // namespace
}  // namespace freshet
