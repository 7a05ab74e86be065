// FROM of libpg_query's tree: tables, sub-queries, joins.
#include "server/sql/syntax_node.h"
#include "server/sql/tree_access.h"
#include "server/sql/tree_reader.h"

namespace freshet {
namespace {

FromPtr shared(FromItem item) {
  return std::make_shared<const FromItem>(std::move(item));
}

}  // namespace

// A list is a cross join.
Result<FromItem> TreeReader::from_list(const JsonArray& list) const {
  FromItem out;
  for (size_t i = 0; i < list.size(); ++i) {
    TRY_ASSIGN(FromItem next, from(list[i]));
    if (i == 0) {
      out = std::move(next);
      continue;
    }
    FromItem both;
    both.kind = FromItem::Kind::kJoin;
    both.line = next.line;
    both.column = next.column;
    both.left = shared(std::move(out));
    both.right = shared(std::move(next));
    out = std::move(both);
  }
  return out;
}

Result<FromItem> TreeReader::join(const JsonValue& node) const {
  FromItem out;
  out.kind = FromItem::Kind::kJoin;
  std::string_view type = tree_string(node, "jointype");
  if (type == "JOIN_LEFT") {
    out.join = JoinType::kLeft;
  } else if (type == "JOIN_RIGHT") {
    out.join = JoinType::kRight;
  } else if (type == "JOIN_FULL") {
    out.join = JoinType::kFull;
  } else if (type != "JOIN_INNER") {
    return unsupported(node, "this join is");
  }
  const JsonValue *left = node.find("larg"), *right = node.find("rarg");
  if (left == nullptr || right == nullptr || node.find("alias")) {
    return unsupported(node, "this join is");
  }
  TRY_ASSIGN(FromItem a, from(*left));
  TRY_ASSIGN(FromItem b, from(*right));
  out.line = b.line;
  out.column = b.column;
  out.left = shared(std::move(a));
  out.right = shared(std::move(b));
  if (tree_bool(node, "isNatural")) {
    return Error{ErrorCode::kUnsupported, "NATURAL JOIN is not supported",
                 out.line, out.column};
  }
  for (const JsonValue& name : tree_array(node, "usingClause")) {
    out.shared.emplace_back(tree_name(name));
  }
  if (const JsonValue* condition = node.find("quals")) {
    TRY_ASSIGN(out.condition, expression(*condition));
  }
  return out;
}

Status TreeReader::read_alias(const JsonValue& place, FromItem& out) const {
  const JsonValue* alias = place.find("alias");
  if (alias == nullptr) return {};
  out.alias = tree_string(*alias, "aliasname");
  for (const JsonValue& name : tree_array(*alias, "colnames")) {
    out.column_names.push_back(spelling(tree_name(name)));
  }
  return {};
}

// UNNEST(ARRAY[...]) and APPEND('a', 'b').
Result<FromItem> TreeReader::table_function(const JsonValue& node) const {
  const JsonArray& functions = tree_array(node, "functions");
  const JsonValue* pair =
      functions.size() == 1 ? functions[0].find("List") : nullptr;
  const JsonValue* items = pair ? pair->find("items") : nullptr;
  if (items == nullptr || items->as_array() == nullptr ||
      items->as_array()->empty() || tree_bool(node, "ordinality")) {
    return unsupported(node, "this form of FROM is");
  }
  TRY_ASSIGN(SqlPtr call, expression((*items->as_array())[0]));
  FromItem out;
  out.line = call->line;
  out.column = call->column;
  TRY(read_alias(node, out));
  if (is_call_of(*call, "unnest")) {
    TRY(unnest(*call, out));
  } else if (is_call_of(*call, "append")) {
    TRY(append(*call, out));
  } else {
    return Error{ErrorCode::kUnsupported,
                 "a function in FROM is UNNEST(ARRAY[...]) or "
                 "TABLE(APPEND('a', 'b')), not: " +
                     call->name,
                 call->line, call->column};
  }
  return out;
}

// Rows of one column, which an alias without columns names too.
Status TreeReader::unnest(const SqlExpression& call, FromItem& out) const {
  bool array = call.arguments.size() == 1 &&
               is_call_of(*call.arguments[0], "array") &&
               !call.arguments[0]->arguments.empty();
  if (!array) {
    return Error{ErrorCode::kUnsupported,
                 "UNNEST takes ARRAY[...] with constants: columns have one "
                 "value",
                 call.line, call.column};
  }
  auto rows = std::make_shared<SelectStatement>();
  for (const SqlPtr& element : call.arguments[0]->arguments) {
    rows->values.push_back({element});
  }
  out.kind = FromItem::Kind::kSubquery;
  out.subquery = std::move(rows);
  if (out.column_names.empty() && !out.alias.empty()) {
    out.column_names = {out.alias};
  }
  return {};
}

Status TreeReader::append(const SqlExpression& call, FromItem& out) const {
  out.kind = FromItem::Kind::kAppend;
  for (const SqlPtr& argument : call.arguments) {
    const std::string* name = argument->literal.as_string();
    if (name == nullptr) {
      return Error{ErrorCode::kInvalid, "APPEND takes names of tables as texts",
                   argument->line, argument->column};
    }
    out.appended.push_back(*name);
  }
  if (!out.appended.empty()) return {};
  return Error{ErrorCode::kInvalid, "APPEND needs a table", call.line,
               call.column};
}

Result<FromItem> TreeReader::from(const JsonValue& node) const {
  if (const JsonValue* content = node.find("JoinExpr")) return join(*content);
  if (const JsonValue* content = node.find("RangeFunction")) {
    return table_function(*content);
  }
  FromItem out;
  const JsonValue* table = node.find("RangeVar");
  const JsonValue* query = node.find("RangeSubselect");
  if (table == nullptr && query == nullptr) {
    return unsupported(node, "this form of FROM is");
  }
  const JsonValue& place = table ? *table : *query;
  SqlExpression located = at(place, SqlExpression::Kind::kColumn);
  out.line = located.line;
  out.column = located.column;
  TRY(read_alias(place, out));
  if (query) {
    out.kind = FromItem::Kind::kSubquery;
    const JsonValue* inner = query->find("subquery");
    const JsonValue* statement = inner ? inner->find("SelectStmt") : nullptr;
    if (statement == nullptr) return unsupported(*query, "this sub-query is");
    TRY_ASSIGN(out.subquery, select(*statement));
    return out;
  }
  out.kind = FromItem::Kind::kTable;
  std::vector<std::string> names = names_at(*table);
  if (names.empty() || names.size() > 2) {
    return unsupported(*table, "a table name of this form is");
  }
  out.table = names.back();
  if (names.size() == 2) out.schema = names[0];
  return out;
}

}  // namespace freshet
