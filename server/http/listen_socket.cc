#include "server/http/listen_socket.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cerrno>
#include <charconv>
#include <system_error>
#include <utility>

namespace freshet {
namespace {

namespace net = boost::asio;
using net::ip::tcp;

struct HostAndPort {
  std::string host, port;
  uint16_t number = 0;
};

Result<HostAndPort> split(const std::string& listen) {
  size_t colon = listen.rfind(':');
  HostAndPort out;
  if (colon != std::string::npos) out.port = listen.substr(colon + 1);
  const char* last = out.port.data() + out.port.size();
  auto [end, fault] = std::from_chars(out.port.data(), last, out.number);
  if (fault != std::errc() || out.port.empty() || end != last) {
    return invalid("listen wants HOST:PORT, such as 127.0.0.1:8080, not: " +
                   listen);
  }
  out.host = listen.substr(0, colon);
  if (out.host.starts_with('[') && out.host.ends_with(']')) {
    out.host = out.host.substr(1, out.host.size() - 2);
  }
  if (out.host.empty() || out.host == "*") out.host = "0.0.0.0";
  if (out.host == "localhost") out.host = "127.0.0.1";
  return out;
}

Result<tcp::endpoint> endpoint_of(const std::string& listen) {
  TRY_ASSIGN(HostAndPort place, split(listen));
  boost::system::error_code error;
  auto address = net::ip::make_address(place.host, error);
  if (!error) return tcp::endpoint(address, place.number);
  net::io_context io;
  auto found = tcp::resolver(io).resolve(place.host, place.port, error);
  if (error || found.empty()) {
    return invalid("the address to listen on has no host: " + listen);
  }
  return found.begin()->endpoint();
}

}  // namespace

Status check_listen(const std::string& listen) {
  TRY(split(listen));
  return {};
}

Error listen_error(const std::string& listen, int code) {
  ErrorCode kind = code == EADDRINUSE ? ErrorCode::kConflict : ErrorCode::kIo;
  return Error{kind,
               fmt::format("cannot listen, {}: {}",
                           std::generic_category().message(code), listen)};
}

Result<std::unique_ptr<ListenSocket>> ListenSocket::bind(
    const std::string& listen) {
  TRY_ASSIGN(auto endpoint, endpoint_of(listen));
  int descriptor = ::socket(endpoint.protocol().family(),
                            SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (descriptor < 0) return listen_error(listen, errno);
  std::unique_ptr<ListenSocket> socket(
      new ListenSocket(descriptor, endpoint.address().is_v6()));
  int on = 1;  // not kept from a port by connections that are ending
  if (::setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) !=
          0 ||
      ::bind(descriptor, endpoint.data(),
             static_cast<socklen_t>(endpoint.size())) != 0) {
    return listen_error(listen, errno);
  }
  return socket;
}

ListenSocket::~ListenSocket() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

int ListenSocket::release() { return std::exchange(descriptor_, -1); }

}  // namespace freshet
