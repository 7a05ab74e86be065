// MergedGroups: the groups of a whole query, by value; segments' groups are
// mapped onto it. Guarded by its owner.
#pragma once

#include <vector>

#include "segments/zeroed_array.h"
#include "server/query/group_keys.h"
#include "server/query/query_control.h"

namespace freshet {

class MergedGroups {
 public:
  explicit MergedGroups(const std::vector<ExpressionPtr>& expressions);

  // to[g] for every group g of `local`. REQUIRES: at least one expression.
  // Errors are `control`'s; this is of no more use then.
  Status map(const GroupKeys& local, std::vector<uint32_t>& to,
             const QueryControl& control) {
    return map_groups(local, to, control);
  }
  Status map(const MergedGroups& local, std::vector<uint32_t>& to,
             const QueryControl& control) {
    return map_groups(local, to, control);
  }

  uint32_t size() const { return num_groups_; }
  // The groups' values of one component, one lane a group; views into this.
  // Fails as `control` does.
  Result<VectorPtr> values(size_t component, const QueryControl& control) const;
  uint64_t memory_bytes() const;

  // As those of GroupKeys.
  uint32_t id(uint32_t group, size_t component) const {
    return group_ids_[group * components_.size() + component];
  }
  uint32_t num_ids(size_t component) const {
    return components_[component].size();
  }
  void intern(size_t component, std::span<const uint32_t> ids, ValueIds& out,
              uint32_t* to) const {
    out.intern_lanes(components_[component].values(), ids, to);
  }

 private:
  template <class Keys>
  Status map_groups(const Keys& local, std::vector<uint32_t>& to,
                    const QueryControl& control);
  template <class Keys>
  Status map_values(const Keys& local, std::vector<uint32_t>& to,
                    const QueryControl& control);

  std::vector<ValueIds> components_;
  // folds_[0]: id of component 0 -> running id; folds_[c]: running id and the
  // id of component c -> running id. The last running id is the group.
  std::vector<IdTable> folds_;
  // Group + 1 by id of the only component; 0: none yet.
  ZeroedArray<uint32_t> group_of_;
  std::vector<uint32_t> group_ids_;
  uint32_t num_groups_ = 0;
};

}  // namespace freshet
