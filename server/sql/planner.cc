#include "server/sql/planner.h"

#include <fmt/core.h>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "server/sql/expression_equal.h"
#include "server/sql/letters.h"
#include "server/sql/time_bounds.h"

namespace freshet {
namespace {

using Kind = SqlExpression::Kind;

class Planner {
 public:
  Planner(const SelectStatement& statement, const Relation& relation,
          TranslationScope scope, std::optional<size_t> set)
      : statement_(statement),
        relation_(relation),
        translator_(std::move(scope)),
        set_(set) {}

  Result<PlannedQuery> run() {
    TRY(expand_items());
    plan_.query.dataset = relation_.dataset;
    TRY(plan_where());
    TRY(choose_keys());
    bool aggregated = !group_keys_.empty() || statement_.having || set_;
    for (const SelectItem& item : items_) {
      aggregated |= has_aggregate(*item.expression);
    }
    for (const SortItem& sort : statement_.order_by) {
      aggregated |= has_aggregate(*sort.expression);
    }
    if (statement_.distinct && !aggregated) {
      for (const SelectItem& item : items_) {
        group_keys_.push_back(item.expression);
      }
      keys_are_items_ = aggregated = true;
    }
    plan_.query.kind =
        aggregated ? Query::Kind::kAggregate : Query::Kind::kScan;
    if (aggregated) TRY(plan_groups());
    TRY(plan_absent());
    TRY(plan_outputs());
    if (statement_.having) TRY(plan_having());
    TRY(plan_order());
    plan_.query.aggregates = translator_.aggregates();
    plan_.query.distinct = statement_.distinct && !keys_are_items_;
    TRY(plan_limit());
    return std::move(plan_);
  }

 private:
  bool aggregated() const {
    return plan_.query.kind == Query::Kind::kAggregate;
  }

  Status expand_items() {
    for (const SelectItem& item : statement_.items) {
      if (item.expression->kind != Kind::kStar) {
        items_.push_back(item);
        continue;
      }
      if (relation_.columns.empty()) {
        return sql_error(ErrorCode::kInvalid, "SELECT * needs a FROM",
                         *item.expression);
      }
      for (const VisibleColumn& column : relation_.columns) {
        if (column.by_name || !qualifies(column, *item.expression)) continue;
        auto node = std::make_shared<SqlExpression>(*item.expression);
        node->kind = Kind::kColumn;
        node->name = column.name;
        node->qualifier = column.qualifier;
        items_.push_back({std::move(node), ""});
      }
    }
    if (items_.empty()) {
      return Error{ErrorCode::kInvalid, "SELECT has no columns",
                   std::max(1, statement_.from.line),
                   std::max(1, statement_.from.column)};
    }
    for (size_t i = 0; i < items_.size(); ++i) name_item(i);
    return {};
  }

  // Alias as written; a bare column its name; else EXPR$i. Names taken
  // already get a digit, as in Calcite.
  void name_item(size_t i) {
    std::string name = items_[i].alias;
    const SqlExpression& node = *items_[i].expression;
    if (name.empty() && node.kind == Kind::kColumn) {
      auto c = find_visible(relation_.columns, node);
      name = c && *c ? (*c)->name : node.name;
    }
    if (name.empty()) name = fmt::format("EXPR${}", i);
    std::string unique = name;
    size_t& next = next_digit_[name];
    while (!taken_names_.insert(unique).second) {
      unique = name + std::to_string(next++);
    }
    plan_.names.push_back(std::move(unique));
  }

  Status plan_where() {
    std::vector<ExpressionPtr> conjuncts;
    if (statement_.where) {
      TRY_ASSIGN(ExpressionPtr condition, translator_.scalar(statement_.where));
      split_conjuncts(condition, conjuncts);
    }
    if (relation_.filter) split_conjuncts(relation_.filter, conjuncts);
    if (conjuncts.empty()) return {};
    if (!relation_.dataset.empty()) {
      TRY_ASSIGN(plan_.query.interval,
                 take_time_bounds(conjuncts, translator_.scope().zone));
    }
    plan_.query.filter = join_conjuncts(std::move(conjuncts));
    return {};
  }

  // The item an ordinal or an alias means, else the node itself.
  Result<SqlPtr> dereference(const SqlPtr& node, bool columns_first) const {
    if (node->kind == Kind::kLiteral && node->literal.as_long()) {
      int64_t ordinal = *node->literal.as_long();
      if (ordinal < 1 || ordinal > static_cast<int64_t>(items_.size())) {
        return sql_error(ErrorCode::kInvalid,
                         fmt::format("no column at this position: {}", ordinal),
                         *node);
      }
      return items_[ordinal - 1].expression;
    }
    if (node->kind != Kind::kColumn || !node->qualifier.empty()) return node;
    if (columns_first && translator_.has_column(*node)) return node;
    for (const SelectItem& item : items_) {
      if (item.alias == node->name) return item.expression;
    }
    for (const SelectItem& item : items_) {
      if (!item.alias.empty() && same_letters(item.alias, node->name)) {
        return item.expression;
      }
    }
    return node;
  }

