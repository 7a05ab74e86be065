// Statements; expressions are in tree_reader_expression.cc.
#include "server/sql/tree_reader.h"

#include <absl/strings/ascii.h>
#include <fmt/core.h>

#include <algorithm>

#include "server/sql/letters.h"
#include "server/sql/tree_access.h"

namespace freshet {
namespace {

constexpr size_t kPostgresNameBytes = 63;

// As PostgreSQL folds an unquoted name.
bool folds_to(const Token& token, std::string_view folded) {
  std::string name = token.identifier();
  if (token.kind == Token::Kind::kQuoted) {
    return name.substr(0, kPostgresNameBytes).starts_with(folded) &&
           !folded.empty();
  }
  if (token.kind != Token::Kind::kWord) return false;
  std::string lower = to_lower(name);
  return lower == folded ||
         (lower.size() > kPostgresNameBytes && lower.starts_with(folded) &&
          folded.size() > kPostgresNameBytes - 4);
}

}  // namespace

Error TreeReader::unsupported(const JsonValue& node, std::string what) const {
  size_t offset = static_cast<size_t>(tree_int(node, "location"));
  return error_at(ErrorCode::kUnsupported, std::move(what) + " not supported",
                  sql_.original, sql_.original_offset(offset));
}

std::vector<std::string> TreeReader::names_at(const JsonValue& node) const {
  std::vector<std::string> names;
  size_t i = sql_.token_at(static_cast<size_t>(tree_int(node, "location")));
  const auto& tokens = sql_.tokens;
  while (i < tokens.size() && (tokens[i].kind == Token::Kind::kWord ||
                               tokens[i].kind == Token::Kind::kQuoted)) {
    names.push_back(tokens[i].identifier());
    if (i + 1 >= tokens.size() || !tokens[i + 1].is_symbol(".")) break;
    i += 2;
  }
  return names;
}

std::string TreeReader::alias_spelling(const JsonValue& target,
                                       std::string_view folded) const {
  const auto& tokens = sql_.tokens;
  int depth = 0;
  for (size_t i =
           sql_.token_at(static_cast<size_t>(tree_int(target, "location")));
       i < tokens.size() && depth >= 0; ++i) {
    if (tokens[i].is_symbol("(") || tokens[i].is_symbol("[")) ++depth;
    if (tokens[i].is_symbol(")") || tokens[i].is_symbol("]")) --depth;
    if (depth != 0 || !folds_to(tokens[i], folded)) continue;
    // The alias is the last token of its item.
    static constexpr std::string_view kAfter[] = {
        "from",  "where",  "group", "having", "order",     "limit",
        "union", "offset", "fetch", "except", "intersect", "window"};
    bool ends = i + 1 == tokens.size() || tokens[i + 1].is_symbol(",") ||
                tokens[i + 1].is_symbol(")") || tokens[i + 1].is_symbol(";") ||
                std::any_of(std::begin(kAfter), std::end(kAfter),
                            [&](auto w) { return tokens[i + 1].is_word(w); });
    if (ends) return tokens[i].identifier();
  }
  return std::string(folded);
}

Result<SelectPtr> TreeReader::select(const JsonValue& node) const {
  auto out = std::make_shared<SelectStatement>();
  TRY(read_with(node, *out));
  if (tree_string(node, "op") != "SETOP_NONE") {
    TRY(read_union(node, *out));
  } else {
    TRY(read_select_core(node, *out));
  }
  TRY(read_tail(node, *out));
  return SelectPtr(out);
}

Status TreeReader::read_with(const JsonValue& node,
                             SelectStatement& out) const {
  const JsonValue* with = node.find("withClause");
  if (with == nullptr) return {};
  if (tree_bool(*with, "recursive")) {
    return unsupported(*with, "WITH RECURSIVE is");
  }
  for (const JsonValue& entry : tree_array(*with, "ctes")) {
    const JsonValue* cte = entry.find("CommonTableExpr");
    const JsonValue* query = cte ? cte->find("ctequery") : nullptr;
    const JsonValue* inner = query ? query->find("SelectStmt") : nullptr;
    if (inner == nullptr || !tree_array(*cte, "aliascolnames").empty()) {
      return unsupported(*with, "this form of WITH is");
    }
    TRY_ASSIGN(SelectPtr made, select(*inner));
    out.with.emplace_back(std::string(tree_string(*cte, "ctename")), made);
  }
  return {};
}

Status TreeReader::read_union(const JsonValue& node,
                              SelectStatement& out) const {
  if (tree_string(node, "op") != "SETOP_UNION" || !tree_bool(node, "all")) {
    return unsupported(node, "set operations other than UNION ALL are");
  }
  for (const char* side : {"larg", "rarg"}) {
    const JsonValue* argument = node.find(side);
    if (argument == nullptr) return unsupported(node, "this UNION is");
    TRY_ASSIGN(SelectPtr made, select(*argument));
    // a UNION ALL b UNION ALL c parses as (a, b), c: keep one flat list.
    bool plain = !made->union_all.empty() && made->order_by.empty() &&
                 !made->limit && !made->offset && made->with.empty();
    if (plain) {
      out.union_all.insert(out.union_all.end(), made->union_all.begin(),
                           made->union_all.end());
    } else {
      out.union_all.push_back(std::move(made));
    }
  }
  return {};
}

Status TreeReader::read_select_core(const JsonValue& node,
                                    SelectStatement& out) const {
  if (!tree_array(node, "valuesLists").empty()) {
    return unsupported(node, "VALUES is");
  }
  if (node.find("intoClause")) return unsupported(node, "INTO is");
  if (!tree_array(node, "windowClause").empty()) {
    return unsupported(node, "WINDOW is");
  }
  if (!tree_array(node, "lockingClause").empty()) {
    return unsupported(node, "FOR UPDATE is");
  }
  const JsonArray& distinct = tree_array(node, "distinctClause");
  out.distinct = !distinct.empty();
  if (out.distinct && distinct[0].as_object() &&
      !distinct[0].as_object()->empty()) {
    return unsupported(node, "DISTINCT ON is");
  }
  for (const JsonValue& target : tree_array(node, "targetList")) {
    const JsonValue* content = target.find("ResTarget");
    if (content == nullptr) return unsupported(target, "this item is");
    TRY_ASSIGN(SelectItem made, item(*content));
    out.items.push_back(std::move(made));
  }
  const JsonArray& from_list = tree_array(node, "fromClause");
  if (from_list.size() > 1) {
    return unsupported(node, "a join of several tables is");
  }
  if (!from_list.empty()) {
    TRY_ASSIGN(out.from, from(from_list[0]));
  }
  if (const JsonValue* where = node.find("whereClause")) {
    TRY_ASSIGN(out.where, expression(*where));
  }
  TRY_ASSIGN(out.group_by, list(node.find("groupClause")));
  if (const JsonValue* having = node.find("havingClause")) {
    TRY_ASSIGN(out.having, expression(*having));
  }
  return {};
}

Status TreeReader::read_tail(const JsonValue& node,
                             SelectStatement& out) const {
  for (const JsonValue& entry : tree_array(node, "sortClause")) {
    const JsonValue* sort = entry.find("SortBy");
    if (sort == nullptr) return unsupported(entry, "this ORDER BY is");
    TRY_ASSIGN(SortItem made, sort_item(*sort));
    out.order_by.push_back(std::move(made));
  }
  if (tree_string(node, "limitOption") == "LIMIT_OPTION_WITH_TIES") {
    return unsupported(node, "WITH TIES is");
  }
  if (const JsonValue* limit = node.find("limitCount")) {
    TRY_ASSIGN(out.limit, expression(*limit));
  }
  if (const JsonValue* offset = node.find("limitOffset")) {
    TRY_ASSIGN(out.offset, expression(*offset));
  }
  return {};
}

Result<SelectItem> TreeReader::item(const JsonValue& target) const {
  SelectItem made;
  const JsonValue* value = target.find("val");
  if (value == nullptr) return unsupported(target, "this item is");
  TRY_ASSIGN(made.expression, expression(*value));
  std::string_view folded = tree_string(target, "name");
  if (!folded.empty()) made.alias = alias_spelling(target, folded);
  return made;
}

Result<SortItem> TreeReader::sort_item(const JsonValue& node) const {
  SortItem made;
  const JsonValue* key = node.find("node");
  if (key == nullptr) return unsupported(node, "this ORDER BY is");
  TRY_ASSIGN(made.expression, expression(*key));
  std::string_view direction = tree_string(node, "sortby_dir");
  if (direction == "SORTBY_USING") return unsupported(node, "USING is");
  made.descending = direction == "SORTBY_DESC";
  std::string_view nulls = tree_string(node, "sortby_nulls");
  if (nulls == "SORTBY_NULLS_FIRST") made.nulls_first = true;
  if (nulls == "SORTBY_NULLS_LAST") made.nulls_first = false;
  return made;
}

Result<FromItem> TreeReader::from(const JsonValue& node) const {
  FromItem out;
  const JsonValue* table = node.find("RangeVar");
  const JsonValue* query = node.find("RangeSubselect");
  if (table == nullptr && query == nullptr) {
    return unsupported(node, "only one table or sub-query in FROM; joins are");
  }
  const JsonValue& place = table ? *table : *query;
  SqlExpression located = at(place, SqlExpression::Kind::kColumn);
  out.line = located.line;
  out.column = located.column;
  if (const JsonValue* alias = place.find("alias")) {
    out.alias = tree_string(*alias, "aliasname");
    if (!tree_array(*alias, "colnames").empty()) {
      return unsupported(place, "column names after a table's alias are");
    }
  }
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
