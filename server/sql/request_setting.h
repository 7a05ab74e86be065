// SET key = value before a statement: the context keys of a request that
// concern SQL.
#pragma once

#include <string_view>

#include "server/sql/sql.h"

namespace freshet {

// Unknown keys are ignored, as in a request's context. kInvalid for a value
// that the key cannot have.
Status apply_setting(std::string_view key, std::string_view value,
                     SqlRequest& request);

// Those that the request's own text begins with, for who writes its answer: in
// which zone, within what time. What is wrong with them is for Sql::run to
// tell.
void apply_settings(SqlRequest& request);

}  // namespace freshet
