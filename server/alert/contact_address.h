// Which network addresses a contact point may have. Rules come from users; the
// server must not become their way into its own network.
#pragma once

#include <string>
#include <string_view>

struct sockaddr;

namespace freshet {

// False for loopback, private, link-local (cloud metadata services among
// them), shared, multicast, reserved and unspecified addresses of IPv4 and
// IPv6, also inside IPv6 forms that carry an IPv4 address; and for any other
// family.
bool is_public_address(const sockaddr* address);
// The same for text; false if it is no address.
bool is_public_address(const std::string& text);

}  // namespace freshet
