#include "server/json/error_text.h"

namespace freshet {

std::string error_text(std::string_view message) {
  constexpr size_t kMost = 1000;
  if (message.size() <= kMost) return std::string(message);
  size_t end = kMost;
  while (end > 0 && (message[end] & 0xc0) == 0x80) --end;
  return std::string(message.substr(0, end)) + "…";
}

}  // namespace freshet
