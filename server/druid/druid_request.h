// The body of POST /druid/v2/sql.
#pragma once

#include <string_view>

#include "server/druid/druid_result.h"
#include "server/json/json_value.h"
#include "server/sql/sql.h"

namespace freshet {

struct DruidSqlRequest {
  SqlRequest sql;  // with an id, made up if the body has none
  DruidResultShape shape;
};

// Unknown members and unknown context keys are ignored, as Druid does.
// kInvalid names what is wrong with the body. `limits` are the caller's; the
// context may ask for another timeout.
Result<DruidSqlRequest> parse_druid_request(std::string_view content_type,
                                            std::string_view body,
                                            const Limits& limits);

// A member that is true or false, or a text that says so.
Result<bool> druid_flag(const JsonValue& body, const char* name,
                        bool otherwise = false);
// The id under `key` of the body's context, made up if there is none.
Result<std::string> druid_query_id(const JsonValue& body, const char* key);
// `timeout` of the body's context, if it has one.
Status read_druid_timeout(const JsonValue& body, Limits& limits);
// What the body's context says of cubes and caches.
Status read_druid_switches(const JsonValue& body, SqlRequest& request);

}  // namespace freshet
