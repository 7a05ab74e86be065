// Unsigned numbers as 1 to 10 bytes: 7 bits each, lowest first, the high bit
// set on all but the last (LEB128).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace freshet {

inline void put_varint(std::string& out, uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

// Takes one off the front; false if it is cut short, longer than 64 bits or
// not the shortest form.
inline bool take_varint(std::string_view& in, uint64_t& value) {
  value = 0;
  for (int shift = 0; shift < 64 && !in.empty(); shift += 7) {
    auto byte = static_cast<uint8_t>(in.front());
    in.remove_prefix(1);
    if (shift == 63 && byte > 1) return false;
    value |= uint64_t{byte & 0x7fu} << shift;
    if (byte < 0x80) return byte != 0 || shift == 0;
  }
  return false;
}

}  // namespace freshet
