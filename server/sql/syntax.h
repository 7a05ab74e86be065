// The syntax tree of a SELECT: what parser.cc makes of libpg_query's tree and
// what the planner reads. Names are spelled as written; functions are in lower
// case. Immutable once parsed.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/query/expression.h"
#include "server/sql/calendar_unit.h"

namespace freshet {

struct SelectStatement;
using SelectPtr = std::shared_ptr<const SelectStatement>;
struct SqlExpression;
using SqlPtr = std::shared_ptr<const SqlExpression>;

struct SqlExpression {
  enum class Kind : uint8_t {
    kColumn,     // [qualifier.]name
    kStar,       // * or qualifier.*
    kLiteral,    // literal
    kInterval,   // span
    kParameter,  // $parameter, from 1
    kCall,       // name(arguments) or an operator, named as in Expression
    kCast,       // arguments[0] as type_name(scale)
    kSubquery,   // (SELECT ...) as a value; arguments[0] IN (SELECT ...)
  };
  Kind kind = Kind::kLiteral;
  std::string name;
  std::string qualifier;
  Value literal;
  TimeSpan span;
  int parameter = 0;
  std::vector<SqlPtr> arguments;
  // Aggregates.
  bool star = false;      // count(*)
  bool distinct = false;  // f(DISTINCT x)
  SqlPtr filter;          // FILTER (WHERE ...)
  // Casts.
  std::string type_name;
  std::optional<int> scale;
  SelectPtr subquery;
  int line = 0, column = 0;  // in the original text, 1-based
};

struct SelectItem {
  SqlPtr expression;
  std::string alias;  // as written, or empty
};

struct FromItem {
  enum class Kind : uint8_t { kNothing, kTable, kSubquery };
  Kind kind = Kind::kNothing;
  std::string schema, table, alias;
  SelectPtr subquery;
  int line = 0, column = 0;
};

struct SortItem {
  SqlPtr expression;
  bool descending = false;
  std::optional<bool> nulls_first;
};

struct SelectStatement {
  std::vector<std::pair<std::string, SelectPtr>> with;
  std::vector<SelectPtr> union_all;  // if any, items .. having are empty
  bool distinct = false;
  std::vector<SelectItem> items;
  FromItem from;
  SqlPtr where;
  std::vector<SqlPtr> group_by;
  SqlPtr having;
  std::vector<SortItem> order_by;
  SqlPtr limit, offset;  // null: none
};

}  // namespace freshet
