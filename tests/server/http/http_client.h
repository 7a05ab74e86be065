// A client over plain sockets that can send anything, and a server of small
// handlers to send it to.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "server/http/http_server.h"

namespace freshet {

struct Reply {
  int status = 0;  // 0: the connection ended before a whole head
  std::map<std::string, std::string> headers;  // lower-case names
  std::string body;
  bool whole = false;  // the body came to its end
};

class Client {
 public:
  explicit Client(uint16_t port);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // False once the server has closed.
  bool send(std::string_view bytes);
  // Next reply; `head_only` for answers to HEAD. Gives up after 5 s.
  Reply read(bool head_only = false);
  // Whatever comes until `text` is in it, the end, or 5 s.
  std::string read_until(std::string_view text);
  // Whether the server closes within `seconds`.
  bool closes(double seconds);
  int descriptor() const { return descriptor_; }

 private:
  bool more();
  int descriptor_;
  std::string bytes_;
};

// "GET /x HTTP/1.1", Host and `headers` (each ended by \r\n).
std::string get(std::string_view target, std::string_view headers = "");
std::string post(std::string_view target, std::string_view body,
                 std::string_view headers = "");
// One request on a connection of its own.
Reply ask(uint16_t port, std::string_view request, bool head_only = false);

// /hello, /param/{name}, POST /echo (1 MiB), POST /small (100 bytes), /throw,
// /wait (until the client goes), /big (JSON above 1 KiB), /secret (refused).
Router test_router();
std::unique_ptr<HttpServer> start_test_server(const Router& router,
                                              HttpServerSettings settings = {});
// How many clients /wait has seen go, and /wait calls that began.
int clients_gone();
int waits_begun();

}  // namespace freshet
