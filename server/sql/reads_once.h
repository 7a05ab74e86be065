// Whether a statement reads at most one table, by at most one query.
#pragma once

#include "server/sql/syntax.h"

namespace freshet {

bool reads_once(const SelectStatement& statement);

}  // namespace freshet