  Status plan_groups() {
    for (const SqlPtr& written : group_keys_) {
      SqlPtr key = written;
      if (!keys_are_items_) {
        TRY_ASSIGN(key, dereference(written, true));
      }
      if (has_aggregate(*key)) {
        return sql_error(ErrorCode::kInvalid,
                         "an aggregate is not allowed in GROUP BY", *key);
      }
      TRY_ASSIGN(ExpressionPtr expression, translator_.scalar(key));
      bool known =
          std::any_of(plan_.query.groups.begin(), plan_.query.groups.end(),
                      [&](const Query::Group& g) {
                        return same_expression(g.expression, expression);
                      });
      if (known) continue;
      std::string name = fmt::format("g{}", plan_.query.groups.size());
      plan_.query.groups.push_back({std::move(name), std::move(expression)});
    }
    return {};
  }

  // The keys of the grouping set, and those of the others.
  Status choose_keys() {
    group_keys_ = statement_.group_by;
    if (!set_) return {};
    const std::vector<size_t>& chosen = statement_.grouping_sets[*set_];
    group_keys_.clear();
    for (size_t i = 0; i < statement_.group_by.size(); ++i) {
      bool in = std::find(chosen.begin(), chosen.end(), i) != chosen.end();
      (in ? group_keys_ : absent_keys_).push_back(statement_.group_by[i]);
    }
    return {};
  }

  // Keys of other grouping sets are null in this one, of their own type.
  Status plan_absent() {
    for (const SqlPtr& written : absent_keys_) {
      TRY_ASSIGN(SqlPtr key, dereference(written, true));
      TRY_ASSIGN(ExpressionPtr expression, translator_.scalar(key));
      TRY_ASSIGN(ExpressionPtr resolved,
                 resolve(expression, *relation_.data.schema));
      auto null = std::make_shared<Expression>();
      null->kind = Expression::Kind::kCall;
      null->name = "cast";
      null->cast_type = resolved->type;
      null->arguments = {literal(Value())};
      absent_.push_back({std::move(expression), std::move(null)});
    }
    return {};
  }

  bool is_group(const ExpressionPtr& e) const {
    return std::any_of(plan_.query.groups.begin(), plan_.query.groups.end(),
                       [&](const Query::Group& g) {
                         return same_expression(g.expression, e);
                       });
  }

  // GROUPING(a, b): a bit for each key, 1 where the row is over all its values.
  Result<ExpressionPtr> grouping(const Expression& call) const {
    int64_t bits = 0;
    for (const ExpressionPtr& key : call.arguments) {
      bool absent = std::any_of(
          absent_.begin(), absent_.end(),
          [&](const Absent& a) { return same_expression(a.expression, key); });
      if (!absent && !is_group(key)) {
        return Error{
            ErrorCode::kInvalid,
            "GROUPING takes keys of GROUP BY, this is none: " + to_text(*key),
            key->line, key->column};
      }
      bits = bits * 2 + (is_group(key) ? 0 : 1);
    }
    return literal(Value(bits));
  }

  // Over groups and aggregates instead of columns: the largest parts equal to
  // a group become that group.
  Result<ExpressionPtr> grounded(const ExpressionPtr& e) const {
    for (const Query::Group& group : plan_.query.groups) {
      if (same_expression(group.expression, e)) return named(*e, group.name);
    }
    for (const Absent& absent : absent_) {
      if (same_expression(absent.expression, e)) return absent.null;
    }
    if (e->kind == Expression::Kind::kCall && e->name == "grouping") {
      return grouping(*e);
    }
    if (auto i = translator_.aggregate_of(*e)) {
      return named(*e, translator_.aggregates()[*i].name);
    }
    if (e->kind == Expression::Kind::kColumn) {
      return Error{ErrorCode::kInvalid,
                   fmt::format("neither in GROUP BY nor in an aggregate: {}",
                               visible_name(e->name)),
                   e->line, e->column};
    }
    if (e->arguments.empty()) return e;
    auto copy = std::make_shared<Expression>(*e);
    for (ExpressionPtr& argument : copy->arguments) {
      TRY_ASSIGN(argument, grounded(argument));
    }
    return ExpressionPtr(copy);
  }

  static ExpressionPtr named(const Expression& at, const std::string& name) {
    auto out = std::make_shared<Expression>();
    out->kind = Expression::Kind::kColumn;
    out->name = name;
    out->line = at.line;
    out->column = at.column;
    return out;
  }

