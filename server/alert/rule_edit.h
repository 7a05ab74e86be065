// What PUT /api/v1/alerts/{a} makes of a rule.
#pragma once

#include <string_view>

#include "server/json/json_value.h"

namespace freshet {

// Members of a rule's answer that say how it stands, not what it is: ignored
// in a body, so that what GET gave can be put back.
inline constexpr std::string_view kStandingMembers[] = {
    "state", "stored", "error", "as_of", "instances"};

// `current` with the members of `body` in the place of its own, each as a
// whole; those that are null there are taken away. Without `current` (null)
// what `body` has. A body that is no object is handed back as it is.
JsonValue edited_rule(const JsonValue& current, const JsonValue& body);

}  // namespace freshet
