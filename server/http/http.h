// Requests, responses and routes as handlers see them. No Beast here.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "segments/result.h"

namespace freshet {

struct RequestHead;

struct HttpRequest {
  std::string method;  // upper case
  // Decoded and canonical, without the query; only an encoded '/' and '%' stay
  // as they were ("%2F", "%25"), so that each path has one spelling.
  std::string path;
  std::vector<std::pair<std::string, std::string>> query;  // decoded, in order
  std::map<std::string, std::string> headers;              // lower-case names
  std::string body;  // content-encoding already undone
  std::string peer;  // "127.0.0.1:51234"
  std::string request_id;
  std::map<std::string, std::string> params;  // from the route's {name}s
  // When it was there whole; waiting for a worker counts to its time.
  std::chrono::steady_clock::time_point received;
  // True once the client has gone away; handlers of long work poll it.
  std::function<bool()> disconnected;

  // First query parameter of this name, or nullptr.
  const std::string* query_value(std::string_view name) const;
  // Header by lower-case name, or "".
  std::string_view header(std::string_view name) const;
};

// Server-sent events of one client. Handlers get it from the response they
// return and may keep it, also after the client has gone; thread-safe.
class EventStream {
 public:
  virtual ~EventStream() = default;
  // Queues one event. False if the client has gone, or if its queue (256 KiB)
  // has no room; a single event above that is taken by an empty queue. An
  // empty `id` or `event` leaves that field out.
  virtual bool send(std::string_view id, std::string_view event,
                    std::string_view data) = 0;
  virtual bool closed() const = 0;
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json; charset=utf-8";
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  // Bytes that live as long as the process (assets); used instead of body.
  std::string_view static_body;
  // If set, this is an SSE response: called once with the open stream; what it
  // returns is kept until the client leaves, then destroyed. Both happen on a
  // worker thread.
  std::function<std::shared_ptr<void>(std::shared_ptr<EventStream>)> events;
};

using HttpHandler = std::function<HttpResponse(const HttpRequest&)>;
// The answer that tells of an error in the way of some API; the status is set
// afterwards.
using ErrorWriter = std::function<HttpResponse(const Error&, int status)>;

// What a caller must be allowed for a route.
enum class Access { kPublic, kRead, kWrite, kAdmin };

// Which threads a handler runs on: queries have their own, so that any number
// of slow ones leaves the rest of the server free.
enum class Workers { kGeneral, kQueries };

// Method and path pattern ("/api/v1/kpis/{k}/value") -> handler. Built once
// before the server starts, then read-only.
class Router {
 public:
  // A part in braces takes any one part of a path and is handed on decoded; a
  // literal part goes before it. `max_body` bytes, before and after
  // decompression.
  void add(std::string method, std::string pattern, Access access,
           HttpHandler handler, size_t max_body = 1 << 20,
           Workers workers = Workers::kGeneral);

  // The query parameters that a route takes; one that none was told of takes
  // any. No effect if there is no such route.
  void take_only(std::string_view method, std::string_view pattern,
                 std::vector<std::string> parameters);

  // How the routes below `prefix` that there are so far tell of what the server
  // refuses before their handlers see it; error_response() otherwise.
  void write_errors(std::string_view prefix, ErrorWriter writer);

  // What a browser is shown where there is no route: for GETs that accept HTML,
  // outside the paths of programs (/api, /druid, /ingest). Public.
  void set_missing_page(HttpHandler handler) {
    missing_page_ = std::move(handler);
  }

  struct Match {
    const HttpHandler* handler = nullptr;  // null: no route
    Access access = Access::kAdmin;
    size_t max_body = 0;
    Workers workers = Workers::kGeneral;
    const ErrorWriter* errors = nullptr;  // null: error_response()
    std::string_view pattern;             // of the route; lives in the router
    // Query parameters it takes; null: any. Lives in the router.
    const std::vector<std::string>* parameters = nullptr;
    std::map<std::string, std::string> params;
    std::vector<std::string> allowed;  // methods, when only the path fits
  };
  // `path` as in HttpRequest. HEAD finds the route of GET.
  Match match(std::string_view method, std::string_view path) const;
  // The page for what match() did not find; nothing for other requests.
  std::optional<Match> missing_page(const RequestHead& head,
                                    std::string_view path) const;
  // (method, pattern) of every route, for the OpenAPI check.
  std::vector<std::pair<std::string, std::string>> routes() const;

 private:
  struct Route {
    std::string method, pattern;
    std::vector<std::string> parts;
    Access access;
    HttpHandler handler;
    size_t max_body;
    Workers workers;
    std::optional<std::vector<std::string>> parameters = std::nullopt;
    ErrorWriter errors = nullptr;
  };
  std::vector<Route> routes_;
  HttpHandler missing_page_;
};

// kInvalid, with the nearest known name, for a query parameter that is not
// among `known`.
Status check_parameters(const HttpRequest& request,
                        const std::vector<std::string>& known);

// {"error":{"code","message","details":[{"path","message"}],"request_id"}}
// with the honest status of the code.
HttpResponse error_response(const Error& error, const std::string& request_id);
int http_status(ErrorCode code);

HttpResponse json_response(std::string body, int status = 200);

}  // namespace freshet
