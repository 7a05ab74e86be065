#include "server/sql/joiner.h"

#include <fmt/core.h>

#include <functional>

#include "server/query/expression_type.h"
#include "server/query/row_join.h"
#include "server/query/run_sort.h"
#include "server/sql/key_join.h"
#include "server/sql/syntax_equal.h"

namespace freshet {
namespace {

using Kind = SqlExpression::Kind;

SqlPtr column_of(const JoinLeaf& leaf, size_t column) {
  auto out = std::make_shared<SqlExpression>();
  out->kind = Kind::kColumn;
  out->name = leaf.relation.columns[column].name;
  return out;
}

// What a table gives to the joins: its needed columns, then keys.
struct LeafOutputs {
  std::vector<SqlPtr> expressions;
  size_t num_columns = 0;  // of them that are columns, as JoinLeaf::needed
};

struct KeyPair {
  size_t left_leaf, left_output, right_leaf, right_output;
  SqlPtr test;
};

class HashJoin {
 public:
  HashJoin(JoinTree& tree, const JoinContext& context)
      : tree_(tree), context_(context), outputs_(tree.leaves().size()) {
    for (size_t i = 0; i < outputs_.size(); ++i) {
      for (size_t column : tree.leaves()[i].needed) {
        outputs_[i].expressions.push_back(column_of(tree.leaves()[i], column));
      }
      outputs_[i].num_columns = outputs_[i].expressions.size();
    }
  }

  Result<Relation> run() {
    TRY(find_keys(tree_.root()));
    TRY_ASSIGN(Side all, rows_of(tree_.root()));
    return relation_of(std::move(all));
  }

 private:
  struct Origin {
    size_t leaf, output;
  };
  struct Side {
    QueryResult rows;
    std::vector<Origin> origins;  // of each column
    size_t position(size_t leaf, size_t output) const {
      size_t i = 0;
      while (origins[i].leaf != leaf || origins[i].output != output) ++i;
      return i;
    }
  };

  size_t output_of(size_t leaf, const SqlPtr& expression) {
    auto& list = outputs_[leaf].expressions;
    for (size_t i = outputs_[leaf].num_columns; i < list.size(); ++i) {
      if (same_syntax(*list[i], *expression)) return i;
    }
    list.push_back(expression);
    return list.size() - 1;
  }

  static std::optional<size_t> only_leaf(LeafMask mask) {
    if (mask == 0 || (mask & (mask - 1)) != 0) return std::nullopt;
    return static_cast<size_t>(__builtin_ctz(mask));
  }

  Status find_keys(JoinNode& node) {
    if (node.leaf) return {};
    TRY(find_keys(*node.left));
    TRY(find_keys(*node.right));
    std::vector<SqlPtr> rest;
    for (const SqlPtr& test : node.tests) {
      std::optional<size_t> sides[2];
      if (test->kind == Kind::kCall && test->name == "=") {
        for (size_t i : {size_t{0}, size_t{1}}) {
          TRY_ASSIGN(LeafMask mask, tree_.leaves_of(*test->arguments[i]));
          sides[i] = only_leaf(mask);
        }
      }
      auto in = [](const JoinNode& n, size_t leaf) {
        return n.leaves >> leaf & 1;
      };
      bool straight = sides[0] && sides[1] && in(*node.left, *sides[0]) &&
                      in(*node.right, *sides[1]);
      bool turned = sides[0] && sides[1] && in(*node.left, *sides[1]) &&
                    in(*node.right, *sides[0]);
      if (!straight && !turned) {
        rest.push_back(test);
        continue;
      }
      size_t l = straight ? 0 : 1, r = 1 - l;
      keys_[&node].push_back(
          {*sides[l], output_of(*sides[l], test->arguments[l]), *sides[r],
           output_of(*sides[r], test->arguments[r]), test});
    }
    node.tests = std::move(rest);
    return {};
  }

  Result<Side> rows_of(const JoinNode& node) {
    return node.leaf ? scan(*node.leaf) : join(node);
  }

  Result<Side> scan(size_t leaf) {
    SelectStatement statement;
    for (const SqlPtr& e : outputs_[leaf].expressions) {
      statement.items.push_back(
          {e, fmt::format("#{}", statement.items.size())});
    }
    bool none = statement.items.empty();
    if (none) {
      auto one = std::make_shared<SqlExpression>();
      one->literal = Value(int64_t{1});
      statement.items.push_back({one, "#"});
    }
    JoinLeaf& from = tree_.leaves()[leaf];
    statement.where = join_tests(from.tests);
    Side out;
    TRY_ASSIGN(out.rows, context_.run(statement, from.relation));
    for (size_t i = 0; i < out.rows.columns.size(); ++i) {
      out.origins.push_back({leaf, none ? SIZE_MAX : i});
    }
    return out;
  }

