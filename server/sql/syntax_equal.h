// Whether two parts of a statement are written alike: names are compared
// without regard to case, places are not compared.
#pragma once

#include "server/sql/syntax.h"

namespace freshet {

bool same_syntax(const SqlExpression& a, const SqlExpression& b);

}  // namespace freshet
