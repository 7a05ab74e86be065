// A number as it is written in SQL.
#pragma once

#include <string>

#include "server/query/expression.h"

namespace freshet {

// Exact where it can be: a long, else a decimal, else a double.
// REQUIRES: `text` is a number.
Value number_literal(const std::string& text);

}  // namespace freshet
