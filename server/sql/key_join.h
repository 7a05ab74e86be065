// A dataset joined to tables by keys that are unique in them.
#pragma once

#include <optional>

#include "server/sql/joiner.h"

namespace freshet {

// The dataset with the other tables' columns as values by key, and with a
// filter for inner joins; nothing where the joins are of another form.
// REQUIRES: the tests of the first table are left to the caller.
Result<std::optional<Relation>> join_by_keys(JoinTree& tree,
                                             const JoinContext& context);

}  // namespace freshet
