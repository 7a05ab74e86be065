// One SELECT over one relation -> the one Query type.
#pragma once

#include <string>
#include <vector>

#include "server/query/query.h"
#include "server/sql/relation.h"
#include "server/sql/syntax.h"
#include "server/sql/translator.h"

namespace freshet {

struct PlannedQuery {
  Query query;
  // Of the first names.size() outputs; the rest only order the rows.
  std::vector<std::string> names;
};

// `scope` has everything but the columns, which are the relation's.
// `set`: one of the statement's grouping sets; ORDER BY names the same
// positions of the outputs in each. REQUIRES: no parts, values or windows.
Result<PlannedQuery> plan_select(const SelectStatement& statement,
                                 const Relation& relation,
                                 TranslationScope scope,
                                 std::optional<size_t> set = std::nullopt);

}  // namespace freshet
