// TABLE(APPEND('a', 'b')): the rows of several tables, columns by name. Only
// columns that are named in the statement are read, and each table's rows are
// filtered where they are, so that its indexes help.
#include <algorithm>
#include <optional>
#include <set>

#include "server/sql/executor.h"
#include "server/sql/letters.h"

namespace freshet {
namespace {

using Kind = SqlExpression::Kind;

// Names of columns in lower case; `any`: perhaps others too.
struct Uses {
  bool any = false;
  std::set<std::string> names;

  void add(const SqlPtr& node) {
    if (!node) return;
    any |= node->kind == Kind::kStar || node->kind == Kind::kSubquery;
    if (node->kind == Kind::kColumn) names.insert(to_lower(node->name));
    add(node->filter);
    for (const SqlPtr& argument : node->arguments) add(argument);
    if (!node->over) return;
    for (const SqlPtr& key : node->over->partition_by) add(key);
    for (const SortItem& sort : node->over->order_by) add(sort.expression);
  }
  bool has(const std::string& name) const {
    return any || names.contains(to_lower(name));
  }
};

Uses uses_of(const SelectStatement& statement) {
  Uses out;
  for (const SelectItem& item : statement.items) out.add(item.expression);
  for (const SqlPtr& key : statement.group_by) out.add(key);
  for (const SortItem& sort : statement.order_by) out.add(sort.expression);
  out.add(statement.where);
  out.add(statement.having);
  return out;
}

struct Part {
  FromItem table;
  Relation relation;

  const VisibleColumn* find(const std::string& name) const {
    for (const VisibleColumn& column : relation.columns) {
      if (!column.by_name && same_letters(column.name, name)) return &column;
    }
    return nullptr;
  }
  // As the table keeps it; nothing for what is computed.
  std::optional<ColumnType> type_of(const VisibleColumn& column) const {
    const Schema& schema = *relation.data.schema;
    auto at = schema.find(column.physical);
    if (column.computed || !at) return std::nullopt;
    return schema.columns[*at].type;
  }
};

// Whether a test of these columns means in the part what it means in all rows:
// the part has them, with the types that the others have.
bool means_the_same(const Uses& test, const Part& part,
                    const std::vector<Part>& all) {
  if (test.any) return false;
  return std::all_of(
      test.names.begin(), test.names.end(), [&](const std::string& name) {
        const VisibleColumn* own = part.find(name);
        auto type = own ? part.type_of(*own) : std::nullopt;
        return type && std::all_of(all.begin(), all.end(), [&](const Part& p) {
                 const VisibleColumn* other = p.find(name);
                 return !other || p.type_of(*other) == type;
               });
      });
}

SelectItem item_of(const std::string& name, bool known, const FromItem& from) {
  auto value = std::make_shared<SqlExpression>();  // null
  value->line = from.line;
  value->column = from.column;
  if (known) {
    value->kind = Kind::kColumn;
    value->name = name;
  }
  return {std::move(value), name};
}

}  // namespace

// A column that a table does not have is null in its rows.
Result<Relation> Executor::appended(const FromItem& from,
                                    const SelectStatement* over) {
  Uses uses, tests;
  uses.any = over == nullptr;
  if (over) {
    uses = uses_of(*over);
    tests.add(over->where);
  }
  std::vector<Part> parts;
  std::vector<std::string> names;
  for (const std::string& name : from.appended) {
    Part part;
    part.table.kind = FromItem::Kind::kTable;
    part.table.table = name;
    part.table.alias = from.alias;
    part.table.line = from.line;
    part.table.column = from.column;
    TRY_ASSIGN(part.relation, find_one(part.table));
    for (const VisibleColumn& column : part.relation.columns) {
      bool read = !column.by_name &&
                  (uses.has(column.name) || column.name == kTimeColumn);
      if (read &&
          std::find(names.begin(), names.end(), column.name) == names.end()) {
        names.push_back(column.name);
      }
    }
    parts.push_back(std::move(part));
  }
  SelectStatement together;
  for (const Part& part : parts) {
    auto rows = std::make_shared<SelectStatement>();
    rows->from = part.table;
    for (const std::string& name : names) {
      const VisibleColumn* own = part.find(name);
      rows->items.push_back(item_of(name, own && own->name == name, from));
    }
    if (over && means_the_same(tests, part, parts)) rows->where = over->where;
    together.parts.push_back(std::move(rows));
  }
  if (together.parts.size() == 1) return computed(*together.parts[0], from);
  return computed(together, from);
}

}  // namespace freshet
