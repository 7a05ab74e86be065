#include "server/sql/key_join.h"

#include <fmt/core.h>

#include <algorithm>
#include <span>

#include "server/query/expression_type.h"
#include "server/query/lookup_source.h"
#include "server/query/row_key.h"
#include "server/query/widen_value.h"
#include "server/sql/letters.h"

namespace freshet {
namespace {

using Kind = SqlExpression::Kind;

// One join of the chain, innermost first.
struct Step {
  JoinType type = JoinType::kInner;
  size_t leaf = 0;
  SqlPtr outer, own;  // sides of the equality: of those before, of the leaf
};

// Nothing if the tree is no chain of such joins.
Result<std::optional<std::vector<Step>>> chain_of(JoinTree& tree) {
  std::vector<Step> steps;
  const JoinNode* node = &tree.root();
  for (; !node->leaf; node = node->left.get()) {
    bool fits =
        node->right->leaf && node->tests.size() == 1 &&
        (node->type == JoinType::kInner || node->type == JoinType::kLeft);
    const SqlPtr test = fits ? node->tests[0] : nullptr;
    if (!fits || test->kind != Kind::kCall || test->name != "=") {
      return std::optional<std::vector<Step>>();
    }
    Step step;
    step.type = node->type;
    step.leaf = *node->right->leaf;
    for (size_t i : {size_t{0}, size_t{1}}) {
      TRY_ASSIGN(LeafMask mask, tree.leaves_of(*test->arguments[i]));
      bool own = mask == node->right->leaves;
      bool outer = mask != 0 && !(mask & ~node->left->leaves);
      if (own) step.own = test->arguments[i];
      if (outer) step.outer = test->arguments[i];
    }
    if (!step.own || !step.outer) return std::optional<std::vector<Step>>();
    steps.push_back(std::move(step));
  }
  if (tree.leaves()[*node->leaf].relation.dataset.empty()) {
    return std::optional<std::vector<Step>>();
  }
  std::reverse(steps.begin(), steps.end());
  return std::optional(std::move(steps));
}

// A table's keys and needed columns, by position of the key.
struct KeyedTable {
  std::shared_ptr<const KeyIndex> keys;
  std::vector<std::shared_ptr<const ValueMap>> columns;  // as JoinLeaf::needed
};

class KeyJoin {
 public:
  KeyJoin(JoinTree& tree, const JoinContext& context)
      : tree_(tree), context_(context) {}

  Result<std::optional<Relation>> run(const std::vector<Step>& steps) {
    const JoinLeaf& first = tree_.leaves()[0];
    out_ = first.relation;
    for (size_t c = 0; c < out_.columns.size(); ++c) {
      out_.columns[c].qualifier = first.qualifier;
      out_.columns[c].merged = first.merged[c];
    }
    std::vector<ExpressionPtr> filters;
    if (out_.filter) filters.push_back(out_.filter);
    for (const Step& step : steps) {
      TRY_ASSIGN(ExpressionPtr key, outer_key(step));
      TRY_ASSIGN(std::optional<KeyedTable> table, keyed(step, *key));
      if (!table) return std::optional<Relation>();
      context_.told("by key", tree_.leaves()[step.leaf].qualifier,
                    table->keys->keys().size());
      add_columns(step, key, *table);
      if (step.type == JoinType::kInner) {
        TRY_ASSIGN(ExpressionPtr found, has(key, *table));
        filters.push_back(std::move(found));
      }
    }
    if (!filters.empty()) out_.filter = connect("and", std::move(filters));
    return std::optional(std::move(out_));
  }

 private:
  Result<ExpressionPtr> outer_key(const Step& step) {
    TranslationScope scope = context_.scope();
    scope.columns = &out_.columns;
    scope.table = out_.name;
    scope.alias = out_.alias;
    return Translator(std::move(scope)).scalar(step.outer);
  }

  Result<std::optional<KeyedTable>> keyed(const Step& step,
                                          const Expression& outer) {
    TRY_ASSIGN(ExpressionPtr resolved,
               resolve(std::make_shared<Expression>(outer), *out_.data.schema));
    const JoinLeaf& leaf = tree_.leaves()[step.leaf];
    if (auto ready = of_lookup(step, leaf, resolved->type)) return ready;
    SelectStatement statement;
    auto add = [&](SqlPtr e) {
      statement.items.push_back(
          {std::move(e), fmt::format("#{}", statement.items.size())});
    };
    add(step.own);
    for (size_t column : leaf.needed) {
      auto name = std::make_shared<SqlExpression>();
      name->kind = Kind::kColumn;
      name->name = leaf.relation.columns[column].name;
      add(std::move(name));
    }
    statement.where = join_tests(leaf.tests);
    TRY_ASSIGN(QueryResult rows, context_.run(statement, leaf.relation));
    auto type = common_type(rows.columns[0].type, resolved->type);
    if (!type) {
      return sql_error(ErrorCode::kInvalid,
                       fmt::format("a join cannot compare {} with {}",
                                   type_name(resolved->type),
                                   type_name(rows.columns[0].type)),
                       *step.outer);
    }
    return of_rows(std::move(rows), *type);
  }

