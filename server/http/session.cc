#include "server/http/session.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <optional>
#include <utility>

#include "server/http/ascii.h"

namespace freshet {
namespace {

constexpr size_t kHeadStep = 4 << 10;
constexpr size_t kBodyStep = 64 << 10;
// A chunk's head must fit; extensions of chunks are no place for data.
constexpr size_t kMaxUnparsed = 128 << 10;
constexpr double kMinBytesPerSecond = 16 << 10;
constexpr double kWriteSeconds = 30;
// All bodies being read at one time, over all connections.
constexpr size_t kMaxBodyBytes = size_t{1} << 30;

// Whether the client has gone, for a handler that may outlive the connection.
class ClientWatch {
 public:
  explicit ClientWatch(int descriptor) : descriptor_(descriptor) {}
  bool gone() const { return ended_ || peer_has_gone(descriptor_); }
  void end() { ended_ = true; }

 private:
  const int descriptor_;
  std::atomic<bool> ended_{false};
};

net::awaitable<void> on_worker(HandlerCall* call) {
  run_handler(*call);
  co_return;
}

Refusal too_slow() {
  return {408, {ErrorCode::kDeadline, "the request came too slowly"}};
}

Refusal body_too_large(size_t max_bytes) {
  return {413,
          {ErrorCode::kLimit,
           fmt::format("the body is larger than allowed here, bytes: {}",
                       max_bytes)}};
}

Refusal too_many_waiting(int limit) {
  return {429,
          {ErrorCode::kLimit,
           fmt::format("more queries of this client wait than its limit; ask "
                       "fewer at a time, or raise query_max_waiting in "
                       "freshet.yaml (FRESHET_QUERY_MAX_WAITING in the "
                       "environment): {}",
                       limit)}};
}

// Ends a request's turn, however it ends.
class EndOfTurn {
 public:
  explicit EndOfTurn(FairTurns& turns) : turns_(turns) {}
  ~EndOfTurn() { turns_.leave(); }
  EndOfTurn(const EndOfTurn&) = delete;
  EndOfTurn& operator=(const EndOfTurn&) = delete;

 private:
  FairTurns& turns_;
};

// Takes a share of the memory for bodies, and gives it back.
class BodyShare {
 public:
  explicit BodyShare(size_t& total) : total_(total) {}
  ~BodyShare() { total_ -= held_; }
  BodyShare(const BodyShare&) = delete;
  BodyShare& operator=(const BodyShare&) = delete;
  bool grow_to(size_t bytes) {
    if (bytes <= held_) return true;
    if (total_ + (bytes - held_) > kMaxBodyBytes) return false;
    total_ += bytes - held_;
    held_ = bytes;
    return true;
  }

