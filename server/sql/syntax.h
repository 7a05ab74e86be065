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
#include "server/query/window.h"
#include "server/sql/calendar_unit.h"

namespace freshet {

struct SelectStatement;
using SelectPtr = std::shared_ptr<const SelectStatement>;
struct SqlExpression;
using SqlPtr = std::shared_ptr<const SqlExpression>;

struct SortItem {
  SqlPtr expression;
  bool descending = false;
  std::optional<bool> nulls_first;
};

// OVER (...); the name of a WINDOW clause is already resolved.
struct SqlWindow {
  std::vector<SqlPtr> partition_by;
  std::vector<SortItem> order_by;
  WindowFrame frame;
};

struct SqlExpression {
  enum class Kind : uint8_t {
    kColumn,     // [qualifier.]name
    kStar,       // * or qualifier.*
    kLiteral,    // literal
    kInterval,   // span
    kParameter,  // $parameter, from 1
    kCall,       // name(arguments) or an operator, named as in Expression
    kCast,       // arguments[0] as type_name(scale); null if it cannot be
                 // and the name is "try_cast"
    kSubquery,   // (SELECT ...) as a value; arguments[0] IN (SELECT ...);
                 // (several arguments: of a row); EXISTS (SELECT ...) if
                 // the name is "exists"
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
  std::shared_ptr<const SqlWindow> over;
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

struct FromItem;
using FromPtr = std::shared_ptr<const FromItem>;

enum class JoinType : uint8_t { kInner, kLeft, kRight, kFull };

struct FromItem {
  enum class Kind : uint8_t { kNothing, kTable, kSubquery, kAppend, kJoin };
  Kind kind = Kind::kNothing;
  std::string schema, table, alias;
  // kTable: what is grouped are the cells of this KPI, see Relation; or empty.
  std::string kpi;
  std::vector<std::string> column_names;  // after the alias, or empty
  SelectPtr subquery;
  std::vector<std::string> appended;  // kAppend: tables, one after the other
  // kJoin: `condition` is null for a cross join; USING in `shared`.
  JoinType join = JoinType::kInner;
  FromPtr left, right;
  SqlPtr condition;
  std::vector<std::string> shared;
  int line = 0, column = 0;
};

enum class SetOperation : uint8_t { kUnionAll, kUnion, kIntersect, kExcept };

struct CommonTable {
  std::string name;
  std::vector<std::string> column_names;  // or empty
  SelectPtr select;
};

struct SelectStatement {
  std::vector<CommonTable> with;
  // If any, items .. having are empty; more than two only for kUnionAll.
  std::vector<SelectPtr> parts;
  SetOperation operation = SetOperation::kUnionAll;
  std::vector<std::vector<SqlPtr>> values;  // VALUES (...), ...; alone
  bool distinct = false;
  std::vector<SelectItem> items;
  FromItem from;
  SqlPtr where;
  std::vector<SqlPtr> group_by;
  // Of GROUPING SETS, ROLLUP and CUBE: `group_by` has all their keys, each
  // once, and these are positions in it. Empty: all keys, as one set.
  std::vector<std::vector<size_t>> grouping_sets;
  SqlPtr having;
  std::vector<SortItem> order_by;
  SqlPtr limit, offset;  // null: none
};

}  // namespace freshet
