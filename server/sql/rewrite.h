// Druid's (Calcite's) forms that PostgreSQL's grammar lacks, rewritten token
// by token into forms it has:
//   FLOOR(x TO HOUR), CEIL(x TO HOUR)  -> time_floor(x, 'PT1H'), time_ceil
//   TIMESTAMPADD(DAY, n, t), ..DIFF    -> timestampadd('DAY', n, t)
//   POSITION(a IN b FROM n)            -> "position"(a, b, n)
//   TRY_CAST(x AS t), SAFE_CAST        -> cast(x AS t)
//   INTERVAL '3' WEEK                  -> INTERVAL '3 WEEK'
//   FROM (SELECT ...), JOIN (SELECT ...) -> ... AS "sub-query0"
//   EXPLAIN PLAN FOR q                 -> q, and `explain`; EXPLAIN ANALYZE
//   SET key = value;                   -> nothing, and `settings`
//   ?                                  -> $1, $2, ...
// and in KPI formulas
//   last(x by k1, k2)                  -> "last by"(x, k1, k2)
//   distinct(x)                        -> "distinct"(x)
//   rolling(x, 7d)                     -> rolling(x, '7d')
//   [net_sales]                        -> "[net_sales]"
// A token is only replaced or dropped, never moved, so that a place in the
// rewritten text is a token and a token is a place in the original.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/sql/token.h"

namespace freshet {

enum class Explain : uint8_t { kNone, kPlan, kAnalyze };

// SET key = value, before the statement.
struct Setting {
  std::string key, value;  // without quotes
  int line = 0, column = 0;
};

struct RewrittenSql {
  std::string_view original;
  std::string text;             // for libpg_query
  std::vector<Token> tokens;    // of `original`
  std::vector<size_t> offsets;  // of each token in `text`; ascending
  std::vector<size_t> lines;    // where each line of `original` begins
  Explain explain = Explain::kNone;
  std::vector<Setting> settings;

  // The token at or before `offset` of `text`.
  size_t token_at(size_t offset) const;
  // Where the token at `offset` of `text` is in `original`.
  size_t original_offset(size_t offset) const;
  // Its line and column there, from 1.
  void place(size_t offset, int& line, int& column) const;
};

// A statement, or an expression alone: of a KPI formula, of a query.
enum class SqlDialect { kQuery, kFormula, kExpression };

// `original` must outlive the result. kInvalid as tokenize() does, and
// kLimit when the text is nested too deeply to be handed to the parser.
Result<RewrittenSql> rewrite(std::string_view original, SqlDialect dialect);

}  // namespace freshet
