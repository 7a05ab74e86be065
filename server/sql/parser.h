// SQL text -> our syntax tree. libpg_query is named only in parser.cc.
// Thread-safe. Never crashes on any bytes: text above the statement's limits or
// nested too deeply is kLimit, anything but one SELECT is kInvalid or
// kUnsupported.
#pragma once

#include <string_view>
#include <vector>

#include "server/query/limits.h"
#include "server/sql/rewrite.h"
#include "server/sql/syntax.h"

namespace freshet {

struct ParsedSql {
  SelectPtr select;
  Explain explain = Explain::kNone;
  std::vector<Setting> settings;
};

Result<ParsedSql> parse_sql(std::string_view text, const Limits& limits = {});

// One scalar expression: of a KPI formula, or as in a query (kExpression).
Result<SqlPtr> parse_sql_expression(std::string_view text,
                                    SqlDialect dialect = SqlDialect::kFormula);

}  // namespace freshet
