#include "server/http/connection.h"

#include <poll.h>

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <optional>
#include <tuple>

namespace freshet {

using net::ip::tcp;
using SystemError = boost::system::error_code;

struct Connection::Streams {
  explicit Streams(const net::any_io_executor& executor) : timer(executor) {}

  std::optional<tcp::socket> plain;
  std::optional<net::ssl::stream<tcp::socket>> secure;
  // Beast's own stream closes the socket when time is up; we still want to say
  // 408 then, so the timer is ours.
  net::steady_timer timer;
  bool timed_out = false;

  tcp::socket& socket() { return secure ? secure->next_layer() : *plain; }
};

namespace {

constexpr auto kAwait = net::as_tuple(net::use_awaitable);
// How long the last bytes of a client may take: without a pause above the
// first, all together at most the second.
constexpr double kFinishPause = 1;
constexpr auto kFinishTotal = std::chrono::seconds(10);

std::string peer_name(tcp::socket& socket) {
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

Connection::Connection(tcp::socket socket,
                       std::shared_ptr<net::ssl::context> tls)
    : tls_(std::move(tls)),
      streams_(std::make_shared<Streams>(socket.get_executor())) {
  SystemError ignored;
  socket.set_option(tcp::no_delay(true), ignored);
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
  if (streams_->timed_out) co_return Outcome::kTimeout;
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
  if (streams_->timed_out) co_return Outcome::kTimeout;
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
  expires_after(kFinishPause);
  if (tls_) {
    // Our close_notify goes out; the client's is not worth waiting for.
    co_await streams_->secure->async_shutdown(kAwait);
  }
  SystemError ignored;
  tcp::socket& socket = streams_->socket();
  socket.shutdown(tcp::socket::shutdown_send, ignored);
  std::string rest(64 << 10, '\0');
  auto until = std::chrono::steady_clock::now() + kFinishTotal;
  while (std::chrono::steady_clock::now() < until) {
    expires_after(kFinishPause);
    net::mutable_buffer space(rest.data(), rest.size());
    auto [error, count] = co_await socket.async_read_some(space, kAwait);
    if (error) break;
  }
}

void Connection::expires_after(double seconds) {
  streams_->timed_out = false;
  streams_->timer.expires_after(as_duration(seconds));  // ends the one before
  streams_->timer.async_wait(
      [weak = std::weak_ptr(streams_)](const SystemError& error) {
        auto streams = weak.lock();
        if (error || !streams) return;
        // A deadline that was moved while this was on its way.
        if (streams->timer.expiry() > net::steady_timer::clock_type::now()) {
          return;
        }
        streams->timed_out = true;
        SystemError ignored;
        streams->socket().cancel(ignored);
      });
}

void Connection::expires_never() {
  streams_->timed_out = false;
  streams_->timer.expires_at(net::steady_timer::time_point::max());
}

Connection::Outcome Connection::outcome(const SystemError& error) const {
  if (!error) return Outcome::kOk;
  return streams_->timed_out ? Outcome::kTimeout : Outcome::kGone;
}

void Connection::abort() {
  SystemError ignored;
  tcp::socket& socket = streams_->socket();
  socket.cancel(ignored);
  socket.shutdown(tcp::socket::shutdown_both, ignored);
}

net::any_io_executor Connection::executor() {
  return streams_->timer.get_executor();
}

bool peer_has_gone(int descriptor) {
  pollfd entry{descriptor, POLLRDHUP, 0};
  if (poll(&entry, 1, 0) <= 0) return false;
  return (entry.revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL)) != 0;
}

}  // namespace freshet