  Result<Side> join(const JoinNode& node) {
    TRY_ASSIGN(Side left, rows_of(*node.left));
    TRY_ASSIGN(Side right, rows_of(*node.right));
    std::vector<size_t> left_keys, right_keys;
    for (const KeyPair& key : keys_[&node]) {
      size_t l = left.position(key.left_leaf, key.left_output);
      size_t r = right.position(key.right_leaf, key.right_output);
      TRY_ASSIGN(bool comparable,
                 widen_keys(left.rows, l, right.rows, r, context_.control));
      if (!comparable) {
        return sql_error(ErrorCode::kInvalid,
                         fmt::format("a join cannot compare {} with {}",
                                     type_name(left.rows.columns[l].type),
                                     type_name(right.rows.columns[r].type)),
                         *key.test);
      }
      left_keys.push_back(l);
      right_keys.push_back(r);
    }
    TRY_ASSIGN(auto pairs, join_rows(left.rows.rows, left_keys, right.rows.rows,
                                     right_keys, context_.control));
    if (!node.tests.empty()) {
      TRY_ASSIGN(pairs, kept_pairs(node, pairs, left, right));
    }
    TRY(add_unmatched(
        pairs, left.rows.rows.size(),
        node.type == JoinType::kLeft || node.type == JoinType::kFull,
        right.rows.rows.size(),
        node.type == JoinType::kRight || node.type == JoinType::kFull,
        context_.control));
    context_.told(
        left_keys.empty() ? "nested loop" : "hash",
        node.right->leaf ? tree_.leaves()[*node.right->leaf].qualifier : "join",
        pairs.size());
    return paired(pairs, left, right);
  }

  Result<Side> paired(const std::vector<RowPair>& pairs, const Side& left,
                      const Side& right) {
    Side out;
    out.origins = left.origins;
    out.origins.insert(out.origins.end(), right.origins.begin(),
                       right.origins.end());
    out.rows.columns = left.rows.columns;
    out.rows.columns.insert(out.rows.columns.end(), right.rows.columns.begin(),
                            right.rows.columns.end());
    TRY_ASSIGN(out.rows.rows,
               paired_rows(pairs, left.rows.rows, left.rows.columns.size(),
                           right.rows.rows, right.rows.columns.size(),
                           context_.control));
    return out;
  }

  // The pairs that pass the conditions that are no equality of keys.
  Result<std::vector<RowPair>> kept_pairs(const JoinNode& node,
                                          const std::vector<RowPair>& pairs,
                                          const Side& left, const Side& right) {
    TRY_ASSIGN(Side both, paired(pairs, left, right));
    both.rows.columns.push_back({"#row", {ValueType::kLong}});
    both.origins.push_back({SIZE_MAX, SIZE_MAX});
    auto& rows = both.rows.rows;
    TRY(in_runs(rows.size(), &context_.control, [&](size_t begin, size_t n) {
      for (size_t i = begin; i < begin + n; ++i) {
        rows[i].emplace_back(static_cast<int64_t>(i));
      }
    }));
    std::vector<VisibleColumn> row_column;
    TRY_ASSIGN(Relation relation, relation_of(std::move(both), &row_column));
    relation.columns.push_back(row_column.at(0));
    SelectStatement statement;
    auto row = std::make_shared<SqlExpression>();
    row->kind = Kind::kColumn;
    row->name = "#row";
    statement.items.push_back({row, ""});
    statement.where = join_tests(node.tests);
    TRY_ASSIGN(QueryResult kept, context_.run(statement, relation));
    std::vector<uint32_t> order;
    order.reserve(kept.rows.size());
    for (const auto& values : kept.rows) {
      order.push_back(static_cast<uint32_t>(*values[0].as_long()));
    }
    TRY(sort_in_runs(order, std::less<uint32_t>(), context_.control));
    std::vector<RowPair> out;
    out.reserve(order.size());
    for (uint32_t i : order) out.push_back(pairs[i]);
    return out;
  }

  // Columns by their names and tables; keys are left out. `others` gets what
  // is of no table.
  Result<Relation> relation_of(Side side,
                               std::vector<VisibleColumn>* others = nullptr) {
    for (size_t c = 0; c < side.origins.size(); ++c) {
      const Origin& origin = side.origins[c];
      if (origin.leaf == SIZE_MAX) continue;
      const LeafOutputs& outputs = outputs_[origin.leaf];
      bool column = origin.output < outputs.num_columns;
      side.rows.columns[c].name =
          column ? outputs.expressions[origin.output]->name : "";
    }
    TRY_ASSIGN(Relation relation,
               relation_of_rows(std::move(side.rows), &context_.control));
    std::vector<VisibleColumn> visible;
    for (size_t c = 0; c < side.origins.size(); ++c) {
      const Origin& origin = side.origins[c];
      VisibleColumn& made = relation.columns[c];
      if (origin.leaf == SIZE_MAX) {
        if (others) others->push_back(made);
        continue;
      }
      if (origin.output >= outputs_[origin.leaf].num_columns) continue;
      const JoinLeaf& leaf = tree_.leaves()[origin.leaf];
      made.qualifier = leaf.qualifier;
      const size_t column_of_leaf = leaf.needed[origin.output];
      made.merged = leaf.merged[column_of_leaf];
      made.by_name = leaf.relation.columns[column_of_leaf].by_name;
      visible.push_back(std::move(made));
    }
    relation.columns = std::move(visible);
    return relation;
  }

  JoinTree& tree_;
  const JoinContext& context_;
  std::vector<LeafOutputs> outputs_;
  std::map<const JoinNode*, std::vector<KeyPair>> keys_;
};

}  // namespace

Result<Relation> join_relation(SelectStatement& statement,
                               const JoinContext& context) {
  SqlPtr where = statement.where;
  TRY_ASSIGN(JoinTree tree, JoinTree::create(statement, context.find, where));
  TRY_ASSIGN(std::optional<Relation> by_key, join_by_keys(tree, context));
  if (by_key) {
    std::vector<SqlPtr> tests = tree.leaves()[0].tests;
    split_tests(where, tests);
    statement.where = join_tests(std::move(tests));
    return std::move(*by_key);
  }
  statement.where = where;
  return HashJoin(tree, context).run();
}

}  // namespace freshet
