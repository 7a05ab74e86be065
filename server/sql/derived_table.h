// Derived tables (sub-queries in FROM, WITH) that are not computed first: those
// that only filter rows and choose or compute columns of them.
#pragma once

#include "server/sql/planner.h"

namespace freshet {

// Whether each row of the answer is one of FROM, in no order of its own: what
// is over an ordered one without ORDER BY comes in its order.
bool only_maps(const SelectStatement& statement);

// What `map`, the plan of such a statement over `from`, leaves of `from`: its
// outputs as columns. Nothing is read for it.
Relation mapped_relation(Relation from, PlannedQuery map);

}  // namespace freshet
