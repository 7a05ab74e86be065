// Connection: a TCP or TLS byte stream with deadlines. Private to server/http;
// used on the event loop only.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <string>
#include <string_view>

namespace freshet {

namespace net = boost::asio;

class Connection {
 public:
  // Without `tls` a plain one.
  Connection(net::ip::tcp::socket socket,
             std::shared_ptr<net::ssl::context> tls);
  Connection(Connection&&) noexcept;
  ~Connection();

  enum class Outcome { kOk, kTimeout, kGone };

  // The TLS handshake; kOk at once for a plain connection.
  net::awaitable<Outcome> handshake();
  // Appends what comes next, `step` bytes at most, to `buffer`.
  net::awaitable<Outcome> read_some(std::string& buffer, size_t step);
  // Both, whole. The bytes must outlive the call.
  net::awaitable<Outcome> write(std::string_view head, std::string_view body);
  // Tells the client that nothing more comes, and waits a little for it to
  // stop sending: a reset would make it lose our last answer.
  net::awaitable<void> finish();

  // From now until the next of these calls; operations that run or start later
  // than that end with kTimeout. After it the connection can still be used.
  void expires_after(double seconds);
  void expires_never();
  // Ends running operations. The descriptor stays open until destruction, so
  // that is_gone() may still be asked.
  void abort();

  const std::string& peer() const { return peer_; }
  bool is_tls() const { return tls_ != nullptr; }
  int descriptor() const { return descriptor_; }
  net::any_io_executor executor();

 private:
  struct Streams;
  Outcome outcome(const boost::system::error_code& error) const;

  std::shared_ptr<net::ssl::context> tls_;
  std::shared_ptr<Streams> streams_;  // shared with the deadline's timer
  int descriptor_;
  std::string peer_;
};

// Whether the peer of this socket has closed its side. Any thread.
bool peer_has_gone(int descriptor);

}  // namespace freshet
