// JoinTree: the tables of a FROM with joins, and which conditions are answered
// where: by one table alone, by a join, or after all of them.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "server/sql/relation.h"
#include "server/sql/syntax.h"

namespace freshet {

using LeafMask = uint32_t;  // a bit for each table

struct JoinLeaf {
  Relation relation;
  std::string qualifier;       // its alias, or its table's name
  std::vector<SqlPtr> tests;   // over this table alone
  std::vector<size_t> needed;  // of relation.columns, ascending
  std::vector<bool> merged;    // by USING, for each column
};

struct JoinNode {
  std::optional<size_t> leaf;  // or both of
  std::unique_ptr<JoinNode> left, right;
  JoinType type = JoinType::kInner;
  std::vector<SqlPtr> tests;  // ON conditions that need both sides
  LeafMask leaves = 0;
};

class JoinTree {
 public:
  using FindLeaf = std::function<Result<Relation>(const FromItem&)>;
  // REQUIRES: from.kind is kJoin. Conditions of ON and of `where` go as far
  // down as the answer allows; `where` keeps the rest.
  static Result<JoinTree> create(const SelectStatement& statement,
                                 const FindLeaf& find, SqlPtr& where);

  JoinNode& root() { return *root_; }
  std::vector<JoinLeaf>& leaves() { return leaves_; }
  // The tables that an expression reads. kInvalid for an unknown or ambiguous
  // name; all of them if a sub-query in it may read any.
  Result<LeafMask> leaves_of(const SqlExpression& node) const;

 private:
  Result<std::unique_ptr<JoinNode>> read(const FromItem& from,
                                         const FindLeaf& find);
  Status add_leaf(const FromItem& from, Relation relation);
  Status place_on(const FromItem& from, JoinNode& node);
  Status add_shared(const FromItem& from, JoinNode& node,
                    std::vector<SqlPtr>& tests);
  // False if it must be answered after the node's join.
  bool place(JoinNode& node, const SqlPtr& test, LeafMask mask);
  Result<size_t> leaf_of(const SqlExpression& name) const;
  Status add_leaves(const SqlExpression& node, LeafMask& mask) const;
  Status need_columns(const SelectStatement& statement);
  void need(const SqlPtr& node);
  void need_name(const SqlExpression& node);
  void need_time();

  std::unique_ptr<JoinNode> root_;
  std::vector<JoinLeaf> leaves_;
  std::vector<SqlPtr> all_tests_;  // of ON, for need_columns
  // A name that means no column: an alias, or an error.
  std::vector<const SqlExpression*> unknown_;
};

}  // namespace freshet
