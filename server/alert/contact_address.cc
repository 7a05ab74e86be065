#include "server/alert/contact_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

namespace freshet {
namespace {

struct Block {
  uint32_t network;
  int bits;
};
constexpr uint32_t ip(uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
  return a << 24 | b << 16 | c << 8 | d;
}
// IANA's special-purpose registry.
constexpr Block kSpecial[] = {
    {ip(0, 0, 0, 0), 8},      {ip(10, 0, 0, 0), 8},
    {ip(100, 64, 0, 0), 10},  {ip(127, 0, 0, 0), 8},
    {ip(169, 254, 0, 0), 16}, {ip(172, 16, 0, 0), 12},
    {ip(192, 0, 0, 0), 24},   {ip(192, 0, 2, 0), 24},
    {ip(192, 88, 99, 0), 24}, {ip(192, 168, 0, 0), 16},
    {ip(198, 18, 0, 0), 15},  {ip(198, 51, 100, 0), 24},
    {ip(203, 0, 113, 0), 24}, {ip(224, 0, 0, 0), 3},
};

bool is_public_v4(uint32_t address) {
  return std::none_of(
      std::begin(kSpecial), std::end(kSpecial), [address](const Block& block) {
        return (address ^ block.network) >> (32 - block.bits) == 0;
      });
}

bool is_public_v6(const std::array<uint8_t, 16>& a) {
  auto v4_at = [&a](size_t i) {
    return ip(a[i], a[i + 1], a[i + 2], a[i + 3]);
  };
  bool zeros =
      std::all_of(a.begin(), a.begin() + 10, [](uint8_t b) { return b == 0; });
  if (zeros && a[10] == 0xff && a[11] == 0xff) return is_public_v4(v4_at(12));
  // NAT64 (64:ff9b::/96) carries an IPv4 address; 6to4 and Teredo do, too.
  if (a[0] == 0 && a[1] == 0x64 && a[2] == 0xff && a[3] == 0x9b) {
    return a[4] == 0 && is_public_v4(v4_at(12));
  }
  if (a[0] == 0x20 && a[1] == 0x02) return is_public_v4(v4_at(2));
  if (a[0] == 0x20 && a[1] == 0x01 && a[2] == 0) return false;
  if (a[0] == 0x20 && a[1] == 0x01 && a[2] == 0x0d && a[3] == 0xb8) {
    return false;
  }
  return (a[0] & 0xe0) == 0x20;  // 2000::/3, all that is routed globally
}

}  // namespace

bool is_public_address(const sockaddr* address) {
  if (address->sa_family == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, address, sizeof v4);
    return is_public_v4(ntohl(v4.sin_addr.s_addr));
  }
  if (address->sa_family == AF_INET6) {
    sockaddr_in6 v6;
    std::memcpy(&v6, address, sizeof v6);
    std::array<uint8_t, 16> bytes;
    std::memcpy(bytes.data(), &v6.sin6_addr, 16);
    return is_public_v6(bytes);
  }
  return false;
}

bool is_public_address(const std::string& text) {
  in_addr v4;
  if (inet_pton(AF_INET, text.c_str(), &v4) == 1) {
    return is_public_v4(ntohl(v4.s_addr));
  }
  std::array<uint8_t, 16> bytes;
  return inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1 &&
         is_public_v6(bytes);
}

}  // namespace freshet