 private:
  size_t& total_;
  size_t held_ = 0;
};

}  // namespace

Session::Session(std::shared_ptr<SessionContext> context, Connection connection)
    : context_(std::move(context)),
      connection_(std::move(connection)),
      timer_(connection_.executor()) {}

// A stream that was cut off at the server's end: its queue may live on, and
// must not wake an event loop that is gone.
Session::~Session() {
  if (queue_) queue_->abandon();
}

net::awaitable<void> Session::run() {
  auto self = shared_from_this();
  try {
    connection_.expires_after(context_->settings.read_seconds);
    Outcome hello = co_await connection_.handshake();
    if (hello != Outcome::kOk) co_return;
    while (co_await serve_request()) {
    }
    if (!streaming_) co_await connection_.finish();
  } catch (const std::exception& error) {
    spdlog::error("http: session of {} failed: {}", connection_.peer(),
                  error.what());
  }
  connection_.abort();
}

void Session::stop() {
  if (queue_) queue_->close();
  if (reading_) connection_.abort();
}

// One request and its answer; false ends the connection.
net::awaitable<bool> Session::serve_request() {
  reading_ = true;
  bool begun = co_await wait_for_bytes();
  if (!begun) co_return false;
  RequestParser parser;
  bool has_head = co_await read_head(parser);
  if (!has_head) co_return false;
  auto target = head_.method == "OPTIONS" && head_.target == "*"
                    ? Target{"/", {}, ""}
                    : parse_target(head_.target);
  if (!target) {
    Refusal malformed{400, target.error()};
    co_return co_await refuse(malformed);
  }
  if (auto refusal = context_->guard.check(head_, *target)) {
    co_return co_await refuse(*refusal);
  }
  HandlerCall call;
  if (auto response = admit(std::move(*target), call)) {
    // What comes next would be the body that was not read.
    if (head_.has_body()) keep_alive_ = false;
    co_return co_await respond(*response);
  }
  bool has_body = co_await read_body(parser, call);
  if (!has_body) co_return false;
  reading_ = false;
  co_return co_await handle(call);
}

// Finds the route and asks for permission; a response is a refusal.
std::optional<HttpResponse> Session::admit(Target target, HandlerCall& call) {
  call.match = context_->router.match(head_.method, target.path);
  pattern_ = call.match.pattern;
  if (!call.match.handler && call.match.allowed.empty()) {
    auto page = context_->router.missing_page(head_, target.path);
    if (page) call.match = std::move(*page);
  }
  if (!call.match.handler) return refuse_route(call.match);
  call.request = make_request(std::move(target));
  call.request.params = call.match.params;
  Status status = allowed(call);
  if (status) return std::nullopt;
  return refused(call.match, {http_status(status.error().code), status.error()},
                 request_id_);
}

Status Session::allowed(const HandlerCall& call) const {
  if (!context_->authorize) return {};
  return context_->authorize(call.request, call.match.access);
}

net::awaitable<bool> Session::wait_for_bytes() {
  if (!bytes_.empty()) co_return true;
  if (context_->stopping) co_return false;
  connection_.expires_after(context_->settings.idle_seconds);
  Outcome outcome = co_await connection_.read_some(bytes_, kHeadStep);
  co_return outcome == Outcome::kOk;
}

net::awaitable<bool> Session::read_head(RequestParser& parser) {
  started_ = Clock::now();
  pattern_ = {};
  head_ = {};
  request_id_ = request_id(head_);
  keep_alive_ = false;
  connection_.expires_after(context_->settings.read_seconds);
  while (true) {
    size_t used = 0;
    auto progress = parser.read_head(bytes_, used);
    bytes_.erase(0, used);
    if (progress == RequestParser::Progress::kFailed) {
      co_return co_await refuse(parser.refusal());
    }
    if (progress == RequestParser::Progress::kDone) break;
    Outcome outcome = co_await connection_.read_some(bytes_, kHeadStep);
    if (outcome == Outcome::kTimeout) {
      Refusal slow = too_slow();
      co_return co_await refuse(slow);
    }
    if (outcome == Outcome::kGone) co_return false;
  }
  head_ = parser.head();
  request_id_ = request_id(head_);
  keep_alive_ = head_.keep_alive;
  co_return true;
}

// What was read and not yet consumed goes into the parser.
RequestParser::Progress Session::feed_body(RequestParser& parser) {
  size_t eaten = 0, used = 0;
  RequestParser::Progress progress;
  do {
    progress = parser.read_body(std::string_view(bytes_).substr(eaten), used);
    eaten += used;
  } while (progress == RequestParser::Progress::kMore && used > 0 &&
           eaten < bytes_.size());
  bytes_.erase(0, eaten);
  return progress;
}

// The next bytes of a body of which `received` have come since `begun`. There
// is a floor under the rate, not only under the pauses: a byte now and then
// does not keep a connection.
net::awaitable<Session::Outcome> Session::read_body_bytes(
    Clock::time_point begun, size_t received) {
  std::chrono::duration<double> passed = Clock::now() - begun;
  double allowed = context_->settings.read_seconds +
                   static_cast<double>(received) / kMinBytesPerSecond;
  if (passed.count() >= allowed) co_return Outcome::kTimeout;
  connection_.expires_after(allowed - passed.count());
  co_return co_await connection_.read_some(bytes_, kBodyStep);
}

net::awaitable<bool> Session::read_body(RequestParser& parser,
                                        HandlerCall& call) {
  if (!head_.has_body()) co_return true;
  Refusal too_large = body_too_large(call.match.max_body);
  if (head_.content_length.value_or(0) > call.match.max_body) {
    co_return co_await refuse(too_large, &call.match);
  }
  parser.limit_body(call.match.max_body);
  co_await welcome_body(call.request);
  BodyShare share(context_->body_bytes);
  Clock::time_point begun = Clock::now();
  while (true) {
    auto progress = feed_body(parser);
    if (progress == RequestParser::Progress::kDone) break;
    if (progress == RequestParser::Progress::kFailed) {
      Refusal refusal = parser.refusal();
      co_return co_await refuse(refusal.status == 413 ? too_large : refusal,
                                &call.match);
    }
    if (bytes_.size() > kMaxUnparsed) {
      Refusal refusal{400, invalid("a chunk's head is too long")};
      co_return co_await refuse(refusal, &call.match);
    }
    if (!share.grow_to(parser.body_size())) {
      Refusal refusal{503, {ErrorCode::kLimit, "too many bodies at a time"}};
      co_return co_await refuse(refusal, &call.match);
    }
    Outcome outcome = co_await read_body_bytes(begun, parser.body_size());
    if (outcome == Outcome::kTimeout) {
      Refusal slow = too_slow();
      co_return co_await refuse(slow, &call.match);
    }
    if (outcome == Outcome::kGone) co_return false;
  }
  call.request.body = parser.take_body();
  co_return true;
}

// Tells a client that asked first that its body may come.
net::awaitable<void> Session::welcome_body(const HttpRequest& request) {
  bool asked = equal_ignoring_case(request.header("expect"), "100-continue");
  if (!asked || !bytes_.empty()) co_return;
  connection_.expires_after(kWriteSeconds);
  co_await connection_.write("HTTP/1.1 100 Continue\r\n\r\n", {});
}

HttpRequest Session::make_request(Target target) {
  HttpRequest request;
  request.method = head_.method;
  request.path = std::move(target.path);
  request.query = std::move(target.query);
  request.headers = std::move(head_.headers);
  request.peer = connection_.peer();
  request.request_id = request_id_;
  return request;
}

HttpResponse Session::refuse_route(const Router::Match& match) const {
  bool options = head_.method == "OPTIONS";
  if (match.allowed.empty() && !options) {
    return error_response(
        {ErrorCode::kNotFound, "there is nothing at: " + head_.target},
        request_id_);
  }
  std::string allowed = "OPTIONS";
  for (const std::string& method : match.allowed) allowed += ", " + method;
  HttpResponse response;
  if (options) {
    response.status = 204;
  } else {
    response = refusal_response(
        {405,
         {ErrorCode::kInvalid,
          "the methods here are " + allowed + ", not: " + head_.method}},
        request_id_);
  }
  response.headers.emplace_back("Allow", allowed);
  return response;
}

net::awaitable<bool> Session::handle(HandlerCall& call) {
  auto watch = std::make_shared<ClientWatch>(connection_.descriptor());
  call.request.disconnected = [watch] { return watch->gone(); };
  call.request.received = Clock::now();
  if (call.match.workers == Workers::kQueries) {
    co_await run_query(call);
  } else {
    co_await net::co_spawn(context_->workers.get_executor(), on_worker(&call),
                           net::use_awaitable);
  }
  watch->end();
  if (call.queue) {
    co_await send_events(call);
    co_return false;
  }
  bool goes_on = co_await respond(call.response);
  // What takes the system long to take back is not freed by the event loop.
  constexpr size_t kLarge = size_t{16} << 20;
  if (call.response.body.size() >= kLarge) {
    net::post(context_->workers.get_executor(),
              [body = std::move(call.response.body)] {});
  }
  co_return goes_on;
}

// Who shares a place in the queue: one address with one set of credentials.
std::string Session::client(const HttpRequest& request) const {
  std::string_view peer = request.peer;
  std::string out(peer.substr(0, peer.rfind(':')));
  out += ' ';
  out += request.header("authorization");
  return out;
}

net::awaitable<void> Session::run_query(HandlerCall& call) {
  net::steady_timer turn(co_await net::this_coro::executor,
                         Clock::time_point::max());
  FairTurns& turns = context_->query_turns;
  std::string name = client(call.request);
  std::function<void()> wake = [&turn] { turn.cancel(); };
  FairTurns::Place place = turns.enter(name, std::move(wake));
  if (place == FairTurns::Place::kRefused) {
    call.response =
        refused(call.match, too_many_waiting(context_->settings.max_waiting),
                request_id_);
    call.response.headers.emplace_back("Retry-After", "1");
    co_return;
  }
  if (place == FairTurns::Place::kWaits) {
    co_await turn.async_wait(net::as_tuple(net::use_awaitable));
  }
  EndOfTurn end(turns);
  co_await net::co_spawn(context_->query_workers.get_executor(),
                         on_worker(&call), net::use_awaitable);
}

void Session::observe(int status) {
  if (!context_->observe) return;
  std::chrono::duration<double> passed = Clock::now() - started_;
  context_->observe(pattern_, status, passed.count());
}

// An answer after which the connection cannot go on: what the client still
// sends is not understood.
net::awaitable<bool> Session::refuse(Refusal refusal,
                                     const Router::Match* match) {
  keep_alive_ = false;
  HttpResponse response = match ? refused(*match, refusal, request_id_)
                                : refusal_response(refusal, request_id_);
  co_return co_await respond(response);
}

net::awaitable<bool> Session::respond(const HttpResponse& response) {
  if (context_->stopping) keep_alive_ = false;
  std::string_view body =
      response.static_body.empty() ? response.body : response.static_body;
  ResponseFrame frame;
  frame.request_id = request_id_;
  frame.keep_alive = keep_alive_;
  frame.tls = connection_.is_tls();
  frame.content_length = body.size();
  std::string head = response_head(response, frame);
  bool no_body = head_.method == "HEAD" || response.status == 204 ||
                 response.status == 304;
  if (no_body) body = {};
  connection_.expires_after(kWriteSeconds + static_cast<double>(body.size()) /
                                                kMinBytesPerSecond);
  Outcome outcome = co_await connection_.write(head, body);
  observe(response.status);
  co_return outcome == Outcome::kOk&& keep_alive_;
}

}  // namespace freshet
