// Expression: a typed scalar computation over the columns of a row. Built by
// the SQL planner (and from KPI formulas and filters), checked by resolve(),
// evaluated in batches by the engine. Immutable after resolve; shared freely.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "segments/schema.h"
#include "segments/time.h"
#include "server/query/value.h"

namespace freshet {

struct Expression;
using ExpressionPtr = std::shared_ptr<const Expression>;
class ValueSet;
struct ValueMap;

// Result type of an expression; `scale` for kDecimal only.
struct ExpressionType {
  ValueType type = ValueType::kNull;
  uint8_t scale = 0;
  bool operator==(const ExpressionType&) const = default;
};

struct Expression {
  enum class Kind : uint8_t {
    kColumn,   // name
    kLiteral,  // literal
    kCall,     // name(arguments): a function or operator, see below
  };
  Kind kind = Kind::kLiteral;
  // kColumn: column name, exact case. kCall: lower-case function name.
  // Operators are calls: "+","-","*","/","%","neg","=","<>","<","<=",">",">=",
  // "and","or","not","is_null","is_not_null","in" (first argument, then
  // literals),"between","like" (value, pattern[, escape]),"case" (cond1,
  // value1, ..., [else]),"cast" with cast_type, "coalesce","nullif",
  // "time_floor" (with granularity and zone), "concat","lower","upper",
  // "substring","length","abs","round","floor","ceil", ...
  std::string name;
  Value literal;
  std::vector<ExpressionPtr> arguments;
  // "in" once resolved, if all candidates are constants: they are here, and
  // `arguments` is the tested value alone.
  std::shared_ptr<const ValueSet> set;
  // "lookup_value", "lookup_has": by the value of the argument.
  std::shared_ptr<const ValueMap> map;
  ExpressionType cast_type;  // "cast"
  bool widens = false;      // "cast" to a common type: out of range is an error
  Granularity granularity;  // "time_floor"
  absl::TimeZone zone = absl::UTCTimeZone();  // "time_floor", casts of time
  ExpressionType type;                        // set by resolve
  int line = 0, column = 0;  // place in the SQL text, 1-based, or 0
};

ExpressionPtr column(std::string name);
ExpressionPtr literal(Value value);
ExpressionPtr call(std::string name, std::vector<ExpressionPtr> arguments);
// "and" or "or" of unresolved conditions. Its tests of a column with constants
// (x = 1 or x = 2, x <> 1 and x <> 2) become one "in" each.
ExpressionPtr connect(std::string name, std::vector<ExpressionPtr> conditions);

// Type-checks against `schema` and returns a copy with `type` filled in and
// column names in the schema's spelling (matched case-insensitively if no
// exact match). kInvalid names an unknown column or function with the nearest
// known name, or the operand types that do not fit.
Result<ExpressionPtr> resolve(const ExpressionPtr& expression,
                              const Schema& schema);

// All column names an expression reads, each once.
void collect_columns(const Expression& expression,
                     std::vector<std::string>& out);

// Canonical text: equal text means equal expression. Reads like SQL.
std::string to_text(const Expression& expression);

}  // namespace freshet
