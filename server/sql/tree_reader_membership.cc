// Membership in libpg_query's tree: IN, ANY and ALL, over lists, arrays, rows
// and sub-queries.
#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <string>

#include "server/sql/syntax_node.h"
#include "server/sql/tree_access.h"
#include "server/sql/tree_reader.h"

namespace freshet {
namespace {

using Kind = SqlExpression::Kind;
using Rows = std::vector<std::vector<SqlPtr>>;

// Each member nests the tests of a row by two.
constexpr size_t kMostMembers = 16;

Error at_node(ErrorCode code, std::string what, const SqlExpression& node) {
  return Error{code, std::move(what), node.line, node.column};
}

// The members of a row, which are as many as `like` has.
Result<std::vector<SqlPtr>> members(const SqlExpression& node,
                                    const SqlExpression& like) {
  if (is_call_of(node, "row") &&
      node.arguments.size() == like.arguments.size()) {
    return node.arguments;
  }
  return at_node(ErrorCode::kInvalid,
                 fmt::format("expected a row of {} values, as on the left",
                             like.arguments.size()),
                 node);
}

// Rows by their first members, equal constants together.
std::map<std::string, Rows> by_first(const Rows& rows, size_t member) {
  std::map<std::string, Rows> out;
  for (const auto& row : rows) {
    const SqlExpression& first = *row[member];
    std::string key =
        first.kind == Kind::kLiteral
            ? fmt::format("{} {}", static_cast<int>(first.literal.type()),
                          first.literal.to_text())
            : fmt::format("@{}", out.size());
    out[key].push_back(row);
  }
  return out;
}

}  // namespace

Result<SqlPtr> TreeReader::in_or_between(const JsonValue& node,
                                         SqlExpression made) const {
  const JsonValue* left = node.find("lexpr");
  const JsonValue* right = node.find("rexpr");
  const JsonValue* values = right ? right->find("List") : nullptr;
  if (left == nullptr || values == nullptr) {
    return unsupported(node, "this list is");
  }
  TRY_ASSIGN(SqlPtr subject, expression(*left));
  TRY_ASSIGN(Arguments args, list(values->find("items")));
  args.insert(args.begin(), std::move(subject));
  std::string_view kind = tree_string(node, "kind");
  if (kind.ends_with("_SYM")) {
    // The ends in either order.
    SqlPtr low = call_of(made, "between", args);
    std::swap(args[1], args[2]);
    SqlPtr high = call_of(made, "between", args);
    SqlPtr either = call_of(made, "or", {low, high});
    return kind.starts_with("AEXPR_NOT") ? call_of(made, "not", {either})
                                         : either;
  }
  bool in = kind == "AEXPR_IN";
  const bool row = in && is_call_of(*args[0], "row");
  const JsonArray& name_list = tree_array(node, "name");
  bool negated = in ? !name_list.empty() && tree_name(name_list[0]) == "<>"
                    : kind == "AEXPR_NOT_BETWEEN";
  SqlPtr call;
  if (row) {
    TRY_ASSIGN(call, row_in(made, args));
  } else {
    call = call_of(made, in ? "in" : "between", std::move(args));
  }
  return negated ? call_of(made, "not", {call}) : call;
}

// (a, b) IN ((1, 2), ...), as a = 1 AND b IN (2, ...) OR ...
Result<SqlPtr> TreeReader::row_in(const SqlExpression& made,
                                  const Arguments& args) const {
  Rows rows;
  for (size_t i = 1; i < args.size(); ++i) {
    TRY_ASSIGN(Arguments row, members(*args[i], *args[0]));
    rows.push_back(std::move(row));
  }
  return any_row(made, args[0]->arguments, rows, 0);
}

// Whether the members from `member` on equal those of one of the rows.
SqlPtr TreeReader::any_row(const SqlExpression& made, const Arguments& subject,
                           const std::vector<Arguments>& rows,
                           size_t member) const {
  if (member + 1 == subject.size()) {
    Arguments values = {subject[member]};
    for (const Arguments& row : rows) values.push_back(row[member]);
    return call_of(made, "in", std::move(values));
  }
  Arguments either;
  for (const auto& [key, same] : by_first(rows, member)) {
    SqlPtr first = call_of(made, "=", {subject[member], same[0][member]});
    SqlPtr rest = any_row(made, subject, same, member + 1);
    either.push_back(call_of(made, "and", {std::move(first), std::move(rest)}));
  }
  return either.size() == 1 ? either[0]
                            : call_of(made, "or", std::move(either));
}

// (a, b) = (1, 2), and with the other tests for equality.
Result<SqlPtr> TreeReader::rows_equal(SqlExpression made, std::string_view op,
                                      const Arguments& args) const {
  TRY_ASSIGN(Arguments right, members(*args[1], *args[0]));
  const bool nulls = op.ends_with("distinct_from");
  Arguments both;
  for (size_t i = 0; i < right.size(); ++i) {
    both.push_back(call_of(made, nulls ? "is_not_distinct_from" : "=",
                           {args[0]->arguments[i], right[i]}));
  }
  SqlPtr equal =
      both.size() == 1 ? both[0] : call_of(made, "and", std::move(both));
  bool negated = op == "<>" || op == "is_distinct_from";
  return negated ? call_of(made, "not", {equal}) : equal;
}

Result<SqlPtr> TreeReader::row(const JsonValue& node) const {
  TRY_ASSIGN(SqlPtr made, variadic(node, "row"));
  size_t members = made->arguments.size();
  if (members >= 1 && members <= kMostMembers) return made;
  return at_node(
      ErrorCode::kInvalid,
      fmt::format("a row has 1 to {} members, not {}", kMostMembers, members),
      *made);
}

Result<SqlPtr> TreeReader::array(const JsonValue& node) const {
  TRY_ASSIGN(Arguments elements, list(node.find("elements")));
  return call_of(at(node, Kind::kCall), "array", std::move(elements));
}

// x = ANY (ARRAY[...]), x > ALL (ARRAY[...])
Result<SqlPtr> TreeReader::with_elements(SqlExpression made,
                                         const std::string& op,
                                         const Arguments& args,
                                         bool all) const {
  if (!is_call_of(*args[1], "array")) {
    return Error{ErrorCode::kUnsupported,
                 "ANY and ALL take ARRAY[...] or a sub-query", args[1]->line,
                 args[1]->column};
  }
  const Arguments& elements = args[1]->arguments;
  if (elements.empty()) {
    made.literal = Value(all);
    made.kind = Kind::kLiteral;
    return SqlPtr(std::make_shared<SqlExpression>(std::move(made)));
  }
  if ((op == "=" && !all) || (op == "<>" && all)) {
    Arguments in = elements;
    in.insert(in.begin(), args[0]);
    SqlPtr call = call_of(made, "in", std::move(in));
    return all ? call_of(made, "not", {call}) : call;
  }
  static constexpr std::string_view kComparisons[] = {"=",  "<>", "<",
                                                      "<=", ">",  ">="};
  if (std::find(std::begin(kComparisons), std::end(kComparisons), op) ==
      std::end(kComparisons)) {
    return Error{ErrorCode::kUnsupported,
                 fmt::format("not supported with ANY or ALL: {}", op),
                 made.line, made.column};
  }
  Arguments tests;
  for (const SqlPtr& element : elements) {
    tests.push_back(call_of(made, op, {args[0], element}));
  }
  if (tests.size() == 1) return tests[0];
  return call_of(made, all ? "and" : "or", std::move(tests));
}

// EXISTS (...), (SELECT ...), x IN (...), x = ANY (...), x <> ALL (...); the
// subject of the last three may be a row.
Result<SqlPtr> TreeReader::sublink(const JsonValue& node) const {
  std::string_view type = tree_string(node, "subLinkType");
  const JsonValue* query = node.find("subselect");
  const JsonValue* statement = query ? query->find("SelectStmt") : nullptr;
  const JsonArray& names = tree_array(node, "operName");
  std::string op(names.empty() ? "=" : tree_name(names.back()));
  const bool any = type == "ANY_SUBLINK", all = type == "ALL_SUBLINK";
  const bool exists = type == "EXISTS_SUBLINK";
  if ((any && op != "=") || (all && op != "<>")) {
    return unsupported(
        node, fmt::format("{} {} over a sub-query (compare with its MIN or "
                          "MAX instead) is",
                          op, any ? "ANY" : "ALL"));
  }
  if (statement == nullptr ||
      (type != "EXPR_SUBLINK" && !any && !all && !exists)) {
    return unsupported(node, "this form of sub-query is");
  }
  SqlExpression made = at(node, Kind::kSubquery);
  const SqlExpression place = made;
  if (exists) made.name = "exists";
  TRY_ASSIGN(made.subquery, select(*statement));
  if (any || all) {
    const JsonValue* subject = node.find("testexpr");
    if (subject == nullptr) return unsupported(node, "this IN is");
    TRY_ASSIGN(SqlPtr left, expression(*subject));
    made.arguments = {left};
    if (is_call_of(*left, "row")) made.arguments = left->arguments;
  }
  SqlPtr out = std::make_shared<SqlExpression>(std::move(made));
  return all ? call_of(place, "not", {out}) : out;
}

}  // namespace freshet
