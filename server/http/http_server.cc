#include "server/http/http_server.h"

#include <spdlog/spdlog.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <exception>
#include <thread>
#include <unordered_map>

#include "segments/mutex.h"
#include "segments/time.h"
#include "server/auth/access.h"
#include "server/http/listen_socket.h"
#include "server/http/session.h"
#include "server/http/tls_context.h"

namespace freshet {
namespace {

using net::ip::tcp;
using SystemError = boost::system::error_code;

constexpr auto kAwait = net::as_tuple(net::use_awaitable);

class BeastServer : public HttpServer {
 public:
  BeastServer(std::shared_ptr<SessionContext> context,
              std::unique_ptr<net::thread_pool> workers,
              std::unique_ptr<net::thread_pool> query_workers,
              std::unique_ptr<net::io_context> io)
      : io_(std::move(io)),
        workers_(std::move(workers)),
        query_workers_(std::move(query_workers)),
        context_(std::move(context)),
        acceptor_(*io_),
        accept_pause_(*io_),
        tls_timer_(*io_) {}
  ~BeastServer() override { stop(0); }

  Status listen();
  uint16_t port() const override { return port_; }
  void stop(double seconds) override;

 private:
  net::awaitable<void> accept_loop();
  net::awaitable<void> renew_tls_loop();
  void start_session(tcp::socket socket);
  void session_ended(Session* session);
  bool wait_for_sessions(double seconds);

  const std::unique_ptr<net::io_context> io_;
  const std::unique_ptr<net::thread_pool> workers_, query_workers_;
  const std::shared_ptr<SessionContext> context_;
  tcp::acceptor acceptor_;
  net::steady_timer accept_pause_, tls_timer_;
  uint16_t port_ = 0;
  std::thread thread_;

  // Of the event loop.
  std::shared_ptr<net::ssl::context> tls_;
  std::unordered_map<Session*, std::weak_ptr<Session>> sessions_;

  Mutex mutex_;
  CondVar changed_;
  size_t running_ ABSL_GUARDED_BY(mutex_) = 0;
};

Status BeastServer::listen() {
  const HttpServerSettings& settings = context_->settings;
  if (!settings.tls_certificate.empty()) {
    TRY_ASSIGN(tls_,
               load_tls_context(settings.tls_certificate, settings.tls_key));
  }
  std::shared_ptr<ListenSocket> socket = settings.socket;
  if (!socket) {
    TRY_ASSIGN(socket, ListenSocket::bind(settings.listen));
  }
  SystemError error;
  acceptor_.assign(socket->is_v6() ? tcp::v6() : tcp::v4(), socket->release(),
                   error);
  if (!error) acceptor_.listen(net::socket_base::max_listen_connections, error);
  if (error) return listen_error(settings.listen, error.value());
  port_ = acceptor_.local_endpoint().port();
  net::co_spawn(*io_, accept_loop(), net::detached);
  if (tls_) net::co_spawn(*io_, renew_tls_loop(), net::detached);
  thread_ = std::thread([this] { io_->run(); });
  return {};
}

net::awaitable<void> BeastServer::accept_loop() {
  while (acceptor_.is_open()) {
    auto [error, socket] = co_await acceptor_.async_accept(kAwait);
    if (!error) {
      start_session(std::move(socket));
    } else if (acceptor_.is_open()) {
      // Out of descriptors, most likely: some will be free again.
      spdlog::warn("http: cannot accept: {}", error.message());
      accept_pause_.expires_after(std::chrono::milliseconds(100));
      co_await accept_pause_.async_wait(kAwait);
    }
  }
}

net::awaitable<void> BeastServer::renew_tls_loop() {
  const HttpServerSettings& settings = context_->settings;
  std::string stamp = file_stamp(settings.tls_certificate, settings.tls_key);
  while (acceptor_.is_open()) {
    tls_timer_.expires_after(std::chrono::minutes(1));
    auto [cancelled] = co_await tls_timer_.async_wait(kAwait);
    if (cancelled) co_return;
    std::string now = file_stamp(settings.tls_certificate, settings.tls_key);
    if (now.empty() || now == stamp) continue;
    auto fresh = load_tls_context(settings.tls_certificate, settings.tls_key);
    if (!fresh) {
      // Perhaps half written: looked at again in a minute.
      spdlog::error("http: the old certificate stays: {}",
                    fresh.error().message);
      continue;
    }
    tls_ = std::move(*fresh);
    stamp = now;
    spdlog::info("http: new TLS certificate {}", settings.tls_certificate);
  }
}

void BeastServer::start_session(tcp::socket socket) {
  if (sessions_.size() >=
      static_cast<size_t>(context_->settings.max_connections)) {
    return;  // closes it
  }
  Connection connection(std::move(socket), tls_);
  auto session = std::make_shared<Session>(context_, std::move(connection));
  Session* key = session.get();
  sessions_.emplace(key, session);
  {
    MutexLock lock(mutex_);
    ++running_;
  }
  net::co_spawn(*io_, session->run(),
                [this, key](std::exception_ptr) { session_ended(key); });
}

void BeastServer::session_ended(Session* session) {
  sessions_.erase(session);
  MutexLock lock(mutex_);
  --running_;
  changed_.signal_all();
}

bool BeastServer::wait_for_sessions(double seconds) {
  absl::Time end = steady_now() + absl::Seconds(seconds);
  MutexLock lock(mutex_);
  while (running_ > 0) {
    if (steady_now() >= end) return false;
    changed_.wait_for(mutex_, end - steady_now());
  }
  return true;
}

void BeastServer::stop(double seconds) {
  if (!thread_.joinable()) return;
  net::post(*io_, [this] {
    SystemError ignored;
    acceptor_.close(ignored);
    accept_pause_.cancel();
    tls_timer_.cancel();
    context_->stopping = true;
    for (auto& [key, weak] : sessions_) {
      if (auto session = weak.lock()) session->stop();
    }
  });
  if (!wait_for_sessions(seconds)) {
    net::post(*io_, [this] {
      for (auto& [key, weak] : sessions_) {
        if (auto session = weak.lock()) session->abort();
      }
    });
  }
  // Handlers are waited for: they work on what is destroyed after us. They
  // know by `disconnected` that nobody wants their answer.
  query_workers_->join();
  workers_->join();
  wait_for_sessions(1);
  io_->stop();
  thread_.join();
}

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::start(
    const HttpServerSettings& settings, const Router& router,
    std::function<Status(const HttpRequest&, Access)> authorize,
    std::function<void(std::string_view route, int status, double seconds)>
        observe) {
  // A hint: only this server's loop thread runs handlers of the io_context.
  auto io = std::make_unique<net::io_context>(1);
  auto workers = std::make_unique<net::thread_pool>(settings.workers);
  auto query_workers =
      std::make_unique<net::thread_pool>(settings.query_workers);
  auto context = std::make_shared<SessionContext>(SessionContext{
      settings, router, RequestGuard(is_loopback(settings.listen)),
      std::move(authorize), std::move(observe), *workers, *query_workers,
      FairTurns(static_cast<size_t>(settings.query_workers),
                static_cast<size_t>(settings.max_waiting))});
  auto server =
      std::make_unique<BeastServer>(std::move(context), std::move(workers),
                                    std::move(query_workers), std::move(io));
  TRY(server->listen());
  return std::unique_ptr<HttpServer>(std::move(server));
}

}  // namespace freshet
