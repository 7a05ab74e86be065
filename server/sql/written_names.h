// Names of the engine in messages, as the user wrote them.
#pragma once

#include <string>
#include <string_view>

#include "server/sql/relation.h"

namespace freshet {

// `message` with the outputs of `query` that the planner named ("a0", "g1"),
// and the columns of a computed relation, as what they stand for.
std::string with_written_names(std::string_view message, const Query& query,
                               const Relation& relation);

}  // namespace freshet
