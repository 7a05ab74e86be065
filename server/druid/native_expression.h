// The text of a native query's expressions, which becomes a part of SQL text.
#pragma once

#include <string>

#include "server/json/json_value.h"

namespace freshet {

// "expression" of a node, in parentheses. The one way of a request's own SQL
// into a statement: kInvalid, with the text, for all but one expression over
// the row (no comment, sub-query or parameter), so that nothing in it reaches
// beyond its parentheses or reads another table.
Result<std::string> native_expression(const JsonValue& node);

}  // namespace freshet
