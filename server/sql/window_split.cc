#include "server/sql/window_split.h"

#include <fmt/core.h>

#include <algorithm>

#include "server/sql/letters.h"
#include "server/sql/syntax_equal.h"
#include "server/sql/syntax_node.h"

namespace freshet {
namespace {

using Kind = SqlExpression::Kind;
using Function = WindowCall::Function;

struct Named {
  std::string_view name;
  Function function;
  size_t least, most;  // arguments
};
constexpr Named kFunctions[] = {{"row_number", Function::kRowNumber, 0, 0},
                                {"rank", Function::kRank, 0, 0},
                                {"dense_rank", Function::kDenseRank, 0, 0},
                                {"percent_rank", Function::kPercentRank, 0, 0},
                                {"cume_dist", Function::kCumeDist, 0, 0},
                                {"ntile", Function::kNtile, 1, 1},
                                {"lag", Function::kLag, 1, 3},
                                {"lead", Function::kLead, 1, 3},
                                {"first_value", Function::kFirstValue, 1, 1},
                                {"last_value", Function::kLastValue, 1, 1},
                                {"nth_value", Function::kNthValue, 2, 2},
                                {"count", Function::kCount, 0, 1},
                                {"sum", Function::kSum, 1, 1},
                                {"min", Function::kMin, 1, 1},
                                {"max", Function::kMax, 1, 1},
                                {"avg", Function::kAvg, 1, 1}};

bool is_constant(const SqlExpression& node) {
  if (node.kind == Kind::kColumn || node.kind == Kind::kSubquery ||
      has_aggregate(node)) {
    return false;
  }
  return std::all_of(node.arguments.begin(), node.arguments.end(),
                     [](const SqlPtr& a) { return is_constant(*a); });
}

class Splitter {
 public:
  Splitter(const SelectStatement& statement, const Relation& relation)
      : statement_(statement), relation_(relation) {}

  Result<WindowSplit> run() {
    out_.inner = statement_;
    out_.inner.with.clear();
    out_.inner.items.clear();
    out_.inner.order_by.clear();
    out_.inner.distinct = false;
    out_.inner.limit = out_.inner.offset = nullptr;
    expand_items();
    TRY(check_clauses());
    for (SqlPtr& key : out_.inner.group_by) key = group_key(key);
    out_.inner.having = with_aliases(out_.inner.having);
    for (size_t i = 0; i < items_.size(); ++i) {
      TRY_ASSIGN(SqlPtr outer, outer_of(items_[i].expression));
      out_.outer.items.push_back({std::move(outer), name_of(i)});
    }
    for (const SortItem& sort : statement_.order_by) {
      SortItem made = sort;
      TRY_ASSIGN(made.expression, order_key(sort.expression));
      out_.outer.order_by.push_back(std::move(made));
    }
    out_.outer.distinct = statement_.distinct;
    out_.outer.limit = statement_.limit;
    out_.outer.offset = statement_.offset;
    if (out_.inner.items.empty()) {
      auto one = std::make_shared<SqlExpression>();
      one->literal = Value(int64_t{1});
      column_of(one);
    }
    return std::move(out_);
  }