  static bool is_key(const Relation& relation, const std::string& name) {
    const auto& columns = relation.columns;
    for (size_t c = 0; c < columns.size(); ++c) {
      if (!same_letters(columns[c].name, name)) continue;
      return !relation.lookup->value_of(c);
    }
    return false;
  }

  // What the lookup keeps ready.
  std::optional<KeyedTable> of_lookup(const Step& step, const JoinLeaf& leaf,
                                      ExpressionType outer) const {
    const auto& lookup = leaf.relation.lookup;
    bool by_key = lookup && !lookup->columns().empty() && leaf.tests.empty() &&
                  step.own->kind == Kind::kColumn &&
                  is_key(leaf.relation, step.own->name) &&
                  outer == lookup->key().type;
    if (!by_key) return std::nullopt;
    KeyedTable out;
    out.keys = std::shared_ptr<const KeyIndex>(lookup, &lookup->keys());
    for (size_t column : leaf.needed) {
      if (auto value = lookup->value_of(column)) {
        out.columns.push_back(lookup->map(*value));
        continue;
      }
      auto map = std::make_shared<ValueMap>();
      map->identity = "k of " + lookup->map(0)->identity;
      map->keys = out.keys;
      map->type = lookup->key().type;
      map->values =
          std::shared_ptr<const std::vector<Value>>(lookup, &out.keys->keys());
      out.columns.push_back(std::move(map));
    }
    return out;
  }

  Result<std::optional<KeyedTable>> of_rows(QueryResult rows,
                                            ExpressionType type) {
    KeyedTable out;
    ValueList keys;
    keys.reserve(rows.rows.size());
    std::vector<std::shared_ptr<ValueList>> values;
    for (size_t c = 1; c < rows.columns.size(); ++c) {
      values.push_back(std::make_shared<ValueList>());
      values.back()->reserve(rows.rows.size());
    }
    const QueryControl& control = context_.control;
    TRY(widen_column(rows, 0, type, control));
    TRY(in_runs(rows.rows.size(), &control, [&](size_t begin, size_t count) {
      for (auto& row : std::span(rows.rows).subspan(begin, count)) {
        if (row[0].is_null()) continue;
        keys.push_back(std::move(row[0]));
        for (size_t c = 1; c < row.size(); ++c) {
          values[c - 1]->push_back(std::move(row[c]));
        }
      }
    }));
    TRY_ASSIGN(const std::string identity, fingerprint(keys, &control));
    TRY_ASSIGN(out.keys, KeyIndex::create(type, std::move(keys), &control));
    if (!out.keys->unique()) return std::optional<KeyedTable>();
    for (size_t c = 0; c < values.size(); ++c) {
      auto map = std::make_shared<ValueMap>();
      TRY_ASSIGN(const std::string contents, fingerprint(*values[c], &control));
      map->identity = fmt::format("join@{}.{}", identity, contents);
      map->keys = out.keys;
      map->type = rows.columns[c + 1].type;
      map->values = std::move(values[c]);
      out.columns.push_back(std::move(map));
    }
    return std::optional(std::move(out));
  }

  static ExpressionPtr by_key(const char* function, const ExpressionPtr& key,
                              std::shared_ptr<const ValueMap> map) {
    auto out = std::make_shared<Expression>();
    out->kind = Expression::Kind::kCall;
    out->name = function;
    out->line = key->line;
    out->column = key->column;
    out->map = std::move(map);
    out->arguments = {key};
    return out;
  }

  Result<ExpressionPtr> has(const ExpressionPtr& key, const KeyedTable& table) {
    auto map = std::make_shared<ValueMap>();
    std::string contents;
    if (table.columns.empty()) {
      TRY_ASSIGN(contents, fingerprint(table.keys->keys(), &context_.control));
    } else {
      contents = table.columns[0]->identity;
    }
    map->identity = "keys of " + contents;
    map->keys = table.keys;
    map->type = {ValueType::kBool};
    return by_key("lookup_has", key, std::move(map));
  }

  void add_columns(const Step& step, const ExpressionPtr& key,
                   const KeyedTable& table) {
    const JoinLeaf& leaf = tree_.leaves()[step.leaf];
    for (size_t i = 0; i < leaf.needed.size(); ++i) {
      VisibleColumn made = leaf.relation.columns[leaf.needed[i]];
      made.qualifier = leaf.qualifier;
      made.merged = leaf.merged[leaf.needed[i]];
      made.computed = by_key("lookup_value", key, table.columns[i]);
      out_.columns.push_back(std::move(made));
    }
  }

  JoinTree& tree_;
  const JoinContext& context_;
  Relation out_;
};

}  // namespace

Result<std::optional<Relation>> join_by_keys(JoinTree& tree,
                                             const JoinContext& context) {
  TRY_ASSIGN(auto steps, chain_of(tree));
  if (!steps) return std::optional<Relation>();
  return KeyJoin(tree, context).run(*steps);
}

}  // namespace freshet
