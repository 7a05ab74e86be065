// Sub-queries as values: (SELECT ...), x IN (SELECT ...), EXISTS (SELECT ...).
// They are run before the query that they are in.
#include <fmt/core.h>

#include <algorithm>
#include <limits>
#include <map>

#include "server/query/row_key.h"
#include "server/query/value_map.h"
#include "server/sql/letters.h"
#include "server/sql/syntax_node.h"
#include "server/sql/translator.h"

namespace freshet {
namespace {

using Kind = SqlExpression::Kind;

// More than this become an index of keys in place of constants.
constexpr size_t kMostConstants = 10'000;
// More rows than this are for a join: each is a test of every row.
constexpr size_t kMostRowTests = 1'000;

void collect_names(const SqlExpression& node,
                   std::vector<const SqlExpression*>& out) {
  if (node.kind == Kind::kColumn) out.push_back(&node);
  if (node.filter) collect_names(*node.filter, out);
  for (const SqlPtr& argument : node.arguments) collect_names(*argument, out);
}

// What makes the row of EXISTS depend on more than the tests of its WHERE.
Status check_correlated(const SelectStatement& inner) {
  auto number = [](const SqlPtr& node) {
    return node->kind == Kind::kLiteral ? node->literal.as_long() : nullptr;
  };
  auto harmless = [&](const SqlPtr& node, int64_t least, int64_t most) {
    if (!node) return true;
    bool all = node->kind == Kind::kLiteral && node->literal.is_null();
    return all ||
           (number(node) && *number(node) >= least && *number(node) <= most);
  };
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  const bool limit = harmless(inner.limit, 1, kMost);
  if (!limit || !harmless(inner.offset, 0, 0)) {
    return sql_error(ErrorCode::kUnsupported,
                     "an EXISTS that reads the outer query takes no OFFSET and "
                     "no LIMIT but a number from 1",
                     limit ? *inner.offset : *inner.limit);
  }
  for (const SelectItem& item : inner.items) {
    if (!has_aggregate(*item.expression)) continue;
    return sql_error(ErrorCode::kUnsupported,
                     "EXISTS of an aggregate without GROUP BY always has a "
                     "row: select a column instead",
                     *item.expression);
  }
  return {};
}

bool names_table(const FromItem& from, std::string_view name) {
  if (from.kind == FromItem::Kind::kJoin) {
    return names_table(*from.left, name) || names_table(*from.right, name);
  }
  return same_letters(from.alias.empty() ? from.table : from.alias, name);
}

}  // namespace

Result<ExpressionPtr> Translator::translate_subquery(
    const SqlExpression& node) {
  if (!scope_.run) {
    return sql_error(ErrorCode::kInvalid, "no sub-query is allowed here", node);
  }
  if (node.name == "exists") return exists(node);
  return node.arguments.empty() ? single_value(node) : membership(node);
}

Result<ExpressionPtr> Translator::single_value(const SqlExpression& node) {
  TRY_ASSIGN(QueryResult result, scope_.run(*node.subquery));
  if (result.columns.size() != 1) {
    return sql_error(ErrorCode::kInvalid,
                     fmt::format("a sub-query used as a value has one column, "
                                 "this one has {}",
                                 result.columns.size()),
                     node);
  }
  if (result.rows.size() > 1) {
    return sql_error(ErrorCode::kInvalid,
                     "a sub-query used as a value gave several rows", node);
  }
  ExpressionType type = result.columns[0].type;
  Value value = result.rows.empty() ? Value() : result.rows[0][0];
  if (!value.is_null()) return made_literal(node, std::move(value));
  return made_cast(node, made_literal(node, Value()), type);
}

Result<ExpressionPtr> Translator::membership(const SqlExpression& node) {
  TRY_ASSIGN(QueryResult result, scope_.run(*node.subquery));
  const size_t members = node.arguments.size();
  if (result.columns.size() != members) {
    return sql_error(
        ErrorCode::kInvalid,
        members == 1
            ? fmt::format("the sub-query of IN has one column, this one has {}",
                          result.columns.size())
            : fmt::format("the sub-query of IN has {} columns as its row, this "
                          "one has {}",
                          members, result.columns.size()),
        node);
  }
  if (members > 1) return row_membership(node, result);
  TRY_ASSIGN(ExpressionPtr key, translate(*node.arguments[0]));
  return member_of(node, std::move(key), std::move(result));
}

// (a, b) IN of rows, as a = 1 AND b IN (2, ...) OR ... by all but the last.
Result<ExpressionPtr> Translator::row_membership(const SqlExpression& node,
                                                 const QueryResult& result) {
  if (result.rows.empty()) return made_literal(node, Value(false));
  if (result.rows.size() > kMostRowTests) {
    return sql_error(
        ErrorCode::kUnsupported,
        fmt::format("(a, b) IN takes {} rows of a sub-query at most (join it "
                    "instead), this one has {}",
                    kMostRowTests, result.rows.size()),
        node);
  }
  TRY_ASSIGN(Arguments row, translate_all(node));
  const size_t last = row.size() - 1;
  std::map<std::string, std::vector<const std::vector<Value>*>> groups;
  for (const auto& values : result.rows) {
    std::string key;
    for (size_t i = 0; i < last; ++i) append_key(key, values[i]);
    groups[key].push_back(&values);
  }
  Arguments either;
  for (const auto& [key, same] : groups) {
    Arguments all, in = {row[last]};
    for (size_t i = 0; i < last; ++i) {
      all.push_back(
          made_call(node, "=", {row[i], made_literal(node, (*same[0])[i])}));
    }
    for (const auto* values : same) {
      in.push_back(made_literal(node, (*values)[last]));
    }
    all.push_back(made_call(node, "in", std::move(in)));
    either.push_back(made_call(node, "and", std::move(all)));
  }
  if (either.size() == 1) return either[0];
  return made_call(node, "or", std::move(either));
}

// x IN of one column's rows: null where a null may have been equal.
Result<ExpressionPtr> Translator::member_of(const SqlExpression& node,
                                            ExpressionPtr key,
                                            QueryResult result) {
  if (result.rows.empty()) return made_literal(node, Value(false));
  std::vector<Value> values;
  values.reserve(result.rows.size());
  bool null = false;
  auto& rows = result.rows;
  TRY(in_runs(rows.size(), scope_.control, [&](size_t begin, size_t count) {
    for (auto& row : std::span(rows).subspan(begin, count)) {
      null |= row[0].is_null();
      values.push_back(std::move(row[0]));
    }
  }));
  if (values.size() <= kMostConstants) {
    Arguments arguments = {std::move(key)};
    for (Value& value : values) {
      arguments.push_back(made_literal(node, std::move(value)));
    }
    return made_call(node, "in", std::move(arguments));
  }
  auto map = std::make_shared<ValueMap>();
  TRY_ASSIGN(std::string contents, fingerprint(values, scope_.control));
  map->identity = "in@" + contents;
  TRY_ASSIGN(map->keys, KeyIndex::create(result.columns[0].type,
                                         std::move(values), scope_.control));
  map->type = {ValueType::kBool};
  auto has = made(node, Expression::Kind::kCall);
  has->name = "lookup_has";
  has->zone = absl::UTCTimeZone();
  has->map = std::move(map);
  has->arguments = {std::move(key)};
  if (!null) return ExpressionPtr(has);
  return made_call(
      node, "case",
      {ExpressionPtr(has), made_literal(node, Value(true)),
       made_cast(node, made_literal(node, Value()), {ValueType::kBool})});
}

bool Translator::is_outer(const SqlExpression& node,
                          const FromItem& inner) const {
  if (node.qualifier.empty() || names_table(inner, node.qualifier)) {
    return false;
  }
  if (same_letters(node.qualifier, scope_.table) ||
      same_letters(node.qualifier, scope_.alias)) {
    return true;
  }
  return scope_.columns &&
         std::any_of(scope_.columns->begin(), scope_.columns->end(),
                     [&](const VisibleColumn& c) {
                       return same_letters(c.qualifier, node.qualifier);
                     });
}

// By itself: whether it has a row. With one test inner.x = outer.y: y IN the
// x of the others' rows; nulls equal nothing and the answer is never null.
Result<ExpressionPtr> Translator::exists(const SqlExpression& node) {
  SelectStatement inner = *node.subquery;
  std::vector<SqlPtr> tests, kept;
  split_tests(inner.where, tests);
  SqlPtr own, outer;
  for (const SqlPtr& test : tests) {
    auto side_is_outer = [&](const SqlExpression& side) {
      std::vector<const SqlExpression*> names;
      collect_names(side, names);
      return std::any_of(names.begin(), names.end(), [&](const auto* name) {
        return is_outer(*name, inner.from);
      });
    };
    if (!side_is_outer(*test)) {
      kept.push_back(test);
      continue;
    }
    bool equality = test->name == "=" && test->arguments.size() == 2;
    bool left = equality && side_is_outer(*test->arguments[0]);
    bool right = equality && side_is_outer(*test->arguments[1]);
    if (left == right || outer || !inner.group_by.empty() || inner.having ||
        !inner.grouping_sets.empty() || !inner.parts.empty()) {
      return sql_error(ErrorCode::kUnsupported,
                       "EXISTS is supported with one test of the form "
                       "inner.column = outer.column at most",
                       *test);
    }
    outer = test->arguments[left ? 0 : 1];
    own = test->arguments[left ? 1 : 0];
  }
  if (!outer) {
    auto one = std::make_shared<SqlExpression>();
    one->literal = Value(int64_t{1});
    if (!inner.limit) inner.limit = one;
    TRY_ASSIGN(QueryResult result, scope_.run(inner));
    return made_literal(node, Value(!result.rows.empty()));
  }
  TRY(check_correlated(inner));
  inner.limit = inner.offset = nullptr;
  kept.push_back(sql_call(node, "is_not_null", {own}));
  inner.where = join_tests(std::move(kept));
  inner.items = {{own, ""}};
  inner.distinct = true;
  inner.order_by.clear();
  TRY_ASSIGN(QueryResult result, scope_.run(inner));
  TRY_ASSIGN(ExpressionPtr key, translate(*outer));
  TRY_ASSIGN(ExpressionPtr member,
             member_of(node, std::move(key), std::move(result)));
  return made_call(node, "coalesce",
                   {std::move(member), made_literal(node, Value(false))});
}

}  // namespace freshet
