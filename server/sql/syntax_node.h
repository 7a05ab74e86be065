// Nodes of the syntax tree that stand for others, at the place of those.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/sql/syntax.h"

namespace freshet {

// Whether it is a call of this function, in lower case.
bool is_call_of(const SqlExpression& node, std::string_view name);

SqlPtr sql_call(const SqlExpression& place, std::string name,
                std::vector<SqlPtr> arguments);
SqlPtr sql_column(const SqlExpression& place, std::string name);
SqlPtr sql_literal(const SqlExpression& place, Value value);

}  // namespace freshet
