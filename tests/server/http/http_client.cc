#include "tests/server/http/http_client.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>

#include "server/http/ascii.h"

namespace freshet {
namespace {

std::atomic<int> gone{0}, begun{0};

HttpResponse wait_for_client(const HttpRequest& request) {
  ++begun;
  for (int i = 0; i < 500; ++i) {
    if (request.disconnected()) {
      ++gone;
      return json_response("\"gone\"");
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return json_response("\"patient\"");
}

}  // namespace

int clients_gone() { return gone; }
int waits_begun() { return begun; }

Client::Client(uint16_t port) : descriptor_(socket(AF_INET, SOCK_STREAM, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(connect(descriptor_, reinterpret_cast<sockaddr*>(&address),
                  sizeof address) == 0);
}

Client::~Client() { close(descriptor_); }

bool Client::send(std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t n = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

bool Client::more() {
  pollfd entry{descriptor_, POLLIN, 0};
  if (poll(&entry, 1, 5000) <= 0) return false;
  char part[65536];
  ssize_t n = recv(descriptor_, part, sizeof part, 0);
  if (n <= 0) return false;
  bytes_.append(part, static_cast<size_t>(n));
  return true;
}

Reply Client::read(bool head_only) {
  Reply reply;
  size_t end;
  while ((end = bytes_.find("\r\n\r\n")) == std::string::npos) {
    if (!more()) return reply;
  }
  std::string head = bytes_.substr(0, end + 2);
  bytes_.erase(0, end + 4);
  reply.status = std::stoi(head.substr(head.find(' ') + 1, 3));
  size_t line = head.find("\r\n") + 2;
  while (line < head.size()) {
    size_t stop = head.find("\r\n", line), colon = head.find(':', line);
    reply.headers[ascii_lower(std::string_view(head).substr(
        line, colon - line))] = head.substr(colon + 2, stop - colon - 2);
    line = stop + 2;
  }
  if (reply.status == 100) return reply;
  size_t length = 0;
  if (!head_only && reply.headers.contains("content-length")) {
    length = std::stoul(reply.headers["content-length"]);
  }
  while (bytes_.size() < length) {
    if (!more()) break;
  }
  reply.whole = bytes_.size() >= length;
  reply.body = bytes_.substr(0, length);
  bytes_.erase(0, length);
  return reply;
}

std::string Client::read_until(std::string_view text) {
  while (bytes_.find(text) == std::string::npos) {
    if (!more()) break;
  }
  return bytes_;
}

bool Client::closes(double seconds) {
  pollfd entry{descriptor_, POLLIN, 0};
  auto end =
      std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  while (std::chrono::steady_clock::now() < end) {
    if (poll(&entry, 1, 20) == 0) continue;
    char part[4096];
    if (recv(descriptor_, part, sizeof part, 0) <= 0) return true;
  }
  return false;
}

std::string get(std::string_view target, std::string_view headers) {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: localhost\r\n" +
         std::string(headers) + "\r\n";
}

std::string post(std::string_view target, std::string_view body,
                 std::string_view headers) {
  return "POST " + std::string(target) +
         " HTTP/1.1\r\nHost: localhost\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n" + std::string(headers) + "\r\n" +
         std::string(body);
}

Reply ask(uint16_t port, std::string_view request, bool head_only) {
  Client client(port);
  client.send(request);
  return client.read(head_only);
}

Router test_router() {
  Router router;
  router.add("GET", "/hello", Access::kPublic,
             [](const HttpRequest&) { return json_response("{\"hello\":1}"); });
  router.add("GET", "/param/{name}", Access::kPublic,
             [](const HttpRequest& request) {
               std::string text = request.params.at("name");
               for (const auto& [key, value] : request.query) {
                 text += "|" + key + "=" + value;
               }
               return json_response(text);
             });
  auto echo = [](const HttpRequest& request) {
    return json_response(request.body);
  };
  router.add("POST", "/echo", Access::kPublic, echo);
  router.add("POST", "/small", Access::kPublic, echo, 100);
  router.add("GET", "/throw", Access::kPublic,
             [](const HttpRequest&) -> HttpResponse {
               throw std::runtime_error("a secret of the server");
             });
  router.add("GET", "/wait", Access::kPublic, wait_for_client);
  router.add("GET", "/big", Access::kPublic, [](const HttpRequest&) {
    return json_response("[" + std::string(100'000, '1') + "]");
  });
  router.add("POST", "/secret", Access::kAdmin, echo);
  return router;
}

std::unique_ptr<HttpServer> start_test_server(const Router& router,
                                              HttpServerSettings settings) {
  settings.listen = "127.0.0.1:0";
  auto server = HttpServer::start(
      settings, router,
      [](const HttpRequest&, Access access) -> Status {
        if (access == Access::kPublic) return {};
        return Error{ErrorCode::kUnauthorized, "no"};
      },
      nullptr);
  REQUIRE(server.has_value());
  return std::move(*server);
}

}  // namespace freshet
