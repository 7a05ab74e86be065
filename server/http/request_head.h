// The head of a request as parsed, and what is checked on it before routing.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "server/http/http.h"
#include "server/http/target.h"

namespace freshet {

struct RequestHead {
  std::string method, target;
  std::map<std::string, std::string> headers;  // lower-case names
  bool http_1_0 = false;
  bool keep_alive = false;
  bool chunked = false;
  std::optional<uint64_t> content_length;

  bool has_body() const { return chunked || content_length.value_or(0) > 0; }
};

// A refusal: the status and the error it is answered with.
struct Refusal {
  int status = 400;
  Error error;
};
HttpResponse refusal_response(const Refusal& refusal,
                              const std::string& request_id);

// What could be read in two ways, or comes from where it should not.
class RequestGuard {
 public:
  // With `local_only` (the server listens on loopback) Host must be local: a
  // page of another site whose name was pointed at 127.0.0.1 sends its own.
  explicit RequestGuard(bool local_only) : local_only_(local_only) {}

  // Host, codings and origin. `target` is that of `head`.
  std::optional<Refusal> check(const RequestHead& head,
                               const Target& target) const;

 private:
  const bool local_only_;
};

// The client's X-Request-Id if it is short and plain, else a new random one.
std::string request_id(const RequestHead& head);

}  // namespace freshet
