#pragma once

#include <string>

#include "server/sql/planner.h"

namespace freshet {

// The query as a JSON object, for EXPLAIN PLAN FOR; "columns" has the names of
// the outputs that the user sees.
std::string plan_text(const PlannedQuery& planned);

}  // namespace freshet
