#include "server/alert/rule_edit.h"

#include <algorithm>

namespace freshet {
namespace {

bool is_standing(const std::string& key) {
  return std::find(std::begin(kStandingMembers), std::end(kStandingMembers),
                   key) != std::end(kStandingMembers);
}

}  // namespace

JsonValue edited_rule(const JsonValue& current, const JsonValue& body) {
  const JsonObject* members = body.as_object();
  if (!members) return body;
  JsonObject out;
  if (const JsonObject* kept = current.as_object()) {
    for (const auto& [key, value] : *kept) {
      if (!body.find(key)) out.emplace_back(key, value);
    }
  }
  for (const auto& [key, value] : *members) {
    // A null stays: the reader takes it for absent, and knows the key.
    if (!is_standing(key)) out.emplace_back(key, value);
  }
  return JsonValue(std::move(out));
}

}  // namespace freshet