  std::string visible_name(const std::string& physical) const {
    for (const VisibleColumn& c : relation_.columns) {
      if (c.physical == physical) return c.name;
    }
    return physical;
  }

  Result<ExpressionPtr> output_of(const SqlPtr& node) {
    if (!aggregated()) return translator_.scalar(node);
    TRY_ASSIGN(ExpressionPtr e, translator_.over_aggregates(node));
    return grounded(e);
  }

  void add_output(ExpressionPtr expression) {
    std::string name = fmt::format("c{}", plan_.query.select.size());
    plan_.query.select.push_back({std::move(name), std::move(expression)});
  }

  Status plan_outputs() {
    for (const SelectItem& item : items_) {
      TRY_ASSIGN(ExpressionPtr output, output_of(item.expression));
      add_output(std::move(output));
    }
    translator_.set_aliases(items_);
    return {};
  }

  Status plan_having() {
    std::vector<SelectItem> aliases;
    for (const SelectItem& item : items_) {
      if (!is_group_column(item.alias)) aliases.push_back(item);
    }
    translator_.set_aliases(std::move(aliases));
    TRY_ASSIGN(plan_.query.having, output_of(statement_.having));
    translator_.set_aliases(items_);
    return {};
  }

  // In HAVING a column of GROUP BY comes before an alias of its name.
  bool is_group_column(const std::string& name) const {
    return std::any_of(statement_.group_by.begin(), statement_.group_by.end(),
                       [&](const SqlPtr& key) {
                         return key->kind == Kind::kColumn &&
                                same_letters(key->name, name) &&
                                translator_.has_column(*key);
                       });
  }

  Status plan_order() {
    for (const SortItem& sort : statement_.order_by) {
      TRY_ASSIGN(std::string name, order_column(sort.expression));
      plan_.query.order_by.push_back(
          {std::move(name), sort.descending, sort.nulls_first});
    }
    return {};
  }

  // The output that holds the key: one of the items, or a hidden one.
  Result<std::string> order_column(const SqlPtr& written) {
    TRY_ASSIGN(SqlPtr key, dereference(written, false));
    for (size_t i = 0; i < items_.size(); ++i) {
      if (items_[i].expression == key) return plan_.query.select[i].name;
    }
    TRY_ASSIGN(ExpressionPtr expression, output_of(key));
    // Rows of several sets are ordered together: by the same columns.
    for (const Query::Output& output : plan_.query.select) {
      if (!set_ && same_expression(output.expression, expression)) {
        return output.name;
      }
    }
    if (statement_.distinct) {
      return sql_error(ErrorCode::kInvalid,
                       "with DISTINCT, ORDER BY must be of selected columns",
                       *written);
    }
    add_output(std::move(expression));
    return plan_.query.select.back().name;
  }

  Result<uint64_t> count_of(const SqlPtr& node) {
    TRY_ASSIGN(ExpressionPtr e, translator_.scalar(node));
    const int64_t* number = e->literal.as_long();
    if (e->kind != Expression::Kind::kLiteral || !number || *number < 0) {
      return sql_error(ErrorCode::kInvalid,
                       "LIMIT and OFFSET take a whole number from 0", *node);
    }
    return static_cast<uint64_t>(*number);
  }

  Status plan_limit() {
    bool all = statement_.limit && statement_.limit->kind == Kind::kLiteral &&
               statement_.limit->literal.is_null();
    if (statement_.limit && !all) {
      TRY_ASSIGN(plan_.query.limit, count_of(statement_.limit));
    }
    if (statement_.offset) {
      TRY_ASSIGN(plan_.query.offset, count_of(statement_.offset));
    }
    return {};
  }

  const SelectStatement& statement_;
  const Relation& relation_;
  Translator translator_;
  std::vector<SelectItem> items_;
  const std::optional<size_t> set_;  // of the statement's grouping sets
  std::vector<SqlPtr> group_keys_, absent_keys_;
  struct Absent {
    ExpressionPtr expression, null;
  };
  std::vector<Absent> absent_;
  bool keys_are_items_ = false;  // SELECT DISTINCT without aggregates
  std::unordered_set<std::string> taken_names_;
  std::unordered_map<std::string, size_t> next_digit_;  // of a repeated name
  PlannedQuery plan_;
};

}  // namespace

Result<PlannedQuery> plan_select(const SelectStatement& statement,
                                 const Relation& relation,
                                 TranslationScope scope,
                                 std::optional<size_t> set) {
  scope.columns = &relation.columns;
  scope.rows_have_time = !relation.dataset.empty();
  scope.table = relation.name;
  scope.alias = relation.alias;
  return Planner(statement, relation, std::move(scope), set).run();
}

}  // namespace freshet
