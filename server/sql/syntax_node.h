// Nodes of the syntax tree that stand for others, at the place of those.
#pragma once

#include <functional>
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

// Its arguments, its FILTER and the keys of its window.
std::vector<SqlPtr> sql_parts(const SqlExpression& node);
// A copy with `change` of each of them in their places.
Result<SqlPtr> with_parts(
    const SqlExpression& node,
    const std::function<Result<SqlPtr>(const SqlPtr&)>& change);

}  // namespace freshet
