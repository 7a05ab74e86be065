#pragma once

#include <string>

#include "server/query/query.h"

namespace freshet {

// The query as a JSON object, for EXPLAIN PLAN FOR.
std::string plan_text(const Query& query);
// Druid's RESOURCES column: the datasets read.
std::string resource_text(const Query& query);

}  // namespace freshet
