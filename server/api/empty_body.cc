#include "server/api/empty_body.h"

#include "server/json/json_value.h"

namespace freshet {

Status check_empty_body(const std::string& body) {
  if (body.find_first_not_of(" \t\r\n") == body.npos) return {};
  TRY_ASSIGN(JsonValue json, parse_json(body));
  const JsonObject* members = json.as_object();
  if (members == nullptr) return invalid("the body is not a JSON object");
  if (members->empty()) return {};
  const std::string& key = members->begin()->first;
  return at_path(key, invalid("unknown key '" + key +
                              "' of the body, which has none here"));
}

}  // namespace freshet