 private:
  void expand_items() {
    for (const SelectItem& item : statement_.items) {
      if (item.expression->kind != Kind::kStar) {
        items_.push_back(item);
        continue;
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
  }

  Status check_clauses() const {
    std::vector<SqlPtr> clauses = statement_.group_by;
    clauses.push_back(statement_.where);
    clauses.push_back(statement_.having);
    for (const SqlPtr& clause : clauses) {
      if (!has_window(clause)) continue;
      return sql_error(ErrorCode::kInvalid,
                       "a window function is allowed in SELECT and ORDER BY "
                       "only; put it into a sub-query",
                       *clause);
    }
    return {};
  }

  bool is_column(const SqlExpression& node) const {
    auto found = find_visible(relation_.columns, node);
    return !found || *found;
  }

  const SelectItem* item_of(const SqlExpression& node) const {
    if (node.kind != Kind::kColumn || !node.qualifier.empty()) return nullptr;
    for (const SelectItem& item : items_) {
      if (!item.alias.empty() && same_letters(item.alias, node.name)) {
        return &item;
      }
    }
    return nullptr;
  }

  SqlPtr group_key(const SqlPtr& key) const {
    const int64_t* ordinal =
        key->kind == Kind::kLiteral ? key->literal.as_long() : nullptr;
    if (ordinal && *ordinal >= 1 &&
        *ordinal <= static_cast<int64_t>(items_.size())) {
      return items_[static_cast<size_t>(*ordinal) - 1].expression;
    }
    const SelectItem* item = item_of(*key);
    return item && !is_column(*key) ? item->expression : key;
  }

  // Aliases that are no columns become what they stand for.
  SqlPtr with_aliases(const SqlPtr& node) const {
    if (!node) return node;
    const SelectItem* item = item_of(*node);
    if (item && !is_column(*node)) return item->expression;
    if (node->arguments.empty()) return node;
    auto copy = std::make_shared<SqlExpression>(*node);
    for (SqlPtr& argument : copy->arguments) argument = with_aliases(argument);
    return copy;
  }

  Result<SqlPtr> order_key(const SqlPtr& key) {
    if (key->kind == Kind::kLiteral && key->literal.as_long()) return key;
    if (item_of(*key)) return key;
    return outer_of(with_aliases(key));
  }

  std::string name_of(size_t i) const {
    const SqlExpression& node = *items_[i].expression;
    if (!items_[i].alias.empty()) return items_[i].alias;
    if (node.kind != Kind::kColumn) return fmt::format("EXPR${}", i);
    auto found = find_visible(relation_.columns, node);
    return found && *found ? (*found)->name : node.name;
  }

  // The inner column of an expression without windows.
  size_t column_of(const SqlPtr& node) {
    auto& items = out_.inner.items;
    for (size_t i = 0; i < items.size(); ++i) {
      if (same_syntax(*items[i].expression, *node)) return i;
    }
    items.push_back({node, fmt::format("#{}", items.size())});
    return items.size() - 1;
  }

  Result<SqlPtr> outer_of(const SqlPtr& node) {
    if (node->over) return window_of(*node);
    if (!has_window(node)) {
      if (is_constant(*node)) return node;
      return sql_column(*node, fmt::format("#{}", column_of(node)));
    }
    auto copy = std::make_shared<SqlExpression>(*node);
    for (SqlPtr& argument : copy->arguments) {
      TRY_ASSIGN(argument, outer_of(argument));
    }
    return SqlPtr(copy);
  }

  Result<SqlPtr> window_of(const SqlExpression& node) {
    auto named =
        std::find_if(std::begin(kFunctions), std::end(kFunctions),
                     [&](const Named& n) { return n.name == node.name; });
    if (named == std::end(kFunctions) || node.distinct) {
      return sql_error(ErrorCode::kUnsupported,
                       fmt::format("not supported over a window: {}{}",
                                   node.name, node.distinct ? " DISTINCT" : ""),
                       node);
    }
    size_t count = node.arguments.size();
    if (count < named->least || count > named->most ||
        (named->function == Function::kCount && count == 0 && !node.star)) {
      return sql_error(
          ErrorCode::kInvalid,
          fmt::format("wrong number of arguments of {}: {}", node.name, count),
          node);
    }
    for (const SqlPtr& argument : node.arguments) {
      if (has_window(argument)) {
        return sql_error(ErrorCode::kInvalid,
                         "a window function inside another one needs a "
                         "sub-query",
                         *argument);
      }
    }
    TRY_ASSIGN(WindowCall call, call_of(node, named->function));
    std::string name = fmt::format("#w{}", out_.calls.size());
    out_.calls.push_back({name, std::move(call), node.line, node.column});
    return sql_column(node, std::move(name));
  }

  Result<WindowCall> call_of(const SqlExpression& node, Function function) {
    WindowCall call;
    call.function = function;
    call.frame = node.over->frame;
    SqlPtr argument = node.arguments.empty() ? nullptr : node.arguments[0];
    bool ntile = function == Function::kNtile;
    bool numbered = ntile || function == Function::kLag ||
                    function == Function::kLead ||
                    function == Function::kNthValue;
    if (numbered && (ntile || node.arguments.size() > 1)) {
      TRY_ASSIGN(call.offset,
                 offset_of(*node.arguments[ntile ? 0 : 1], function));
    }
    if (node.filter) {
      if (function < Function::kCount) {
        return sql_error(ErrorCode::kInvalid,
                         fmt::format("{} takes no FILTER", node.name), node);
      }
      auto one = std::make_shared<SqlExpression>();
      one->literal = Value(int64_t{1});
      argument = sql_call(node, "case",
                          {node.filter, argument ? argument : SqlPtr(one)});
    }
    if (argument && !ntile) call.argument = column_of(argument);
    if (node.arguments.size() > 2) {
      call.fallback = column_of(node.arguments[2]);
    }
    for (const SqlPtr& key : node.over->partition_by) {
      call.partition.push_back(column_of(key));
    }
    for (const SortItem& sort : node.over->order_by) {
      call.order.push_back({column_of(sort.expression), sort.descending,
                            sort.nulls_first.value_or(!sort.descending)});
    }
    return call;
  }

  static Result<int64_t> offset_of(const SqlExpression& node,
                                   Function function) {
    const int64_t* number = node.literal.as_long();
    bool from_zero = function == Function::kLag || function == Function::kLead;
    if (node.kind == Kind::kLiteral && number && *number >= !from_zero) {
      return *number;
    }
    return sql_error(
        ErrorCode::kInvalid,
        fmt::format("expected a whole number from {} here", from_zero ? 0 : 1),
        node);
  }

  const SelectStatement& statement_;
  const Relation& relation_;
  std::vector<SelectItem> items_;
  WindowSplit out_;
};

}  // namespace

bool has_window(const SqlPtr& node) {
  if (!node) return false;
  if (node->over || has_window(node->filter)) return true;
  return std::any_of(node->arguments.begin(), node->arguments.end(),
                     [](const SqlPtr& a) { return has_window(a); });
}

bool has_window(const SelectStatement& statement) {
  auto in_sort = [](const SortItem& s) { return has_window(s.expression); };
  auto in_item = [](const SelectItem& i) { return has_window(i.expression); };
  return std::any_of(statement.items.begin(), statement.items.end(), in_item) ||
         std::any_of(statement.order_by.begin(), statement.order_by.end(),
                     in_sort) ||
         has_window(statement.where) || has_window(statement.having);
}

Result<WindowSplit> split_windows(const SelectStatement& statement,
                                  const Relation& relation) {
  return Splitter(statement, relation).run();
}

}  // namespace freshet
