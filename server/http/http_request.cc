#include <algorithm>

#include "server/http/http.h"
#include "server/json/json_value.h"

namespace freshet {

const std::string* HttpRequest::query_value(std::string_view name) const {
  for (const auto& [key, value] : query) {
    if (key == name) return &value;
  }
  return nullptr;
}

std::string_view HttpRequest::header(std::string_view name) const {
  auto found = headers.find(std::string(name));
  return found == headers.end() ? std::string_view() : found->second;
}

Status check_parameters(const HttpRequest& request,
                        const std::vector<std::string>& known) {
  for (const auto& [name, value] : request.query) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    std::string near = nearest_name(name, known), message;
    if (!near.empty()) {
      message = "; did you mean '" + near + "'?";
    } else if (known.empty()) {
      message = "; this address takes none";
    } else {
      for (const std::string& one : known) {
        message += (message.empty() ? "; known are " : ", ") + one;
      }
    }
    return at_path(name, invalid("unknown parameter '" + name + "'" + message));
  }
  return {};
}

}  // namespace freshet
