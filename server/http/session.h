// Session: the requests of one connection, one after the other. Private to
// server/http; lives on the event loop, kept alive by its own coroutines.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "server/http/connection.h"
#include "server/http/fair_turns.h"
#include "server/http/handler_call.h"
#include "server/http/http_server.h"
#include "server/http/request_head.h"
#include "server/http/request_parser.h"
#include "server/http/response_head.h"

namespace freshet {

// What all sessions of a server share. Used on the event loop, but for the
// router, which is read-only.
struct SessionContext {
  const HttpServerSettings settings;
  const Router& router;
  const RequestGuard guard;
  const std::function<Status(const HttpRequest&, Access)> authorize;
  const std::function<void(std::string_view, int, double)> observe;
  net::thread_pool& workers;
  net::thread_pool& query_workers;
  FairTurns query_turns;  // to a thread of query_workers
  bool stopping = false;
  size_t body_bytes = 0;  // of all bodies that are being read
};

class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(std::shared_ptr<SessionContext> context, Connection connection);
  ~Session();

  // Until the client leaves, an answer ends the connection, or stop().
  net::awaitable<void> run();
  // Ends at once unless a request has come whole, else after the answer that is
  // being made; an event stream ends, too.
  void stop();
  // Ends now; a handler that runs learns it from `disconnected`.
  void abort() { connection_.abort(); }

 private:
  using Outcome = Connection::Outcome;
  using Clock = std::chrono::steady_clock;

  net::awaitable<bool> serve_request();
  net::awaitable<bool> wait_for_bytes();
  net::awaitable<bool> read_head(RequestParser& parser);
  net::awaitable<bool> read_body(RequestParser& parser, HandlerCall& call);
  net::awaitable<bool> handle(HandlerCall& call);
  net::awaitable<void> run_query(HandlerCall& call);
  std::string client(const HttpRequest& request) const;
  net::awaitable<bool> respond(const HttpResponse& response);
  // `match` of the route if one was found; it outlives the call.
  net::awaitable<bool> refuse(Refusal refusal,
                              const Router::Match* match = nullptr);
  net::awaitable<void> send_events(HandlerCall& call);
  net::awaitable<void> write_events(const HandlerCall& call);
  net::awaitable<void> watch_client(std::shared_ptr<EventQueue> queue);
  net::awaitable<Outcome> read_body_bytes(Clock::time_point begun,
                                          size_t received);
  net::awaitable<void> welcome_body(const HttpRequest& request);
  RequestParser::Progress feed_body(RequestParser& parser);
  Status allowed(const HandlerCall& call) const;
  std::optional<HttpResponse> admit(Target target, HandlerCall& call);
  HttpRequest make_request(Target target);
  HttpResponse refuse_route(const Router::Match& match) const;
  void observe(int status);

  const std::shared_ptr<SessionContext> context_;
  Connection connection_;
  net::steady_timer timer_;
  std::string bytes_;    // read, not yet consumed
  bool reading_ = true;  // no whole request is there yet
  bool streaming_ = false;
  std::shared_ptr<EventQueue> queue_;

  // Of the request that is being served.
  RequestHead head_;
  std::string request_id_;
  std::string_view pattern_;
  Clock::time_point started_;
  bool keep_alive_ = false;
};

}  // namespace freshet
