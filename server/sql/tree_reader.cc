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

std::string TreeReader::spelling(std::string_view folded) const {
  for (const Token& token : sql_.tokens) {
    if (folds_to(token, folded)) return token.identifier();
  }
  return std::string(folded);
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
  const JsonArray* outer = windows_;
  if (tree_string(node, "op") != "SETOP_NONE") {
    TRY(read_parts(node, *out));
  } else {
    windows_ = &tree_array(node, "windowClause");
    TRY(read_select_core(node, *out));
  }
  TRY(read_tail(node, *out));
  windows_ = outer;
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
    if (inner == nullptr) return unsupported(*with, "this form of WITH is");
    CommonTable table;
    table.name = tree_string(*cte, "ctename");
    for (const JsonValue& name : tree_array(*cte, "aliascolnames")) {
      table.column_names.push_back(spelling(tree_name(name)));
    }
    TRY_ASSIGN(table.select, select(*inner));
    out.with.push_back(std::move(table));
  }
  return {};
}

Status TreeReader::read_parts(const JsonValue& node,
                              SelectStatement& out) const {
  std::string_view op = tree_string(node, "op");
  bool all = tree_bool(node, "all");
  if (op == "SETOP_UNION") {
    out.operation = all ? SetOperation::kUnionAll : SetOperation::kUnion;
  } else if (all) {
    return unsupported(node, "INTERSECT ALL and EXCEPT ALL are");
  } else {
    out.operation =
        op == "SETOP_EXCEPT" ? SetOperation::kExcept : SetOperation::kIntersect;
  }
  for (const char* side : {"larg", "rarg"}) {
    const JsonValue* argument = node.find(side);
    if (argument == nullptr) return unsupported(node, "this UNION is");
    TRY_ASSIGN(SelectPtr made, select(*argument));
    // a UNION ALL b UNION ALL c parses as (a, b), c: keep one flat list.
    bool plain = !made->parts.empty() && made->operation == out.operation &&
                 out.operation == SetOperation::kUnionAll &&
                 made->order_by.empty() && !made->limit && !made->offset &&
                 made->with.empty();
    if (plain) {
      out.parts.insert(out.parts.end(), made->parts.begin(), made->parts.end());
    } else {
      out.parts.push_back(std::move(made));
    }
  }
  return {};
}

Status TreeReader::read_values(const JsonArray& lists,
                               SelectStatement& out) const {
  for (const JsonValue& entry : lists) {
    const JsonValue* content = entry.find("List");
    if (content == nullptr) return unsupported(entry, "this VALUES is");
    TRY_ASSIGN(Arguments row, list(content->find("items")));
    out.values.push_back(std::move(row));
  }
  return {};
}

Status TreeReader::read_items(const JsonValue& node,
                              SelectStatement& out) const {
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
  return {};
}

Status TreeReader::read_select_core(const JsonValue& node,
                                    SelectStatement& out) const {
  const JsonArray& lists = tree_array(node, "valuesLists");
  if (!lists.empty()) return read_values(lists, out);
  if (node.find("intoClause")) return unsupported(node, "INTO is");
  if (!tree_array(node, "lockingClause").empty()) {
    return unsupported(node, "FOR UPDATE is");
  }
  TRY(read_items(node, out));
  TRY_ASSIGN(out.from, from_list(tree_array(node, "fromClause")));
  if (const JsonValue* where = node.find("whereClause")) {
    TRY_ASSIGN(out.where, expression(*where));
  }
  TRY(read_groups(node, out));
  if (const JsonValue* having = node.find("havingClause")) {
    TRY_ASSIGN(out.having, expression(*having));
  }
  return {};
}

Result<std::vector<SortItem>> TreeReader::sort_items(
    const JsonArray& list) const {
  std::vector<SortItem> out;
  for (const JsonValue& entry : list) {
    const JsonValue* sort = entry.find("SortBy");
    if (sort == nullptr) return unsupported(entry, "this ORDER BY is");
    TRY_ASSIGN(SortItem made, sort_item(*sort));
    out.push_back(std::move(made));
  }
  return out;
}

Status TreeReader::read_tail(const JsonValue& node,
                             SelectStatement& out) const {
  TRY_ASSIGN(out.order_by, sort_items(tree_array(node, "sortClause")));
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

}  // namespace freshet
