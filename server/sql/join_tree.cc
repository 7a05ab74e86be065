#include "server/sql/join_tree.h"

#include <fmt/core.h>

#include <algorithm>

#include "server/json/json_value.h"
#include "server/sql/aggregate_name.h"
#include "server/sql/letters.h"

namespace freshet {
namespace {

using Kind = SqlExpression::Kind;

constexpr size_t kMostLeaves = 20;

Error at_from(const FromItem& from, ErrorCode code, std::string message) {
  return Error{code, std::move(message), from.line, from.column};
}

const VisibleColumn* find_named(const Relation& relation,
                                std::string_view name) {
  for (const VisibleColumn& c : relation.columns) {
    if (c.name == name) return &c;
  }
  for (const VisibleColumn& c : relation.columns) {
    if (same_letters(c.name, name)) return &c;
  }
  return nullptr;
}

SqlPtr name_of(const FromItem& place, std::string qualifier, std::string name) {
  auto out = std::make_shared<SqlExpression>();
  out->kind = Kind::kColumn;
  out->qualifier = std::move(qualifier);
  out->name = std::move(name);
  out->line = place.line;
  out->column = place.column;
  return out;
}

}  // namespace

Result<JoinTree> JoinTree::create(const SelectStatement& statement,
                                  const FindLeaf& find, SqlPtr& where) {
  JoinTree out;
  TRY_ASSIGN(out.root_, out.read(statement.from, find));
  TRY(out.place_on(statement.from, *out.root_));
  TRY(out.need_columns(statement));
  std::vector<SqlPtr> tests, kept;
  split_tests(where, tests);
  for (const SqlPtr& test : tests) {
    TRY_ASSIGN(LeafMask mask, out.leaves_of(*test));
    if (!out.place(*out.root_, test, mask)) kept.push_back(test);
  }
  where = join_tests(std::move(kept));
  return out;
}

Result<std::unique_ptr<JoinNode>> JoinTree::read(const FromItem& from,
                                                 const FindLeaf& find) {
  auto node = std::make_unique<JoinNode>();
  if (from.kind != FromItem::Kind::kJoin) {
    node->leaf = leaves_.size();
    node->leaves = LeafMask{1} << leaves_.size();
    TRY_ASSIGN(Relation relation, find(from));
    TRY(add_leaf(from, std::move(relation)));
    return node;
  }
  TRY_ASSIGN(node->left, read(*from.left, find));
  TRY_ASSIGN(node->right, read(*from.right, find));
  node->type = from.join;
  node->leaves = node->left->leaves | node->right->leaves;
  return node;
}

Status JoinTree::add_leaf(const FromItem& from, Relation relation) {
  JoinLeaf leaf;
  leaf.qualifier = from.alias.empty() ? from.table : from.alias;
  for (const JoinLeaf& other : leaves_) {
    if (!same_letters(other.qualifier, leaf.qualifier)) continue;
    return at_from(from, ErrorCode::kInvalid,
                   fmt::format("two tables of a FROM have one name, give one "
                               "an alias: {}",
                               leaf.qualifier));
  }
  if (leaves_.size() >= kMostLeaves) {
    return at_from(from, ErrorCode::kLimit,
                   fmt::format("more than {} tables in a FROM", kMostLeaves));
  }
  leaf.merged.resize(relation.columns.size());
  leaf.relation = std::move(relation);
  leaves_.push_back(std::move(leaf));
  return {};
}

// USING (x): both have x; alone it is the kept side's.
Status JoinTree::add_shared(const FromItem& from, JoinNode& node,
                            std::vector<SqlPtr>& tests) {
  if (node.type == JoinType::kFull && !from.shared.empty()) {
    return at_from(from, ErrorCode::kUnsupported,
                   "FULL JOIN with USING is not supported, use ON");
  }
  for (const std::string& name : from.shared) {
    std::optional<size_t> sides[2];
    for (size_t i = 0; i < leaves_.size(); ++i) {
      for (int side : {0, 1}) {
        LeafMask mask = (side == 0 ? node.left : node.right)->leaves;
        const VisibleColumn* c = find_named(leaves_[i].relation, name);
        bool has = (mask >> i & 1) && c &&
                   !leaves_[i].merged[static_cast<size_t>(
                       c - leaves_[i].relation.columns.data())];
        if (has && !sides[side]) sides[side] = i;
      }
    }
    if (!sides[0] || !sides[1]) {
      return at_from(
          from, ErrorCode::kInvalid,
          fmt::format("not a column of both sides of the join: {}", name));
    }
    auto test = std::make_shared<SqlExpression>();
    test->kind = Kind::kCall;
    test->name = std::string("=");
    test->line = from.line;
    test->column = from.column;
    for (auto& side : sides) {
      test->arguments.push_back(name_of(from, leaves_[*side].qualifier, name));
    }
    tests.push_back(std::move(test));
    JoinLeaf& hidden = leaves_[*sides[node.type == JoinType::kRight ? 0 : 1]];
    const VisibleColumn* c = find_named(hidden.relation, name);
    hidden.merged[static_cast<size_t>(c - hidden.relation.columns.data())] =
        true;
  }
  return {};
}

Status JoinTree::place_on(const FromItem& from, JoinNode& node) {
  if (node.leaf) return {};
  TRY(place_on(*from.left, *node.left));
  TRY(place_on(*from.right, *node.right));
  std::vector<SqlPtr> tests;
  split_tests(from.condition, tests);
  TRY(add_shared(from, node, tests));
  for (const SqlPtr& test : tests) {
    all_tests_.push_back(test);
    const bool* constant = test->literal.as_bool();
    if (test->kind == Kind::kLiteral && constant && *constant) continue;
    TRY_ASSIGN(LeafMask mask, leaves_of(*test));
    if (mask & ~node.leaves) {
      return sql_error(ErrorCode::kInvalid,
                       "ON reads a table that is not part of its join", *test);
    }
    // What decides only which rows of the other side fit may go down to them.
    bool right = mask && !(mask & ~node.right->leaves);
    bool left = mask && !(mask & ~node.left->leaves);
    bool down = false;
    if (node.type == JoinType::kInner) {
      down = place(node, test, mask);
    } else if (node.type == JoinType::kLeft && right) {
      down = place(*node.right, test, mask);
    } else if (node.type == JoinType::kRight && left) {
      down = place(*node.left, test, mask);
    }
    if (!down) node.tests.push_back(test);
  }
  return {};
}

bool JoinTree::place(JoinNode& node, const SqlPtr& test, LeafMask mask) {
  if (node.leaf) {
    leaves_[*node.leaf].tests.push_back(test);
    return true;
  }
  bool left_kept =
      node.type == JoinType::kInner || node.type == JoinType::kLeft;
  bool right_kept =
      node.type == JoinType::kInner || node.type == JoinType::kRight;
  if (mask && !(mask & ~node.left->leaves)) {
    return left_kept && place(*node.left, test, mask);
  }
  if (mask && !(mask & ~node.right->leaves)) {
    return right_kept && place(*node.right, test, mask);
  }
  if (node.type != JoinType::kInner || !mask) return false;
  node.tests.push_back(test);
  return true;
}

Result<size_t> JoinTree::leaf_of(const SqlExpression& name) const {
  std::optional<size_t> found;
  std::vector<std::string> known;
  bool table = false;
  for (size_t i = 0; i < leaves_.size(); ++i) {
    const JoinLeaf& leaf = leaves_[i];
    if (!name.qualifier.empty() &&
        !same_letters(leaf.qualifier, name.qualifier)) {
      continue;
    }
    table = true;
    const VisibleColumn* c = find_named(leaf.relation, name.name);
    for (const VisibleColumn& v : leaf.relation.columns) {
      known.push_back(v.name);
    }
    if (!c) continue;
    bool merged =
        leaf.merged[static_cast<size_t>(c - leaf.relation.columns.data())];
    if (name.qualifier.empty() && merged) continue;
    if (found) {
      return sql_error(
          ErrorCode::kInvalid,
          fmt::format("a column of both {} and {}, say which: {}",
                      leaves_[*found].qualifier, leaf.qualifier, name.name),
          name);
    }
    found = i;
  }
  if (found) return *found;
  if (!table) {
    return sql_error(ErrorCode::kInvalid,
                     fmt::format("unknown table: {}", name.qualifier), name);
  }
  std::string near = nearest_name(name.name, known);
  return sql_error(
      ErrorCode::kInvalid,
      fmt::format("unknown column{}: {}",
                  near.empty() ? "" : fmt::format(" (did you mean {}?)", near),
                  name.name),
      name);
}

Status JoinTree::add_leaves(const SqlExpression& node, LeafMask& mask) const {
  if (node.kind == Kind::kColumn) {
    TRY_ASSIGN(size_t leaf, leaf_of(node));
    mask |= LeafMask{1} << leaf;
  }
  if (node.kind == Kind::kSubquery && node.name == "exists") {
    mask |= root_ ? root_->leaves : ~LeafMask{0};
  }
  for (const SqlPtr& argument : node.arguments) {
    TRY(add_leaves(*argument, mask));
  }
  return {};
}

Result<LeafMask> JoinTree::leaves_of(const SqlExpression& node) const {
  LeafMask mask = 0;
  TRY(add_leaves(node, mask));
  return mask;
}

// Names that mean no column may be aliases: they are looked at later.
void JoinTree::need_name(const SqlExpression& node) {
  bool any = node.kind == Kind::kStar;
  for (JoinLeaf& leaf : leaves_) {
    if (!node.qualifier.empty() &&
        !same_letters(leaf.qualifier, node.qualifier)) {
      continue;
    }
    const auto& columns = leaf.relation.columns;
    for (size_t c = 0; c < columns.size(); ++c) {
      bool named = node.kind == Kind::kStar
                       ? !columns[c].by_name
                       : same_letters(columns[c].name, node.name);
      if (named) leaf.needed.push_back(c);
      any |= named;
    }
  }
  if (!any) unknown_.push_back(&node);
}

// EARLIEST and LATEST go by the __time of the first table that has one.
void JoinTree::need_time() {
  for (JoinLeaf& leaf : leaves_) {
    const auto& columns = leaf.relation.columns;
    for (size_t c = 0; c < columns.size(); ++c) {
      if (columns[c].name != kTimeColumn || leaf.merged[c]) continue;
      leaf.needed.push_back(c);
      return;
    }
  }
}

void JoinTree::need(const SqlPtr& node) {
  if (!node) return;
  if (node->kind == Kind::kCall && goes_by_time(node->name)) need_time();
  if (node->kind == Kind::kColumn || node->kind == Kind::kStar) {
    need_name(*node);
  }
  for (const SqlPtr& argument : node->arguments) need(argument);
  need(node->filter);
  if (node->subquery && node->name == "exists") {
    size_t known = unknown_.size();  // others are the sub-query's own
    need(node->subquery->where);
    unknown_.resize(known);
  }
  if (!node->over) return;
  for (const SqlPtr& key : node->over->partition_by) need(key);
  for (const SortItem& sort : node->over->order_by) need(sort.expression);
}

Status JoinTree::need_columns(const SelectStatement& statement) {
  for (const SelectItem& item : statement.items) need(item.expression);
  for (const SqlPtr& key : statement.group_by) need(key);
  for (const SortItem& sort : statement.order_by) need(sort.expression);
  for (const SqlPtr& test : all_tests_) need(test);
  need(statement.where);
  need(statement.having);
  for (JoinLeaf& leaf : leaves_) {
    std::sort(leaf.needed.begin(), leaf.needed.end());
    leaf.needed.erase(std::unique(leaf.needed.begin(), leaf.needed.end()),
                      leaf.needed.end());
  }
  auto is_alias = [&](const SqlExpression& name) {
    return name.qualifier.empty() &&
           std::any_of(statement.items.begin(), statement.items.end(),
                       [&](const SelectItem& item) {
                         return same_letters(item.alias, name.name);
                       });
  };
  for (const SqlExpression* name : unknown_) {
    if (is_alias(*name)) continue;
    TRY_ASSIGN(size_t leaf, leaf_of(*name));
    (void)leaf;
  }
  return {};
}

}  // namespace freshet
