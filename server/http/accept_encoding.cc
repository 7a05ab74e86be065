#include "server/http/accept_encoding.h"

#include <algorithm>

#include "server/http/ascii.h"

namespace freshet {
namespace {

// ";q=0", ";q=0.0" and ";q=0.000" are 0; anything else is more.
bool is_refused(std::string_view parameters) {
  size_t q = parameters.find("q=");
  if (q == std::string_view::npos) q = parameters.find("Q=");
  if (q == std::string_view::npos) return false;
  return trim_blanks(parameters.substr(q + 2)).find_first_not_of("0.") ==
         std::string_view::npos;
}

}  // namespace

bool accepts_encoding(std::string_view header, std::string_view coding) {
  bool any = false;
  while (!header.empty()) {
    std::string_view item = header.substr(0, header.find(','));
    header.remove_prefix(std::min(header.size(), item.size() + 1));
    std::string_view name = item.substr(0, item.find(';'));
    bool accepted = !is_refused(item.substr(name.size()));
    name = trim_blanks(name);
    if (equal_ignoring_case(name, coding)) return accepted;
    if (name == "*") any = accepted;
  }
  return any;
}

}  // namespace freshet
