// GroupKeys: numbers the groups that a task's rows fall into. Works on ids:
// dictionary ids, ids of an expression's distinct dictionary values, or ids
// given to values as they come. One task.
#pragma once

#include <vector>

#include "server/query/block_rows.h"
#include "server/query/id_table.h"
#include "server/query/value_ids.h"

namespace freshet {

class GroupKeys {
 public:
  // `rows`: about how many rows will come, to size the dense array.
  GroupKeys(const std::vector<ExpressionPtr>& expressions,
            const SegmentContext& context, uint64_t rows);

  // groups[lane] for every lane of `rows`. REQUIRES: at least one expression.
  Status assign(BlockRows& rows, std::vector<uint32_t>& groups);

  uint32_t size() const { return num_groups_; }
  size_t num_components() const { return components_.size(); }
  // Id of a component in a group, and how many ids the component has.
  uint32_t id(uint32_t group, size_t component) const {
    return group_ids_[group * components_.size() + component];
  }
  uint32_t num_ids(size_t component) const;
  // Adds the values of a component's ids to `out`, whose ids are to[i].
  void intern(size_t component, std::span<const uint32_t> ids, ValueIds& out,
              uint32_t* to) const;
  uint64_t memory_bytes() const;

 private:
  struct Component {
    ExpressionPtr expression;
    const Column* dictionary = nullptr;       // bare string column
    const DictionaryValues* known = nullptr;  // by dictionary value
    std::unique_ptr<ValueIds> values;         // else
    // The values are all of [least, ...], numbered in this order.
    std::optional<int64_t> least;
    uint32_t numbered = 0;  // of `values`, before the scan; 0: none were
    int bits = 32;
    const uint32_t* lanes = nullptr;  // ids of the block's lanes
    std::vector<uint32_t> lane_ids;   // where they are not the column's own
  };
  Component make_component(const ExpressionPtr& expression,
                           const SegmentContext& context) const;
  static Error outside(const Expression& expression);
  static Status number_by_distance(Component& component, const Vector& values);
  Status read_ids(Component& component, BlockRows& rows);
  void assign_dense(const uint32_t* packed, std::vector<uint32_t>& groups);
  void pack_dense(size_t size);
  Status assign_sparse(const QueryControl& control,
                       std::vector<uint32_t>& groups);
  uint32_t add_group(size_t lane);

  std::vector<Component> components_;
  // There is one component, whose ids are no more than the rows: they are
  // numbers without a hash.
  bool by_id_ = false;
  // Folds the packed ids so far into 32 bits where 64 do not hold more.
  std::vector<IdTable> folds_;
  std::vector<uint32_t> dense_;  // group by packed ids, if few or of one
  IdTable sparse_;               // packed ids -> group
  uint32_t num_groups_ = 0;
  std::vector<uint32_t> group_ids_;  // component ids, group by group
  std::vector<uint64_t> packed_;
  std::vector<uint32_t> packed_ids_;  // for dense_
};

}  // namespace freshet
