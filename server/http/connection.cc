#include "server/http/connection.h"

#include <poll.h>

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <chrono>
#include <optional>

namespace freshet {

namespace beast = boost::beast;
using SystemError = boost::system::error_code;

struct Connection::Streams {
  std::optional<beast::tcp_stream> plain;
  std::optional<beast::ssl_stream<beast::tcp_stream>> secure;

  beast::tcp_stream& lowest() { return secure ? secure->next_layer() : *plain; }
};

namespace {

constexpr auto kAwait = net::as_tuple(net::use_awaitable);
constexpr double kFinishSeconds = 1;
constexpr size_t kFinishBytes = 4 << 20;

Connection::Outcome outcome(const SystemError& error) {
  if (!error) return Connection::Outcome::kOk;
  return error == beast::error::timeout ? Connection::Outcome::kTimeout
                                        : Connection::Outcome::kGone;
}

std::string peer_name(net::ip::tcp::socket& socket) {
  SystemError error;
  auto peer = socket.remote_endpoint(error);
  if (error) return "";
  std::string host = peer.address().to_string();
  if (peer.address().is_v6()) host = "[" + host + "]";
  return host + ":" + std::to_string(peer.port());
}

std::chrono::steady_clock::duration as_duration(double seconds) {
  return std::chrono::duration_cast<std::chrono::steady_clock::duration>(
      std::chrono::duration<double>(seconds));
}

}  // namespace

Connection::Connection(net::ip::tcp::socket socket,
                       std::shared_ptr<net::ssl::context> tls)
    : tls_(std::move(tls)), streams_(std::make_unique<Streams>()) {
  SystemError ignored;
  socket.set_option(net::ip::tcp::no_delay(true), ignored);
  descriptor_ = socket.native_handle();
  peer_ = peer_name(socket);
  if (tls_) {
    streams_->secure.emplace(std::move(socket), *tls_);
  } else {
    streams_->plain.emplace(std::move(socket));
  }
}

Connection::Connection(Connection&&) noexcept = default;
Connection::~Connection() = default;

net::awaitable<Connection::Outcome> Connection::handshake() {
  if (!tls_) co_return Outcome::kOk;
  auto [error] = co_await streams_->secure->async_handshake(
      net::ssl::stream_base::server, kAwait);
  co_return outcome(error);
}

net::awaitable<Connection::Outcome> Connection::read_some(std::string& buffer,
                                                          size_t step) {
  size_t have = buffer.size();
  buffer.resize(have + step);
  net::mutable_buffer space(buffer.data() + have, step);
  SystemError error;
  size_t count = 0;
  if (tls_) {
    std::tie(error, count) =
        co_await streams_->secure->async_read_some(space, kAwait);
  } else {
    std::tie(error, count) =
        co_await streams_->plain->async_read_some(space, kAwait);
  }
  buffer.resize(have + count);
  co_return outcome(error);
}

net::awaitable<Connection::Outcome> Connection::write(std::string_view head,
                                                      std::string_view body) {
  std::array<net::const_buffer, 2> bytes{
      net::const_buffer(head.data(), head.size()),
      net::const_buffer(body.data(), body.size())};
  SystemError error;
  size_t count = 0;
  if (tls_) {
    std::tie(error, count) =
        co_await net::async_write(*streams_->secure, bytes, kAwait);
  } else {
    std::tie(error, count) =
        co_await net::async_write(*streams_->plain, bytes, kAwait);
  }
  co_return outcome(error);
}

net::awaitable<void> Connection::finish() {
  expires_after(kFinishSeconds);
  if (tls_) {
    // Our close_notify goes out; the client's is not worth waiting for.
    co_await streams_->secure->async_shutdown(kAwait);
  }
  SystemError ignored;
  auto& socket = streams_->lowest().socket();
  socket.shutdown(net::ip::tcp::socket::shutdown_send, ignored);
  std::string rest;
  size_t total = 0;
  expires_after(kFinishSeconds);
  while (total < kFinishBytes) {
    rest.resize(64 << 10);
    net::mutable_buffer space(rest.data(), rest.size());
    auto [error, count] =
        co_await streams_->lowest().async_read_some(space, kAwait);
    if (error) break;
    total += count;
  }
}

void Connection::expires_after(double seconds) {
  streams_->lowest().expires_after(as_duration(seconds));
}

void Connection::expires_never() { streams_->lowest().expires_never(); }

void Connection::abort() {
  SystemError ignored;
  auto& socket = streams_->lowest().socket();
  socket.cancel(ignored);
  socket.shutdown(net::ip::tcp::socket::shutdown_both, ignored);
}

net::any_io_executor Connection::executor() {
  return streams_->lowest().get_executor();
}

bool peer_has_gone(int descriptor) {
  pollfd entry{descriptor, POLLRDHUP, 0};
  if (poll(&entry, 1, 0) <= 0) return false;
  return (entry.revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL)) != 0;
}

}  // namespace freshet
