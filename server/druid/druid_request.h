// The body of POST /druid/v2/sql.
#pragma once

#include <string_view>

#include "server/druid/druid_result.h"
#include "server/sql/sql.h"

namespace freshet {

struct DruidSqlRequest {
  SqlRequest sql;  // with an id, made up if the body has none
  DruidResultShape shape;
};

// Unknown members and unknown context keys are ignored, as Druid does.
// kInvalid names what is wrong with the body.
Result<DruidSqlRequest> parse_druid_request(std::string_view content_type,
                                            std::string_view body);

}  // namespace freshet
